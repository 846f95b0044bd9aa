"""From k-space to images: coil maps from the data, SENSE, and regularised series."""

from cardiotwin.imaging.reconstruction.coil_maps import espirit_maps
from cardiotwin.imaging.reconstruction.dynamic import LowRankSparse, low_rank_sparse
from cardiotwin.imaging.reconstruction.sense import LineSense, SliceSeries, reconstruct, sense

__all__ = [
    "LineSense",
    "LowRankSparse",
    "SliceSeries",
    "espirit_maps",
    "low_rank_sparse",
    "reconstruct",
    "sense",
]
