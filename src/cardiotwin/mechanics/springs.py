"""What holds the wall: the pericardium and the base, as springs and dampers."""

import math
from dataclasses import dataclass, fields

from cardiotwin.errors import InputError

PROFILES = ("linear", "uniform")


@dataclass(frozen=True, kw_only=True)
class Springs:
    """Robin conditions, at rest in the unloaded state, and the fibrous ring at the base.

    Parameters
    ----------
    pericardium
        Stiffness across the epicardium (normal displacement only) at the apex, Pa/m.
    pericardium_profile
        How it falls towards the base: ``linear`` to zero, or ``uniform`` (it does not). A mesh
        with a point field ``pericardium`` brings its own shares of the stiffness, 0 to 1.
    pericardium_damping
        Resistance across the epicardium, Pa s/m, with the same profile; felt in motion only.
    base_normal, base_plane
        Stiffness at the base across and along its plane, Pa/m.
    base_damping
        Resistance of the base in every direction, Pa s/m; felt in motion only.
    base_warp
        Stiffness of the base against warping along the imaged base's normal, Pa/m; it may shift
        and tilt as a plane.
    annulus
        Shear modulus of the fibrous ring that ends the muscle at the base, Pa. It grows linearly
        from zero at `annulus_height` to this at the base.
    annulus_height
        Where the ring begins, as a share of the height over the apex.

    Notes
    -----
    Springs across the epicardium, 0.2 kPa/mm: Pfaller et al. (2019), Biomech Model Mechanobiol
    18:503-529; that they soften towards the base: Strocchi et al. (2020), J Biomech 101:109645.
    They bear a part of the filling pressure, so a fitted stiffness is that of the wall in its
    chest; without them a thin wall is unstable where it is soft. The base is
    held softly, and the annulus is our own addition: fibres end at the cut, so that without a ring
    only the soft matrix bears the pull of the valves there, and the unloaded wall gets a crease.
    Springs and dampers of both kinds: Arostica et al. (2025), CMAME 435:117485.
    """

    pericardium: float = 2e5  # Pa/m
    pericardium_profile: str = "linear"
    pericardium_damping: float = 5e3  # Pa s/m
    base_normal: float = 3e4  # Pa/m
    base_plane: float = 1e5  # Pa/m
    base_damping: float = 5e3  # Pa s/m
    base_warp: float = 1e7  # Pa/m
    annulus: float = 3e3  # Pa
    annulus_height: float = 0.85

    def __post_init__(self) -> None:
        """Refuse springs that push, and a wall that nothing holds."""
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if name in ("pericardium_profile", "annulus_height") or 0 <= value < math.inf:
                continue
            msg = (
                f"Springs.{name} must be finite and not negative, found {value:g}. Use 0 for none."
            )
            raise InputError(msg)
        if self.pericardium_profile not in PROFILES:
            msg = (
                f"Springs.pericardium_profile must be {' or '.join(PROFILES)}, found "
                f"{self.pericardium_profile!r}. Linear falls to zero at the base."
            )
            raise InputError(msg)
        if not 0 <= self.annulus_height < 1:
            msg = (
                f"Springs.annulus_height must lie between 0 (apex) and 1 (base), found "
                f"{self.annulus_height:g}. It is a share of the wall's height."
            )
            raise InputError(msg)
        if self.base_normal == 0 or self.base_plane == 0:
            msg = (
                "The base must be held: Springs.base_normal and base_plane must be positive, "
                f"found {self.base_normal:g} and {self.base_plane:g} Pa/m. A wall that nothing "
                "holds has no equilibrium."
            )
            raise InputError(msg)
