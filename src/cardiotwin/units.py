"""Clinical units in SI: multiply where data enters, divide where it leaves."""

MMHG = 133.322387415  # Pa
KPA = 1e3  # Pa
ML = 1e-6  # m^3
MM = 1e-3  # m
MS = 1e-3  # s

__all__ = ["KPA", "ML", "MM", "MMHG", "MS"]
