"""Many curves of one muscle: what they have in common is told by all of them.

Flow, permeability, plasma and interstitium differ less from place to place than from person to
person. Each curve's are believed to lie about medians that all share and that are sought too (a
fixed median of flow would be told to every curve anew, and outweigh them all): a normal hierarchy,
by the curves' own linearised posteriors (Lindley & Smith 1972, J R Stat Soc B 34:1-41). What stays
open of the medians makes an error of flow that is common to all curves.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from cardiotwin.perfusion.believed_fit import fit_with_prior
from cardiotwin.perfusion.fitting import HAEMATOCRIT
from cardiotwin.perfusion.kinetic_prior import NAMES, BelievedFit, KineticPrior

WITHIN = np.array([0.6, 0.4, 0.4, 0.4, 0.4])
"""Of the prior's standard deviations, those of flow first: from place to place in one muscle."""
ROUNDS = 2  # of medians, then curves


def fit_one_muscle(
    time: Float[np.ndarray, " samples"],
    concentration: Float[np.ndarray, "curves samples"],
    aif: Float[np.ndarray, " samples"],
    *,
    prior: KineticPrior | None = None,
    haematocrit: float = HAEMATOCRIT,
) -> tuple[KineticPrior, BelievedFit]:
    """Return the prior about the medians of this muscle, and what the curves tell with it.

    Parameters and errors are those of `fit_with_prior`; the fit's `common` is filled.
    """
    believed = prior or KineticPrior()
    given = {"haematocrit": haematocrit}
    own, within = believed, np.ones(len(NAMES))
    found = fit_with_prior(time, concentration, aif, prior=own, **given)
    left = np.eye(len(NAMES))
    for _ in range(ROUNDS):
        centre, left = _medians(found, believed, own, within)
        within = WITHIN
        own = _about(believed, centre, within)
        found = fit_with_prior(time, concentration, aif, prior=own, **given)
    root = np.linalg.cholesky(left)
    slope = believed.mbf_sd * WITHIN[0] * found.covariance[:, 0] / WITHIN
    return own, replace(found, common=slope @ root)


def _about(
    believed: KineticPrior, centre: Float[np.ndarray, "5"], within: Float[np.ndarray, "5"]
) -> KineticPrior:
    """Return the prior about medians, in units of what was believed before."""
    moved: dict[str, float] = {}
    for row, name in enumerate(NAMES):
        median, sd = getattr(believed, name), getattr(believed, f"{name}_sd")
        shift = sd * float(centre[row])
        moved[name] = median + shift if name == "delay" else median * float(np.exp(shift))
        moved[f"{name}_sd"] = sd * float(within[row])
    return KineticPrior(**moved)


def _medians(
    found: BelievedFit, believed: KineticPrior, own: KineticPrior, within: Float[np.ndarray, "5"]
) -> tuple[Float[np.ndarray, "5"], Float[np.ndarray, "5 5"]]:
    """Return the medians, in units of what was believed, and their covariance.

    `own` with `within` is the prior of the fit.
    """
    told = found.told
    values = {name: found.values[name][told] for name in NAMES}
    y = np.stack(
        [
            (values[name] - believed.delay if name == "delay" else np.log(values[name] / start))
            / getattr(believed, f"{name}_sd")
            for name, start in ((name, getattr(believed, name)) for name in NAMES)
        ],
        axis=1,
    )
    centre = np.array(
        [
            (getattr(own, name) - getattr(believed, name))
            if name == "delay"
            else np.log(getattr(own, name) / getattr(believed, name))
            for name in NAMES
        ]
    ) / np.array([getattr(believed, f"{name}_sd") for name in NAMES])
    scale = np.outer(within, within)
    precision = np.linalg.inv(found.covariance[told] * scale)
    hessian = precision - np.diag(1 / within**2)  # of the curves alone
    pull = np.einsum("nij,nj->ni", precision, y) - centre / within**2  # hessian times its own mode
    inverse = np.diag(1 / WITHIN**2)
    kept = inverse @ np.linalg.inv(hessian + inverse)
    weight = (kept @ hessian).sum(axis=0)
    total = np.einsum("nij,nj->ni", kept, pull).sum(axis=0)
    left = np.linalg.inv(np.eye(len(NAMES)) + weight)
    return left @ total, (left + left.T) / 2


__all__ = ["fit_one_muscle"]
