"""A stack as one enhanced multi-frame DICOM file, which names nobody.

DICOM PS3.3, A.36 (Enhanced MR Image IOD) with the functional groups of C.7.6.16.2: what all frames
share is written once, place and trigger time by frame.
"""

from hashlib import sha256
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage, generate_uid

from cardiotwin.imaging.affine import LPS_TO_RAS, spacing
from cardiotwin.imaging.dicom_write import UNNAMED, Acquisition, decimal, save, whole_numbers
from cardiotwin.imaging.examination import ImageStack
from cardiotwin.units import MM, MS

_STACK, _POSITION, _TIME = 0x00209056, 0x00209057, 0x00209128  # StackID, InStack.., Temporal..
_FRAME_CONTENT = 0x00209111


def write_enhanced_dicom(
    stack: ImageStack, path: Path, acquisition: Acquisition, *, series: int = 1
) -> Path:
    """Write a cine stack into one file and return it.

    Parameters
    ----------
    stack
        Magnitudes, stored to the nearest whole number.
    path
        Its folder is made where it is missing.
    acquisition
        How it was taken.
    series
        Number of the series.

    Raises
    ------
    InputError
        If the values do not fit into 16 bits.
    """
    values = whole_numbers(stack)
    mark = sha256(stack.array.tobytes() + stack.affine.tobytes()).hexdigest()
    n_slices, n_frames = stack.array.shape[2:]
    data = Dataset()
    data.SOPClassUID = EnhancedMRImageStorage
    for key, name in (("SOPInstanceUID", "image"), ("StudyInstanceUID", "study")):
        setattr(data, key, generate_uid(entropy_srcs=[mark, name, str(series)]))
    data.SeriesInstanceUID = generate_uid(entropy_srcs=[mark, "series", str(series)])
    data.FrameOfReferenceUID = generate_uid(entropy_srcs=[mark, "place"])
    for name in UNNAMED:
        setattr(data, name, "")
    data.Modality, data.SeriesNumber, data.InstanceNumber = "MR", series, 1
    data.SeriesDescription, data.PatientPosition = stack.name, "HFS"
    data.ImageType = ["DERIVED", "SECONDARY", "CARDIAC", "NONE"]
    data.MagneticFieldStrength = acquisition.field_strength
    data.NumberOfFrames = n_slices * n_frames
    data.Columns, data.Rows = stack.array.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    _dimensions(data, mark)
    data.SharedFunctionalGroupsSequence = [_shared(stack, acquisition)]
    data.PerFrameFunctionalGroupsSequence = [
        _own(stack, k, t) for k in range(n_slices) for t in range(n_frames)
    ]
    pixels = np.ascontiguousarray(values.transpose(2, 3, 1, 0), dtype="<u2")
    data.PixelData = pixels.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    save(data, path)
    return path


def _item(**attributes: object) -> Sequence:
    item = Dataset()
    for name, value in attributes.items():
        setattr(item, name, value)
    return Sequence([item])


def _dimensions(data: Dataset, mark: str) -> None:
    """Say that frames are ordered by slice, then by time."""
    uid = generate_uid(entropy_srcs=[mark, "dimensions"])
    data.DimensionOrganizationSequence = _item(DimensionOrganizationUID=uid)
    pointers = []
    for pointer in (_STACK, _POSITION, _TIME):
        item = Dataset()
        item.DimensionOrganizationUID = uid
        item.DimensionIndexPointer, item.FunctionalGroupPointer = pointer, _FRAME_CONTENT
        pointers.append(item)
    data.DimensionIndexSequence = pointers


def _shared(stack: ImageStack, acquisition: Acquisition) -> Dataset:
    steps = spacing(stack.affine)
    axes = LPS_TO_RAS @ (stack.affine[:3, :3] / steps)
    shared = Dataset()
    shared.PixelMeasuresSequence = _item(
        PixelSpacing=[decimal(steps[1] / MM), decimal(steps[0] / MM)],
        SliceThickness=decimal(stack.slice_thickness / MM),
        SpacingBetweenSlices=decimal(steps[2] / MM),
    )
    shared.PlaneOrientationSequence = _item(
        ImageOrientationPatient=[decimal(value) for value in axes[:, :2].T.ravel()]
    )
    shared.MRTimingAndRelatedParametersSequence = _item(
        RepetitionTime=decimal(acquisition.repetition_time / MS),
        FlipAngle=decimal(float(np.rad2deg(acquisition.flip_angle))),
    )
    shared.MREchoSequence = _item(EffectiveEchoTime=acquisition.echo_time / MS)
    shared.PixelValueTransformationSequence = _item(
        RescaleIntercept="0", RescaleSlope="1", RescaleType="US"
    )
    shared.MRImageFrameTypeSequence = _item(
        FrameType=["DERIVED", "SECONDARY", "CARDIAC", "NONE"],
        PixelPresentation="MONOCHROME",
        ComplexImageComponent="MAGNITUDE",
    )
    return shared


def _own(stack: ImageStack, k: int, t: int) -> Dataset:
    origin = LPS_TO_RAS @ (stack.affine[:3, 3] + k * stack.affine[:3, 2]) / MM
    own = Dataset()
    own.FrameContentSequence = _item(
        StackID="1",
        InStackPositionNumber=k + 1,
        TemporalPositionIndex=t + 1,
        DimensionIndexValues=[1, k + 1, t + 1],
    )
    own.PlanePositionSequence = _item(ImagePositionPatient=[decimal(value) for value in origin])
    own.CardiacSynchronizationSequence = _item(
        NominalCardiacTriggerDelayTime=float(stack.frame_times[t]) / MS
    )
    return own


__all__ = ["write_enhanced_dicom"]
