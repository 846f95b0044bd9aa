"""How many bits an examination holds: of parameters, of images, of a protocol.

This package loads torch; `cardiotwin.imaging` does not load this package.
"""

from cardiotwin.imaging.information.entropy import (
    entropy_gain,
    quantised_entropy,
    quantised_noise_entropy,
)
from cardiotwin.imaging.information.fisher import crlb, jacobian
from cardiotwin.imaging.information.gaussian import (
    encoding_information,
    gains,
    greedy_order,
    information_after,
    information_by_components,
    rate,
)
from cardiotwin.imaging.information.projection import Components, components, edge
from cardiotwin.imaging.information.series import SeriesInformation, series_information

__all__ = [
    "Components",
    "SeriesInformation",
    "components",
    "crlb",
    "edge",
    "encoding_information",
    "entropy_gain",
    "gains",
    "greedy_order",
    "information_after",
    "information_by_components",
    "jacobian",
    "quantised_entropy",
    "quantised_noise_entropy",
    "rate",
    "series_information",
]
