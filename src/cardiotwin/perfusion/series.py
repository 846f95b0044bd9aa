"""A first pass as it comes from the scanner: read with its header, and made into concentration.

The images of the pass are divided by one without saturation, so that coils and proton density
cancel; what is left is a function of the relaxation rate alone, which is inverted by a table. The
rate before the bolus is the tissue's own, voxel by voxel; what it rises above that, over the
agent's relaxivity, is concentration (Kellman et al. 2017, JCMR 19:43, for the normalisation).
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.affine import spacing
from cardiotwin.imaging.encoded import PHASE
from cardiotwin.imaging.encoded_header import header_beside, one_number
from cardiotwin.imaging.nifti import is_nifti, read_volume, stem
from cardiotwin.imaging.signal import relaxivity
from cardiotwin.perfusion.first_pass_signal import ReadOut, read_out_signal
from cardiotwin.perfusion.series_header import input_beside, read_out, thickness, times

FOLDER = "perfusion"
SMALLEST = 8  # voxels to either side that can show a heart
AIR = 0.1  # of the brightest: no body below it
RATES = np.linspace(-3.0, 60.0, 6301)
"""1/s, of the table: noise makes rates below 0, which are kept so that means are unbiased."""
SLOWEST = 1e-6  # 1/s, in place of 0, whose T1 is infinite
OWN_RATES = (0.2, 3.0)  # 1/s, of tissue and blood without agent
FOOT = 0.03  # of its rise, of what rises most: muscle comes later
BRIGHT = 99.0  # percentile of the means over the pass, by which the bolus is seen


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstPassSeries:
    """A first pass before any fit.

    Parameters
    ----------
    time
        Of the frames, s after the first.
    signal
        Of each voxel and frame, in phase with the image without saturation where phases are known.
    unsaturated
        That image.
    affine, thickness
        Voxel index to world, m, and how thick the slices are, m.
    read_out
        How the centre of k-space was read.
    agent, field_strength
        Name in `RELAXIVITY`, and T.
    aif
        Arterial input told beside the images, mol/m^3 in whole blood, None where there is none.
    flags
        What is doubtful in the file.
    source
        The file.
    """

    time: Float[np.ndarray, " frames"]
    signal: Float[np.ndarray, "i j k frames"]
    unsaturated: Float[np.ndarray, "i j k"]
    affine: Float[np.ndarray, "4 4"]
    thickness: float
    read_out: ReadOut
    agent: str
    field_strength: float
    aif: Float[np.ndarray, " frames"] | None
    flags: tuple[Flag, ...]
    source: Path

    @property
    def body(self) -> Bool[np.ndarray, "i j k"]:
        """Return where there is any signal to divide by."""
        return np.asarray(self.unsaturated > AIR * np.percentile(self.unsaturated, 99))

    def near(self, points: Float[np.ndarray, "n 3"], margin: float) -> "FirstPassSeries":
        """Return the part of the images about points, m, all slices of it."""
        index = (points - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T
        beyond = margin / spacing(self.affine)[:2]
        size = np.array(self.unsaturated.shape[:2])
        low = np.clip(np.floor(index[:, :2].min(axis=0) - beyond), 0, size - 1).astype(int)
        high = np.clip(np.ceil(index[:, :2].max(axis=0) + beyond), 1, size).astype(int)
        if (high - low < SMALLEST).any():
            ends = [np.round(1e3 * end) for end in (points.min(axis=0), points.max(axis=0))]
            msg = (
                f"{self.source.name} does not show the heart, which lies from {ends[0]} to "
                f"{ends[1]} mm. Look at its affine: the world is RAS."
            )
            raise InputError(msg)
        box = (slice(low[0], high[0]), slice(low[1], high[1]))
        affine = self.affine.copy()
        affine[:3, 3] += self.affine[:3, :2] @ low
        return replace(
            self, signal=self.signal[box], unsaturated=self.unsaturated[box], affine=affine
        )

    def quiet(self) -> int:
        """Return how many frames know nothing of the bolus, by what is fullest over the pass."""
        shown = self.signal[self.body] / self.unsaturated[self.body][:, None]
        full = shown.mean(axis=1)
        course = shown[full >= np.percentile(full, BRIGHT)].mean(axis=0)
        rising = course - course[0] > FOOT * (course.max() - course[0])
        return max(1, int(np.argmax(rising)))

    def concentration(
        self,
        signal: Float[np.ndarray, "*voxels frames"],
        unsaturated: Float[np.ndarray, "*voxels"],
        quiet: int,
    ) -> Float[np.ndarray, "*voxels frames"]:
        """Return mol/m^3 of signals, or of their means over voxels; NaN where none tells it.

        The first `quiet` frames are those before the bolus.
        """
        ratio = signal / np.where(unsaturated > 0, unsaturated, np.nan)[..., None]
        pass_, whole = (self._of_rate(saturated=kind) for kind in (True, False))
        rising = pass_ / whole
        own = np.abs(RATES - np.mean(OWN_RATES)) <= np.ptp(OWN_RATES) / 2
        before = np.interp(ratio[..., :quiet].mean(-1), rising[own], RATES[own])
        scale = np.interp(before, RATES, whole)
        rate = np.interp(ratio * scale[..., None], pass_, RATES, left=np.nan, right=np.nan)
        r1 = relaxivity(self.agent, self.field_strength)
        return np.asarray((rate - before[..., None]) / r1)

    def _of_rate(self, *, saturated: bool) -> Float[np.ndarray, " rates"]:
        """Return the signal by relaxation rate, up to where it stops rising."""
        found = read_out_signal(
            np.zeros_like(RATES),
            1 / np.where(np.abs(RATES) < SLOWEST, SLOWEST, RATES),
            self.read_out,
            agent=self.agent,
            field_strength=self.field_strength,
            saturated=saturated,
        )
        return np.asarray(np.maximum.accumulate(found) if saturated else found)


def first_pass_files(folder: Path) -> tuple[Path, ...]:
    """Return the first passes of a subject's folder: NIfTI files of magnitudes with a sidecar."""
    place = folder / FOLDER
    items = sorted(place.iterdir()) if place.is_dir() else []
    return tuple(item for item in items if is_nifti(item) and not stem(item).endswith(PHASE))


def read_first_pass(path: Path) -> FirstPassSeries:
    """Return a first pass: 4-D magnitudes, `name.json` and, where they are, phases and the input.

    The header's `DynamicTime` has one number for each image, s, and null for that without
    saturation; `SaturationTime`, `RepetitionTime` (s), `FlipAngle` (degrees), `CentrePulse`,
    `ContrastBolusIngredient` and `MagneticFieldStrength` say how it was read;
    `SliceThickness`, mm, is needed where there are gaps between slices. `name_aif.tsv` has a line
    of names, then time, s, and concentration in whole blood, mol/m^3, for each frame.

    Raises
    ------
    InputError
        If a file or a key is missing, of another length, or of no sense.
    """
    volume = read_volume(path)
    header = header_beside(path)
    images = np.asarray(volume.array, dtype=np.float64)
    if not np.isfinite(images).all():
        msg = (
            f"{path.name} has {int((~np.isfinite(images)).sum())} values that are no numbers. "
            "Convert the series again, or leave the frames out."
        )
        raise InputError(msg)
    time, first = times(header, images.shape[3], path)
    if not (images[..., first] > 0).any() or np.ptp(images) == 0:
        msg = f"{path.name} has no signal: its images are all of one value. Convert it again."
        raise InputError(msg)
    phase = path.with_name(f"{stem(path)}{PHASE}.nii.gz")
    if phase.is_file():
        angle = np.asarray(read_volume(phase).array, dtype=np.float64)
        if angle.shape != images.shape:
            msg = f"{phase.name} has the shape {angle.shape}, the images {images.shape}."
            raise InputError(msg)
        # Magnitudes so small would be biased by their noise.
        images = images * np.cos(angle - angle[..., first : first + 1])
    passing = np.delete(images, first, axis=3)
    field = one_number(header, "MagneticFieldStrength", path)
    agent = header.get("ContrastBolusIngredient")
    if field is None or not isinstance(agent, str):
        msg = (
            f"{stem(path)}.json must have MagneticFieldStrength and ContrastBolusIngredient, "
            f"found {field} and {agent!r}: without them signal is no concentration."
        )
        raise InputError(msg)
    relaxivity(agent, field)  # refuses one that is not known
    return FirstPassSeries(
        time=time,
        signal=passing,
        unsaturated=images[..., first],
        affine=volume.affine,
        thickness=thickness(header, volume.affine, path),
        read_out=read_out(header, path),
        agent=agent,
        field_strength=field,
        aif=input_beside(path, time),
        flags=volume.flags,
        source=path,
    )


__all__ = ["FirstPassSeries", "first_pass_files", "read_first_pass"]
