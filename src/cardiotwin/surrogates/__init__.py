"""Reduced models of the wall, with gradients (torch)."""
