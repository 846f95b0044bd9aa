"""Blood's velocity from complex images, and the numbers it tells."""

from cardiotwin.measurement.flow.beat import FlowBeat, flow_beat
from cardiotwin.measurement.flow.lumen import Lumen, moving_lumen
from cardiotwin.measurement.flow.parts import blood_parts
from cardiotwin.measurement.flow.prior import Strength
from cardiotwin.measurement.flow.retrieval import FlowRetrieval, retrieve_flow

__all__ = [
    "FlowBeat",
    "FlowRetrieval",
    "Lumen",
    "Strength",
    "blood_parts",
    "flow_beat",
    "moving_lumen",
    "retrieve_flow",
]
