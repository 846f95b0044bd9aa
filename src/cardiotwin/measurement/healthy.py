"""What healthy adults have, beside which a reading is shown."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Healthy:
    """A number of healthy volunteers.

    Parameters
    ----------
    mean, sd
        Over the volunteers, in the unit of the record's key.
    source
        Paper and method.
    """

    mean: float
    sd: float
    source: str


_LIM = "Lim et al. 2021, Eur Radiol 31:3962, 67 volunteers, feature tracking"
_RUSSEL = "Rüssel et al. 2008, JCMR 10:26, 12 volunteers, tagging"
HEALTHY = {
    "gls_percent": Healthy(mean=-17.0, sd=2.1, source=f"{_LIM}, three long-axis views"),
    "gcs_percent": Healthy(mean=-19.2, sd=2.3, source=f"{_LIM}, three slices"),
    "grs_percent": Healthy(mean=34.6, sd=7.1, source=f"{_LIM}, three slices"),
    "torsion_endocardium_deg": Healthy(mean=7.5, sd=1.3, source=_RUSSEL),
    "torsion_epicardium_deg": Healthy(mean=8.0, sd=1.5, source=_RUSSEL),
}
"""By the keys of `twin.json`'s readings; software differs by as much as the spread."""

__all__ = ["HEALTHY", "Healthy"]
