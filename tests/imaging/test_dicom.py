from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from cardiotwin.errors import InputError
from cardiotwin.imaging.affine import to_world
from cardiotwin.imaging.dicom import read_dicom
from cardiotwin.imaging.images import read_images

ROW, COLUMN = [0.8, 0.0, 0.6], [0.0, 1.0, 0.0]
NORMAL = np.cross(ROW, COLUMN)


def tagged(data, **tags):
    for name, value in tags.items():
        setattr(data, name, value)
    return data


def write_slice(path: Path, position, pixels, *, time, series="1.2.3", number=1):
    instance = generate_uid()
    meta = tagged(
        FileMetaDataset(),
        TransferSyntaxUID=ExplicitVRLittleEndian,
        MediaStorageSOPClassUID=MRImageStorage,
        MediaStorageSOPInstanceUID=instance,
    )
    tagged(
        FileDataset(path, Dataset(), file_meta=meta, preamble=b"\0" * 128),
        SOPClassUID=MRImageStorage,
        SOPInstanceUID=instance,
        SeriesInstanceUID=series,
        SeriesNumber=number,
        SeriesDescription="cine",
        ImagePositionPatient=[round(float(value), 6) for value in position],
        ImageOrientationPatient=[*ROW, *COLUMN],
        PixelSpacing=[1.5, 1.25],
        SliceThickness=6,
        TriggerTime=time,
        Rows=pixels.shape[0],
        Columns=pixels.shape[1],
        BitsAllocated=16,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=0,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        PixelData=pixels.astype("<u2").tobytes(),
    ).save_as(path, enforce_file_format=True)


def cine_folder(folder, steps=(0.0, 8.0, 16.0), frames=2):
    for k, height in enumerate(steps):
        for t in range(frames):
            pixels = np.zeros((6, 4), np.uint16)
            pixels[2, 1] = 100 * k + t + 1
            position = np.array([10.0, 20.0, 30.0]) + NORMAL * height
            write_slice(
                folder / f"{frames - t}{k}.dcm", position, pixels, time=40.0 * t, number=k + 1
            )
    return folder


def test_slices_and_frames_make_one_stack_in_ras_metres(tmp_path):
    (stack,) = read_dicom(cine_folder(tmp_path))
    assert stack.array.shape == (4, 6, 3, 2)
    np.testing.assert_allclose(stack.frame_times, [0, 0.04])
    i, j, k, _ = (int(value[0]) for value in np.nonzero(stack.array == 202))
    assert (i, j, k) == (1, 2, 2)
    lps = np.array([10, 20, 30]) + 1.25 * np.array(ROW) + 3.0 * np.array(COLUMN) + 16 * NORMAL
    world = to_world(stack.affine, np.array([[i, j, k]]))[0]
    np.testing.assert_allclose(world * 1e3, lps * [-1, -1, 1], atol=1e-6)


def test_uneven_planes_are_stacks_of_their_own(tmp_path):
    stacks = read_dicom(cine_folder(tmp_path, steps=(0.0, 8.0, 20.0)))
    assert [stack.array.shape[2] for stack in stacks] == [1, 1, 1]


def test_of_a_repeated_plane_the_later_series_counts(tmp_path):
    cine_folder(tmp_path, steps=(0.0, 8.0))
    for t in range(2):
        pixels = np.full((6, 4), 7, np.uint16)
        write_slice(
            tmp_path / f"again{t}.dcm", [10, 20, 30], pixels, time=40.0 * t, series="1.9", number=9
        )
    (stack,) = read_dicom(tmp_path)
    assert (stack.array[:, :, 0] == 7).all()
    assert stack.array.shape == (4, 6, 2, 2)


def test_frames_of_an_enhanced_image_are_placed_one_by_one(tmp_path):
    write_slice(tmp_path / "x.dcm", [0, 0, 0], np.zeros((6, 4), np.uint16), time=0)
    data = pydicom.dcmread(tmp_path / "x.dcm")
    pixels = np.arange(4 * 6 * 4, dtype="<u2").reshape(4, 6, 4)
    orientation = tagged(Dataset(), ImageOrientationPatient=data.ImageOrientationPatient)
    measures = tagged(Dataset(), PixelSpacing=data.PixelSpacing, SliceThickness=6)
    frames = []
    for number in range(4):
        position = [round(v, 6) for v in NORMAL * 8.0 * (number % 2)]
        place = tagged(Dataset(), ImagePositionPatient=position)
        clock = tagged(Dataset(), NominalCardiacTriggerDelayTime=50.0 * (number // 2))
        frames.append(
            tagged(
                Dataset(), PlanePositionSequence=[place], CardiacSynchronizationSequence=[clock]
            )
        )
    shared = tagged(
        Dataset(), PlaneOrientationSequence=[orientation], PixelMeasuresSequence=[measures]
    )
    tagged(
        data,
        PixelData=pixels.tobytes(),
        NumberOfFrames=4,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=frames,
    )
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "TriggerTime"):
        delattr(data, name)
    data.save_as(tmp_path / "x.dcm")
    (stack,) = read_dicom(tmp_path)
    np.testing.assert_allclose(stack.frame_times, [0, 0.05])
    for number in range(4):
        np.testing.assert_array_equal(stack.array[:, :, number % 2, number // 2], pixels[number].T)


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(InputError, match=r"holds no DICOM images, found 1 other files"):
        read_dicom(tmp_path)


def test_a_truncated_image_is_refused(tmp_path):
    path = cine_folder(tmp_path, steps=(0.0,), frames=1) / "10.dcm"
    data = pydicom.dcmread(path)
    data.PixelData = data.PixelData[:10]
    data.save_as(path)
    with pytest.raises(InputError, match=r"10.dcm is not a readable DICOM image: .*10"):
        read_dicom(tmp_path)


def test_an_image_whose_compression_is_not_decoded_is_refused_by_its_name(tmp_path):
    path = cine_folder(tmp_path, steps=(0.0,), frames=1) / "10.dcm"
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000
    data.PixelData = pydicom.encaps.encapsulate([b"\xff\x4f\xff\x51" + bytes(60)])
    data["PixelData"].is_undefined_length = True
    data.save_as(path)
    with pytest.raises(InputError, match=r"compressed as JPEG 2000 Image Compression, for which"):
        read_dicom(tmp_path)


@pytest.mark.real_data
def test_dicom_and_nifti_of_the_same_series_agree_in_the_world(real_data):
    folder = real_data / "cine" / "patient1"
    (dicom,) = read_dicom(folder / "dicom_raw" / "Se7")
    (nifti,) = (image for image in read_images(folder / "nifti") if image.name.startswith("Se7 "))
    index = np.array([[0, 0, 0], [57, 31, 0], [101, 200, 0], [180, 77, 0]])
    world = to_world(dicom.affine, index)
    there = np.linalg.solve(nifti.affine[:3, :3], (world - nifti.affine[:3, 3]).T).T
    np.testing.assert_allclose(there, np.rint(there), atol=2e-3)
    one, other = np.rint(there).astype(int).T, index.T
    np.testing.assert_array_equal(nifti.array[tuple(one)], dicom.array[tuple(other)])
    np.testing.assert_allclose(dicom.frame_times, nifti.frame_times, atol=1e-6)
