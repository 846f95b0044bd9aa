"""A twin's evidence and beliefs as one posterior takes them: measurements and priors by name."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from cardiotwin.fitting.evidence import Evidence, Measured
from cardiotwin.fitting.observations import ASSUMED, Measurement, scalar
from cardiotwin.fitting.personalise import Priors
from cardiotwin.fitting.priors import LogNormal, Normal, Prior, Uniform, Within
from cardiotwin.fitting.reduced_twin import ED, ES, SIZE, ReducedTwin
from cardiotwin.mechanics.parametric import HELD, SHARE
from cardiotwin.units import MMHG

READ = 0.2 * MMHG  # to which a pressure is read off
WALL_SD = 0.05  # of the wall's volume: Grothues et al. 2002, Am J Cardiol 90:29 (from memory)
SIZE_PRIOR = Normal(
    mean=1.0,
    sd=0.03,
    source="unloaded share of the end-diastolic volume +- 0.05 between hearts, Klotz et al. 2006",
)
SUPPORT_PRIOR = LogNormal(median=1.0, sd=0.5, source="stiffness of supports, our spread")
ACQUIRED = {"contours": "cine", "cuff": "cuff", "subject": "catheter", "assumed": ASSUMED}
KLOTZ_SLOPE = 0.006 / MMHG  # of the unloaded share by the pressure, eq. 3


def twin_priors(twin: ReducedTwin, believed: Priors) -> dict[str, Prior]:
    """Return what is believed of each of a twin's parameters, within the reduced heart's range."""
    laws: dict[str, Prior] = {
        "passive_scale": believed.passive_scale,
        "passive_exponent": believed.passive_exponent,
        "active_tension": believed.contractility,
        SIZE: SIZE_PRIOR,
        **dict.fromkeys(HELD, SUPPORT_PRIOR),
    }
    found: dict[str, Prior] = {}
    for name, (low, high) in twin.span.items():
        if name in laws:
            found[name] = Within(law=laws[name], lower=low, upper=high)
        else:
            what = "a region may be weak" if name.endswith(SHARE) else "where it was imaged"
            found[name] = Uniform(lower=low, upper=high, source=f"nothing is known but {what}")
    return found


def twin_measurements(
    twin: ReducedTwin,
    evidence: Evidence,
    at: Float[np.ndarray, " parameters"],
    *,
    wall_volume: float,
    full: Mapping[str, Float[np.ndarray, "n n"]] | None = None,
) -> list[Measurement]:
    """Return a twin's measurements; those that it has not are absent.

    Parameters
    ----------
    at
        The heart about which the model's error is taken.
    wall_volume
        Of the imaged wall, m^3.
    full
        Covariance of what the reduced heart misses of the full one, by observable.
    """
    found = []

    def put(observable: str, measured: Measured, unit: str) -> None:
        error = twin.error(observable, at) + (full or {}).get(observable, 0.0)
        found.append(
            scalar(
                observable,
                observable,
                ACQUIRED.get(measured.source, measured.source),
                measured.value,
                measured.sd,
                unit=unit,
                source=measured.source,
                model_sd=float(np.sqrt(error[0, 0])),
            )
        )

    put(f"{ED}_volume", evidence.end_diastolic_volume, "m^3")
    put(f"{ED}_pressure", evidence.end_diastolic_pressure, "Pa")
    wall = Measured(value=wall_volume, sd=WALL_SD * wall_volume, source="contours")
    put("wall_volume", wall, "m^3")
    if ES in twin.states and evidence.end_systolic_volume and evidence.end_systolic_pressure:
        put(f"{ES}_volume", evidence.end_systolic_volume, "m^3")
        put(f"{ES}_pressure", evidence.end_systolic_pressure, "Pa")
    for number, (pressure, volume) in enumerate(evidence.diastolic_points, start=1):
        if pressure > 0:  # whose error the volume's has in it
            put(f"diastolic_{number}_volume", volume, "m^3")
            at_pressure = Measured(value=pressure, sd=READ, source=volume.source)
            put(f"diastolic_{number}_pressure", at_pressure, "Pa")
        else:
            put("unloaded_volume", volume, "m^3")
    if evidence.klotz is not None:
        filling = evidence.end_diastolic_pressure
        share = Measured(
            value=evidence.klotz.unloaded_volume / evidence.klotz.volume,
            sd=float(np.hypot(evidence.klotz.unloaded_fraction_sd, KLOTZ_SLOPE * filling.sd)),
            source="assumed",
        )
        put("unloaded_share", share, "1")
    return found


__all__ = ["twin_measurements", "twin_priors"]
