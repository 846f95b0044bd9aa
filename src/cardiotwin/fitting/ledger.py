"""The ledger of an examination: how many bits each acquisition tells of each parameter.

On the scale on which the prior is N(0, 1) a measurement with white rows J adds J'J to the
precision: what it tells is the fall of the entropy, log2 det(P_after) / det(P_before) / 2, of all
parameters together, of some, or of one, whatever the others are (Lindley 1956, Ann Math Stat
27:986-1005; Cover & Thomas 2006, Elements of Information Theory, ch. 8 and 9). Gains given those
before add up to the whole. Averaged over the prior this is what a scan is expected to tell before
it is made; the divergence of the posterior from the prior is what it did tell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.fitting.observations import ASSUMED

type Matrix = Float[np.ndarray, "n n"]
LN4 = 2 * np.log(2)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one acquisition tells.

    Parameters
    ----------
    acquisition
        Its name.
    performed
        Whether it was made, or might be.
    minutes
        How long it takes.
    alone, given_before, given_all
        Bits of all parameters together, beside what is assumed: by itself, given those before it,
        given all others that were made.
    parameters
        Bits of each parameter given all others that were made.
    """

    acquisition: str
    performed: bool
    minutes: float
    alone: float
    given_before: float
    given_all: float
    parameters: Mapping[str, float]

    @property
    def per_minute(self) -> float:
        """Return the bits given all others by minute of scan time."""
        return self.given_all / self.minutes


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What an examination tells of a twin.

    Parameters
    ----------
    entries
        In the order in which they were made, then those that might be.
    joint
        Bits of all that were made, of all parameters together.
    assumed
        Bits that assumptions of a population add to the priors before any measurement.
    parameters
        Bits of each parameter from all that were made.
    best_next
        What might be made and tells most per minute; None where nothing is left.
    """

    entries: tuple[Entry, ...]
    joint: float
    assumed: float
    parameters: Mapping[str, float]
    best_next: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Fisher:
    """The information of acquisitions at several hearts, over which bits are averaged.

    Parameters
    ----------
    names
        Of the parameters.
    by
        J'J of each acquisition's white rows, in the order in which they were made.
    sought
        The parameters of which bits are counted; the others are there and known no better than
        the data tell. All, where it is empty.
    """

    names: tuple[str, ...]
    by: Mapping[str, Float[np.ndarray, "hearts n n"]]
    sought: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no parameter."""
        strange = sorted(set(self.sought) - set(self.names))
        if strange:
            msg = f"Bits are counted of {', '.join(self.names)}, found {', '.join(strange)}."
            raise InputError(msg)

    @property
    def columns(self) -> list[int]:
        """Return where the parameters stand of which bits are counted."""
        return [self.names.index(name) for name in self.sought or self.names]

    def precision(self, acquisitions: Sequence[str]) -> Float[np.ndarray, "hearts n n"]:
        """Return prior, assumptions and acquisitions together."""
        hearts = len(next(iter(self.by.values())))
        found = np.tile(np.eye(len(self.names)), (hearts, 1, 1))
        for name in (ASSUMED, *acquisitions):
            if name in self.by:
                found = found + self.by[name]
        return found

    def entropy_bits(self, acquisitions: Sequence[str]) -> float:
        """Return the mean differential entropy of the parameters, but for a constant, bits."""
        covariance = np.linalg.inv(self.precision(acquisitions))
        own = covariance[:, self.columns][:, :, self.columns]
        return float(np.mean(np.linalg.slogdet(own)[1]) / LN4)

    def entropies(self, acquisitions: Sequence[str]) -> dict[str, float]:
        """Return the mean entropy of each parameter by itself, but for a constant, bits."""
        covariance = np.linalg.inv(self.precision(acquisitions))
        logs = np.mean(np.log(np.einsum("bii->bi", covariance)), axis=0) / LN4
        return {self.names[k]: float(logs[k]) for k in self.columns}


def make_ledger(fisher: Fisher, minutes: Mapping[str, float], performed: Sequence[str]) -> Ledger:
    """Return the ledger of the acquisitions that were made, and of those that might be.

    Parameters
    ----------
    fisher
        Of all of them.
    minutes
        Of each.
    performed
        Those that were made, in their order.

    Raises
    ------
    InputError
        If an acquisition has no information, or takes no time.
    """
    others = [name for name in fisher.by if name != ASSUMED and name not in performed]
    for name in (*performed, *others):
        if name not in fisher.by or not minutes.get(name, 0) > 0:
            msg = (
                f"The ledger needs rows and minutes above zero of {name}, found "
                f"{'rows' if name in fisher.by else 'no rows'} and {minutes.get(name, 0):g} min."
            )
            raise InputError(msg)
    nothing = fisher.entropy_bits(())
    whole, alone = list(performed), fisher.entropies(())
    entries = []
    for number, name in enumerate((*whole, *others)):
        made = name in performed
        before = whole[:number] if made else whole
        rest = [other for other in whole if other != name]
        less, more = fisher.entropies(rest), fisher.entropies([*rest, name])
        entries.append(
            Entry(
                acquisition=name,
                performed=made,
                minutes=minutes[name],
                alone=nothing - fisher.entropy_bits([name]),
                given_before=fisher.entropy_bits(before) - fisher.entropy_bits([*before, name]),
                given_all=fisher.entropy_bits(rest) - fisher.entropy_bits([*rest, name]),
                parameters={key: less[key] - more[key] for key in less},
            )
        )
    told = fisher.entropies(whole)
    left = [entry for entry in entries if not entry.performed]
    return Ledger(
        entries=tuple(entries),
        joint=nothing - fisher.entropy_bits(whole),
        assumed=-nothing,
        parameters={key: alone[key] - told[key] for key in told},
        best_next=max(left, key=lambda entry: entry.per_minute).acquisition if left else None,
    )


def realised_bits(x: Float[np.ndarray, "draws n"]) -> float:
    """Return the divergence of draws from N(0, 1), all parameters together, bits.

    By the draws' mean and covariance: exact for a normal posterior. Its mean over examinations is
    what they were expected to tell.
    """
    mean, covariance = x.mean(axis=0), np.atleast_2d(np.cov(x.T))
    size = np.linalg.slogdet(covariance)[1]
    return float((np.trace(covariance) + mean @ mean - x.shape[1] - size) / LN4)


__all__ = ["Entry", "Fisher", "Ledger", "make_ledger", "realised_bits"]
