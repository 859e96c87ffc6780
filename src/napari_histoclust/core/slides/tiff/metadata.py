"""Names, physical size and position stated in a TIFF file, in physical units alone."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree

import tifffile

from napari_histoclust.core.slides.protocol import Corner

Pixels = ElementTree.Element | None
Scale = Callable[[tifffile.TiffFile, Pixels], float | None]

UM = {
    "pm": 1e-6,
    "Å": 1e-4,
    "nm": 1e-3,
    "µm": 1.0,
    "μm": 1.0,
    "um": 1.0,
    "micron": 1.0,
    "mm": 1e3,
    "cm": 1e4,
    "dm": 1e5,
    "m": 1e6,
    "in": 25_400.0,
}
_MPP = re.compile(r"\bMPP\s*=\s*([0-9]*\.?[0-9]+)")


def _ome_image(tif: tifffile.TiffFile) -> ElementTree.Element | None:
    """Return the first Image of the OME-XML without its namespace, None where there is none."""
    if not tif.is_ome or not tif.ome_metadata:
        return None
    try:
        root = ElementTree.fromstring(tif.ome_metadata)
    except ElementTree.ParseError:
        return None
    for element in root.iter():
        element.tag = element.tag.rsplit("}", 1)[-1]
    return root.find("Image")


@dataclass(frozen=True)
class Metadata:
    """What a TIFF file states of its picture.

    Parameters
    ----------
    name : str
        OME Image Name, empty where there is none.
    channels : tuple of str
        OME names of the channels, empty strings where they have none.
    used_bits : int or None
        OME's SignificantBits, None where they are not stated or make no sense.
    um_per_px : float or None
        Width of a level-0 px, where it is stated in a physical unit.
    corner_um : (float, float) or None
        OME's stage position (y, x) of the first plane, where it is stated in a unit of length. What scanners
        note of the glass on their stage (SVS, NDPI) is not taken: sections on two glasses have nothing to do
        with one another there.
    """

    name: str
    channels: tuple[str, ...]
    used_bits: int | None
    um_per_px: float | None
    corner_um: Corner | None


def read_metadata(tif: tifffile.TiffFile) -> Metadata:
    """Return what a file states; its OME-XML is parsed once."""
    image = _ome_image(tif)
    if image is None:
        return Metadata("", (), None, _um_per_px(tif, None), None)
    name = image.get("Name", "").strip()
    pixels = image.find("Pixels")
    bits = "" if pixels is None else pixels.get("SignificantBits", "")
    return Metadata(
        # "Image0" is what tifffile writes where nobody gave a name
        "" if re.fullmatch(r"Image:?\d*", name) else name,
        tuple(channel.get("Name", "") for channel in image.findall("Pixels/Channel")),
        int(bits) if bits.isdigit() and 1 <= int(bits) <= 16 else None,
        _um_per_px(tif, pixels),
        _corner_um(image.find("Pixels/Plane")),
    )


def _um_per_px(tif: tifffile.TiffFile, pixels: Pixels) -> float | None:
    """Width of a level-0 px by OME, Aperio, Philips, Leica or ImageJ.

    Resolution tags are read of Hamamatsu's and PerkinElmer's files alone, which mean them: 72 dpi, which most
    programs write unasked, would be 352.8 um a px.
    """
    for applies, stated in _SOURCES:
        if applies(tif):
            try:
                scale = stated(tif, pixels)
            except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, ElementTree.ParseError):
                return None  # a scale that cannot be read is none; the picture may be whole
            return scale if scale is not None and 0 < scale < float("inf") else None
    return None


def _corner_um(plane: ElementTree.Element | None) -> Corner | None:
    """Stage position; the unit that OME takes where none is given, "reference frame", is no length."""
    if plane is None:
        return None
    try:
        y, x = (float(plane.get(f"Position{a}", "nan")) * UM[plane.get(f"Position{a}Unit", "")] for a in "YX")
    except (ValueError, KeyError):
        return None
    return (y, x) if math.isfinite(y) and math.isfinite(x) else None


def _ome_scale(tif: tifffile.TiffFile, pixels: Pixels) -> float | None:
    if pixels is None or pixels.get("PhysicalSizeX") is None:
        return None
    factor = UM.get(pixels.get("PhysicalSizeXUnit", "µm"))
    return None if factor is None else float(pixels.get("PhysicalSizeX", "0")) * factor


def _aperio_scale(tif: tifffile.TiffFile, pixels: Pixels) -> float | None:
    found = _MPP.search(tif.pages.first.description)
    return float(found.group(1)) if found else None


def _resolution_scale(tif: tifffile.TiffFile, pixels: Pixels) -> float | None:
    """Tags of the level-0 page, in px per cm (3) or per inch (2)."""
    tags = tif.series[0].keyframe.tags
    over, under = tags.valueof(282)
    um = {2: 25_400.0, 3: 10_000.0}.get(int(tags.valueof(296, 2)))
    return None if um is None else um * under / over


def _imagej_scale(tif: tifffile.TiffFile, pixels: Pixels) -> float | None:
    """Px a unit; ImageJ names the unit in its own metadata."""
    factor = UM.get(str((tif.imagej_metadata or {}).get("unit", "")).replace("\\u00B5", "µ"))
    if factor is None:
        return None
    over, under = tif.pages.first.tags.valueof(282)
    return float(factor * under / over)


def _philips_scale(tif: tifffile.TiffFile, pixels: Pixels) -> float | None:
    """Spacing in mm, rows first, of the first picture that states one: the whole slide."""
    root = ElementTree.fromstring(tif.philips_metadata or "")
    for attribute in root.iter("Attribute"):
        if attribute.get("Name") == "DICOM_PIXEL_SPACING" and attribute.text:
            return 1000 * float(attribute.text.replace('"', " ").split()[-1])
    return None


def _leica_scale(tif: tifffile.TiffFile, pixels: Pixels) -> float | None:
    """Width of the view of the largest picture in nm, over its width in px."""
    scales: dict[int, float] = {}
    for image in ElementTree.fromstring(tif.scn_metadata or "").iter():
        if image.tag.rsplit("}", 1)[-1] != "image":
            continue
        parts = {part.tag.rsplit("}", 1)[-1]: part for part in image}
        width = int(parts["pixels"].get("sizeX", "0"))
        scales[width] = float(parts["view"].get("sizeX", "0")) / 1000 / width
    return scales[max(scales)] if scales else None


_SOURCES: tuple[tuple[Callable[[tifffile.TiffFile], bool], Scale], ...] = (
    (lambda tif: tif.is_svs, _aperio_scale),
    (lambda tif: tif.is_ndpi or tif.is_qpi, _resolution_scale),
    (lambda tif: tif.is_philips, _philips_scale),
    (lambda tif: tif.is_scn, _leica_scale),
    (lambda tif: tif.is_imagej, _imagej_scale),
    (lambda tif: tif.is_ome, _ome_scale),
)
