"""Hearts drawn by formula, to write as label stacks and guide points."""

from pathlib import Path

import nibabel as nib
import numpy as np

TURN = np.array([[0.0, -0.8, 0.6], [1.0, 0.0, 0.0], [0.0, 0.6, 0.8]])  # an oblique short axis


def ellipsoid_heart(
    shape=(64, 64, 12), spacing=(1.5, 1.5, 8.0), inner=(24.0, 24.0, 70.0), wall=10.0
):
    """Return ACDC labels of half an ellipsoid, empty above its base, and its affine in mm."""
    steps = np.array(spacing)
    i, j, k = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    x, y = (i - 30.3) * steps[0], (j - 33.1) * steps[1]
    z = (shape[2] - 1.5 - k) * steps[2]  # below the base

    def inside(axes, shift=0.0):
        ratio = ((x - shift) / axes[0]) ** 2 + (y / axes[1]) ** 2 + (z / axes[2]) ** 2
        return (ratio <= 1) & (z > 0)

    outer = np.array(inner) + wall
    labels = np.zeros(shape, dtype=np.uint8)
    labels[inside(outer * [1.1, 0.9, 0.8], shift=-22.0)] = 1
    labels[inside(outer)] = 2
    labels[inside(inner)] = 3
    affine = np.eye(4)
    affine[:3, :3] = TURN * steps
    affine[:3, 3] = [12.0, -40.0, 33.0]
    return labels, affine


def write(path: Path, array, affine, **header):
    """Write a NIfTI file with its lengths in millimetres unless `xyz` says otherwise."""
    image = nib.Nifti1Image(array, affine)
    image.header.set_xyzt_units(header.get("xyz", "mm"), "sec")
    nib.save(image, path)
    return path


def as_ukbb(labels):
    return np.array([0, 4, 2, 1], dtype=np.uint8)[labels]


GUIDE_HEADING = "x\ty\tz\tcontour type\tsliceID\tweight\ttime frame\n"


def write_guide_points(folder: Path, radii, *, n_slices=6, distance=10.0, slice_info=True):
    """Write a cylinder's short-axis contours, one frame for each (inner, outer) radius in mm."""
    folder.mkdir(parents=True, exist_ok=True)
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    for frame, pair in enumerate(radii):
        rows = []
        for number in range(n_slices):
            for name, radius in zip(("ENDOCARDIAL", "EPICARDIAL"), pair, strict=True):
                for a in angle:
                    x, y = radius * np.cos(a), radius * np.sin(a)
                    row = (x, y, number * distance, f"SAX_LV_{name}", number, 1.0, frame)
                    rows.append("\t".join(map(str, row)))
        (folder / f"GPFile_{frame:03d}.txt").write_text(GUIDE_HEADING + "\n".join(rows) + "\n")
    if slice_info:
        lines = [
            f"a.dcm\tsliceID:\t{number}\tImagePositionPatient\t-60\t-60\t{number * distance}\t"
            "ImageOrientationPatient\t1\t0\t0\t0\t1\t0\tPixelSpacing\t1.5\t1.5"
            for number in range(n_slices)
        ]
        (folder / "SliceInfoFile.txt").write_text("\n".join(lines) + "\n")
    return folder
