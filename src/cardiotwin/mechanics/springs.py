"""What holds the wall: the pericardium and the base, as springs."""

from dataclasses import dataclass

from cardiotwin.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Springs:
    """Robin conditions, at rest in the unloaded state.

    Parameters
    ----------
    pericardium
        Stiffness across the epicardium (normal displacement only) at the apex, Pa/m; it falls
        linearly to zero at the base.
    base_normal, base_plane
        Stiffness at the base across and along its plane, Pa/m.

    Notes
    -----
    Form and stiffness of the pericardium: Pfaller et al. (2019), Biomech Model Mechanobiol
    18:503-529 (0.2 kPa/mm); that it falls from apex to base: Strocchi et al. (2020), J Biomech
    101:109645. The base is held softly: springs that keep its unloaded size make creases in the
    unloaded wall beside it.
    """

    pericardium: float = 2e5  # Pa/m
    base_normal: float = 1e4  # Pa/m
    base_plane: float = 2e5  # Pa/m

    def __post_init__(self) -> None:
        """Refuse springs that push, and a wall that nothing holds."""
        for name in ("pericardium", "base_normal", "base_plane"):
            value = getattr(self, name)
            if not value >= 0:
                msg = f"Springs.{name} must not be negative, found {value:g} Pa/m. Use 0 for none."
                raise InputError(msg)
        if self.base_normal == 0 or self.base_plane == 0:
            msg = (
                "The base must be held: Springs.base_normal and base_plane must be positive, "
                f"found {self.base_normal:g} and {self.base_plane:g} Pa/m. A wall that nothing "
                "holds has no equilibrium."
            )
            raise InputError(msg)
