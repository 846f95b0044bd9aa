"""How the volunteer is scanned and annotated: a standard short-axis cine stack."""

from dataclasses import dataclass

from cardiotwin.errors import InputError
from cardiotwin.exam.limits import require_between, require_positive
from cardiotwin.units import MM, MS


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A short-axis cine stack and how an annotator labels it.

    Parameters
    ----------
    n_slices
        Slices from one above the base to below the apex.
    slice_thickness, slice_distance
        Thickness of the excited slice and distance of the slices' middles, m (8 mm with a gap of
        2 mm: Petersen et al. 2016, JCMR 18:8).
    pixel
        In-plane pixel, m.
    matrix
        Pixels along the two in-plane axes.
    planning_tilt
        Angle between the slices' normal and the long axis, rad.
    planning_offset
        How far the basal slice's upper face lies above the base's centre at end-diastole, m:
        the stack is planned on the mitral plane (Schulz-Menger et al. 2020, JCMR 22:19).
    in_plane_turn
        Angle of the stack's rows about its normal, rad.
    off_centre
        How far the picture's middle lies from the LV towards the RV, m.
    slice_shift_sd
        Standard deviation, per axis, of a slice's place in its breath-hold, m; all frames of a
        slice share it.
    phase_shift_sd
        Further shift, independent between the frames of a slice, m: nought where, as is usual,
        all frames come from one breath-hold.
    label_noise
        Standard deviation of the annotator's smooth boundary error, m.
    valve_noise
        Standard deviation, per axis, of the points where long-axis views cut the mitral ring, m.
    flip
        Flip angle of the balanced steady-state sequence, rad.
    repetition_time
        s.
    signal_to_noise
        Of blood at the heart's centre.
    """

    n_slices: int = 10
    slice_thickness: float = 8 * MM
    slice_distance: float = 10 * MM
    pixel: float = 1.4 * MM
    matrix: tuple[int, int] = (208, 176)
    planning_tilt: float = 0.06
    planning_offset: float = 0.0
    in_plane_turn: float = 0.35
    off_centre: float = 15 * MM
    slice_shift_sd: float = 1.5 * MM
    phase_shift_sd: float = 0.0
    label_noise: float = 0.7 * MM
    valve_noise: float = 1 * MM
    flip: float = 1.047
    repetition_time: float = 3 * MS
    signal_to_noise: float = 36.0

    def __post_init__(self) -> None:
        """Refuse what is not a stack of a heart."""
        require_between(self, "n_slices", 4, 40)
        require_between(self, "slice_distance", 1 * MM, 20 * MM)
        require_between(self, "slice_thickness", 1 * MM, self.slice_distance)
        require_between(self, "pixel", 0.3 * MM, 4 * MM)
        for name in ("flip", "repetition_time", "signal_to_noise"):
            require_positive(self, name)
        require_between(self, "planning_tilt", 0.0, 0.4)
        require_between(self, "planning_offset", -20 * MM, 20 * MM)
        for name in ("slice_shift_sd", "phase_shift_sd", "label_noise", "valve_noise"):
            require_between(self, name, 0.0, 10 * MM)
        if min(self.matrix) * self.pixel < 150 * MM:
            msg = (
                "Scan.matrix times Scan.pixel must be 0.15 m or more, found "
                f"{min(self.matrix) * self.pixel:.3g} m. Give more pixels: the heart must fit."
            )
            raise InputError(msg)


__all__ = ["Scan"]
