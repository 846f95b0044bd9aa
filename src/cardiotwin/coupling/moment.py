"""Wall and blood at one time."""

from dataclasses import dataclass

from cardiotwin.circulation import State
from cardiotwin.coupling.coronary_step import Perfused
from cardiotwin.mechanics.dynamics import Kinematics
from cardiotwin.mechanics.muscle import Bridges


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """Wall and loop at one time.

    Parameters
    ----------
    wall
        Its placement and motion.
    loop
        The blood.
    bridges
        The muscle's state, where cross-bridges make it contract.
    perfused
        The coronary beds, where the loop has any.
    """

    wall: Kinematics
    loop: State
    bridges: Bridges | None = None
    perfused: Perfused | None = None

    @property
    def time(self) -> float:
        """Return the time, s."""
        return self.loop.time

    @property
    def active_tension(self) -> float:
        """Return the prescribed tension, or the cross-bridges' mean, Pa."""
        if self.bridges is not None:
            return self.bridges.mean_tension
        return self.wall.solved.loads.active_tension
