"""Other codes on the same problems."""
