"""Tiny DICOM files, and what pydicom makes of their pixels: writes dicom.json beside this script. Needs pydicom, numpy and pillow."""
import base64
import io
import json
import pathlib

import numpy
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

ROWS, COLUMNS = 6, 7


def values(seed, low, high, *shape):
    return numpy.random.default_rng(seed).integers(low, high, shape or (ROWS, COLUMNS))


def nested():
    """Sequences of every length, with something that looks like pixels in them."""
    inner = Dataset()
    inner.Rows, inner.PixelData = 1, b"\1\2"
    inner["PixelData"].VR = "OB"
    inner.is_undefined_length_sequence_item = True
    outer = Dataset()
    outer.ReferencedImageSequence = Sequence([inner, inner])
    outer["ReferencedImageSequence"].is_undefined_length = True
    return Sequence([outer])


def file(pixels, syntax=ExplicitVRLittleEndian, **said):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3", syntax
    made = Dataset()
    made.file_meta = meta
    made.SOPClassUID, made.SOPInstanceUID, made.PatientName = meta.MediaStorageSOPClassUID, "1.2.3", "Nobody"
    made.ReferencedStudySequence = nested()
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.Rows, made.Columns = ROWS, COLUMNS
    made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
    for key, value in said.items():
        setattr(made, key, value)
    if isinstance(pixels, numpy.ndarray):
        kind = {8: "u1" if not made.PixelRepresentation else "i1", 16: "<u2" if not made.PixelRepresentation else "<i2"}[made.BitsAllocated]
        pixels = pixels.astype(kind).tobytes()
    made.PixelData = pixels + b"\0" * (len(pixels) % 2)
    made["PixelData"].VR = "OW" if made.BitsAllocated > 8 else "OB"
    return made


def wide(stored=16, signed=0, **said):
    return dict(BitsAllocated=16, BitsStored=stored, HighBit=stored - 1, PixelRepresentation=signed) | said


def packed(made, syntax):
    written = io.BytesIO()
    made.save_as(written, enforce_file_format=True)
    read = pydicom.dcmread(io.BytesIO(written.getvalue()))
    read.compress(syntax, generate_instance_uid=False)
    return read


def jpeg(pixels):
    held = io.BytesIO()
    Image.fromarray(pixels.astype(numpy.uint8)).save(held, "JPEG", quality=95, subsampling=0)
    return encapsulate([held.getvalue()])


def cases():
    plain = values(1, 0, 256)
    yield "plain", file(plain)
    yield "inverse", file(plain, PhotometricInterpretation="MONOCHROME1")
    yield "window", file(plain, WindowCenter=["100", "50"], WindowWidth=["80", "10"])
    yield "hounsfield", file(values(2, 0, 2000), **wide(signed=1, RescaleSlope="1", RescaleIntercept="-1024", WindowCenter="40", WindowWidth="400"))
    yield "implicit", file(values(3, 100, 3000), ImplicitVRLittleEndian, **wide(12))
    yield "signed", file(values(4, -900, 1200), **wide(12, 1))
    yield "exact", file(values(5, 0, 4096), **wide(12, RescaleSlope="0.5", RescaleIntercept="10", WindowCenter="800", WindowWidth="900", VOILUTFunction="LINEAR_EXACT"))
    yield "sigmoid", file(values(6, 0, 4096), **wide(12, PhotometricInterpretation="MONOCHROME1", WindowCenter="2000", WindowWidth="1500", VOILUTFunction="SIGMOID"))
    yield "run lengths", packed(file(values(7, 0, 5) * 300, **wide()), RLELossless)
    colour = values(8, 0, 256, ROWS, COLUMNS, 3)
    said = dict(SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    yield "colour", file(colour, **said)
    yield "planes", file(colour.transpose(2, 0, 1), **said | {"PlanarConfiguration": 1})
    yield "run lengths of colour", packed(file(colour // 100 * 90, **said), RLELossless)
    smooth = numpy.add.outer(numpy.arange(ROWS) * 20, numpy.arange(COLUMNS) * 15)
    yield "jpeg", file(jpeg(smooth), JPEGBaseline8Bit, WindowCenter="100", WindowWidth="150")


def seen(name, made):
    if name == "jpeg":
        stored = numpy.array(Image.open(io.BytesIO(next(pydicom.encaps.generate_frames(made.PixelData, number_of_frames=1)))))
    else:
        stored = made.pixel_array
    if made.SamplesPerPixel == 3:
        return stored
    rescaled = apply_modality_lut(stored, made)
    if "WindowCenter" in made:
        shown = apply_voi_lut(rescaled, made, index=0)
        bits = made.BitsStored
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if made.PixelRepresentation else (0, 2**bits - 1)
        slope, intercept = float(made.get("RescaleSlope", 1)), float(made.get("RescaleIntercept", 0))
        low, high = low * slope + intercept, high * slope + intercept
    elif made.BitsStored == 8:
        shown, low, high = rescaled, 0, 255
    else:
        shown, low, high = rescaled, rescaled.min(), rescaled.max()
    grey = (shown - low) / (high - low) * 255
    return numpy.rint(255 - grey if made.PhotometricInterpretation == "MONOCHROME1" else grey).astype(int)


out = []
for name, made in cases():
    written = io.BytesIO()
    made.save_as(written, enforce_file_format=True)
    read = pydicom.dcmread(io.BytesIO(written.getvalue()))
    packed_file = base64.b64encode(written.getvalue()).decode()
    out.append({"name": name, "width": COLUMNS, "height": ROWS, "channels": int(read.SamplesPerPixel), "file": packed_file, "pixels": seen(name, read).flatten().tolist()})
pathlib.Path(__file__).with_name("dicom.json").write_text(json.dumps({"pydicom": pydicom.__version__, "cases": out}).replace('{"name"', '\n{"name"') + "\n")
