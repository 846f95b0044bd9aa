import sys
from pathlib import Path

# The bodies that tests and experiments share.
sys.path.append(str(Path(__file__).resolve().parents[2] / "experiments"))
