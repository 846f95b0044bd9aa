"""Raw data: read-outs with their headers, in and out of the ISMRM raw data format."""

from cardiotwin.imaging.raw.grid import Spectra, cartesian_spectra
from cardiotwin.imaging.raw.outline import RawOutline, outline_raw
from cardiotwin.imaging.raw.personal import personal_data
from cardiotwin.imaging.raw.read import read_raw
from cardiotwin.imaging.raw.scan import Protocol, RawScan, Readouts, Trace
from cardiotwin.imaging.raw.write import write_raw

__all__ = [
    "Protocol",
    "RawOutline",
    "RawScan",
    "Readouts",
    "Spectra",
    "Trace",
    "cartesian_spectra",
    "outline_raw",
    "personal_data",
    "read_raw",
    "write_raw",
]
