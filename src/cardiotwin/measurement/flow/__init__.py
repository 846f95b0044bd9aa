"""Blood's velocity from complex images, and the numbers it tells."""

from cardiotwin.measurement.flow.lumen import Lumen
from cardiotwin.measurement.flow.prior import Strength
from cardiotwin.measurement.flow.retrieval import FlowRetrieval, retrieve_flow

__all__ = ["FlowRetrieval", "Lumen", "Strength", "retrieve_flow"]
