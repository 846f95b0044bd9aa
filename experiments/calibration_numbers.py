"""What `calibration.py` counts over its hearts: coverage, ranks, correlations, bits."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import chisquare, norm

from cardiotwin.fitting import Posterior, make_ledger
from cardiotwin.fitting.acquisitions import Acquisition, fisher_of, hypothetical
from cardiotwin.fitting.ledger import realised_bits
from cardiotwin.fitting.priors import Prior
from cardiotwin.fitting.reduced_twin import ReducedTwin

LEVEL = 0.9
BINS = 10


def middle(twin: ReducedTwin) -> Mapping[str, Any]:
    """Return what the twin predicts in the middle of its range."""
    return twin.predict(np.array([[np.mean(ends) for ends in twin.span.values()]]))


def told(found: Posterior, x: np.ndarray) -> dict[str, Any]:
    """Return what is kept of a heart."""
    mode = found.modes[0]
    spread = np.sqrt(np.diag(mode.covariance))
    return {
        "rank": np.mean(found.x < x, axis=0).tolist(),
        "laplace": norm.cdf((x - mode.x) / spread).tolist(),
        "rhat": max(each.rhat for each in found.diagnosis.values()),
        "bits": realised_bits(found.x),
        "correlation": found.correlation.tolist(),
        "flags": [flag.name for flag in found.flags],
        "cpu_s": found.cpu_s,
    }


def coverage(twin: ReducedTwin, known: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the coverage of each parameter, and the strongest mean correlation."""
    ranks, laplace = (np.array([each[key] for each in known]) for key in ("rank", "laplace"))
    result: dict[str, Any] = {"hearts": len(known)}
    for k, name in enumerate(twin.names):
        for key, share in (("", ranks[:, k]), ("laplace_", laplace[:, k])):
            inside = np.abs(share - 0.5) <= LEVEL / 2
            result[f"{key}coverage_percent_{name}"] = 100 * float(inside.mean())
        counts = np.histogram(ranks[:, k], BINS, (0, 1))[0]
        result[f"rank_p_{name}"] = float(chisquare(counts).pvalue)
    mean = np.mean([each["correlation"] for each in known], axis=0)
    off = np.abs(mean - np.eye(len(mean)))
    for a, b in zip(*np.unravel_index(np.argsort(-off, axis=None)[:6:2], off.shape), strict=True):
        result[f"correlation_{twin.names[a]}_{twin.names[b]}"] = float(mean[a, b])
    result["rhat_max"] = max(each["rhat"] for each in known)
    result["posterior_s_median"] = float(np.median([each["cpu_s"] for each in known]))
    return result


def bits(
    twin: ReducedTwin,
    priors: Mapping[str, Prior],
    known: list[dict[str, Any]],
    chosen: Mapping[str, Acquisition],
) -> dict[str, float]:
    """Return the bits that were expected of all parameters and states, and those told."""
    x = np.random.default_rng(0).standard_normal((400, len(twin.names)))
    fisher = fisher_of(twin, priors, hypothetical(chosen, middle(twin)), x)
    ledger = make_ledger(fisher, dict.fromkeys(chosen, 1.0), list(chosen))
    divergence = np.array([each["bits"] for each in known])
    return {
        "predicted_bits": ledger.joint,
        "realised_bits": float(divergence.mean()),
        "realised_bits_se": float(divergence.std() / np.sqrt(len(divergence))),
    }
