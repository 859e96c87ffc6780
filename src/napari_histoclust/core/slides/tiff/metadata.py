"""Names, physical size and position stated in a TIFF file, in physical units alone."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree

import tifffile

from napari_histoclust.core.slides.protocol import Corner
from napari_histoclust.core.slides.scale import Sides, finite, gated
from napari_histoclust.core.slides.scale import number as number_of
from napari_histoclust.core.slides.tiff.channel_names import channel_names

Pixels = ElementTree.Element | None
Stated = Callable[[tifffile.TiffFile, int, Pixels], Sides]

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
_MPP = re.compile(r"\bMPP\s*=\s*([^|;\s]+)")


def _ome_image(tif: tifffile.TiffFile, number: int) -> ElementTree.Element | None:
    """Return the Image of a series in the OME-XML without its namespace, None where there is none."""
    if not tif.is_ome or not tif.ome_metadata:
        return None
    try:
        root = ElementTree.fromstring(tif.ome_metadata)
    except ElementTree.ParseError:
        return None
    for element in root.iter():
        element.tag = element.tag.rsplit("}", 1)[-1]
    images = root.findall("Image")
    if len(images) == len(tif.series):
        return images[number]
    name = tif.series[number].name  # series that cannot be read have no number
    return next((image for image in images if image.get("Name", "") == name), None)


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
        Side of a level-0 px, where it is stated in a physical unit and passes the gate of `scale.py`.
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
    warnings: tuple[str, ...] = ()


def read_metadata(file: str, tif: tifffile.TiffFile, number: int = 0) -> Metadata:
    """Return what a file states of one of its series."""
    image = _ome_image(tif, number)
    pixels = None if image is None else image.find("Pixels")
    scale, warnings = _um_per_px(file, tif, number, pixels)
    if image is None:
        return Metadata("", channel_names(tif, number), None, scale, None, warnings)
    name = image.get("Name", "").strip()
    bits = "" if pixels is None else pixels.get("SignificantBits", "")
    return Metadata(
        # "Image0" is what tifffile writes where nobody gave a name
        "" if re.fullmatch(r"Image:?\d*", name) else name,
        tuple(channel.get("Name", "") for channel in image.findall("Pixels/Channel")),
        int(bits) if bits.isdigit() and 1 <= int(bits) <= 16 else None,
        scale,
        _corner_um(image.find("Pixels/Plane")),
        warnings,
    )


def _um_per_px(
    file: str, tif: tifffile.TiffFile, number: int, pixels: Pixels
) -> tuple[float | None, tuple[str, ...]]:
    """Side of a level-0 px by OME, Aperio, Philips, Leica or ImageJ, and what to tell of it.

    Resolution tags are read of Hamamatsu's and PerkinElmer's files alone, which mean them: 72 dpi, which most
    programs write unasked, would be 352.8 um a px.
    """
    for applies, stated in _SOURCES:
        if applies(tif):
            try:
                return gated(file, stated(tif, number, pixels))
            except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, ElementTree.ParseError):
                # the picture may be whole
                return None, (f"{file}: states its physical size in a way that cannot be read.",)
    return None, ()


def _corner_um(plane: ElementTree.Element | None) -> Corner | None:
    """Stage position; the unit that OME takes where none is given, "reference frame", is no length."""
    if plane is None:
        return None
    try:
        y, x = (float(plane.get(f"Position{a}", "nan")) * UM[plane.get(f"Position{a}Unit", "")] for a in "YX")
    except (ValueError, KeyError):
        return None
    return (y, x) if math.isfinite(y) and math.isfinite(x) else None


def _ome_scale(tif: tifffile.TiffFile, number: int, pixels: Pixels) -> Sides:
    return _ome_side(pixels, "Y"), _ome_side(pixels, "X")


def _ome_side(pixels: Pixels, axis: str) -> float | None:
    stated = None if pixels is None else pixels.get(f"PhysicalSize{axis}")
    if pixels is None or stated is None:
        return None
    factor = UM.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    return None if factor is None else finite(number_of(stated) * factor)


def _aperio_scale(tif: tifffile.TiffFile, number: int, pixels: Pixels) -> Sides:
    found = _MPP.search(tif.pages.first.description)
    return None, finite(number_of(found.group(1))) if found else None


def _resolution_scale(tif: tifffile.TiffFile, number: int, pixels: Pixels) -> Sides:
    """Tags of the level-0 page, in px per cm (3) or per inch (2)."""
    tags = tif.series[number].keyframe.tags
    um = {2: 25_400.0, 3: 10_000.0}.get(int(tags.valueof(296, 2)))
    return (None, None) if um is None else (_side(tags, 283, um), _side(tags, 282, um))


def _side(tags: tifffile.TiffTags, tag: int, um: float) -> float | None:
    """Side of a px from the px per unit of `um`."""
    over, under = tags.valueof(tag, (0, 1))
    return finite(um * under / over) if over else None


def _imagej_scale(tif: tifffile.TiffFile, number: int, pixels: Pixels) -> Sides:
    """Px a unit; ImageJ names the unit in its own metadata."""
    factor = UM.get(str((tif.imagej_metadata or {}).get("unit", "")).replace("\\u00B5", "µ"))
    if factor is None:
        return None, None
    tags = tif.pages.first.tags
    return _side(tags, 283, factor), _side(tags, 282, factor)


def _philips_scale(tif: tifffile.TiffFile, number: int, pixels: Pixels) -> Sides:
    """Spacing in mm, rows first, of the first picture that states one: the whole slide."""
    root = ElementTree.fromstring(tif.philips_metadata or "")
    for attribute in root.iter("Attribute"):
        if attribute.get("Name") == "DICOM_PIXEL_SPACING" and attribute.text:
            height, width = (1000 * number_of(part) for part in attribute.text.replace('"', " ").split())
            return finite(height), finite(width)
    return None, None


def _leica_scale(tif: tifffile.TiffFile, number: int, pixels: Pixels) -> Sides:
    """Sides of the view of the largest picture in nm, over its sides in px."""
    sides: dict[int, Sides] = {}
    for image in ElementTree.fromstring(tif.scn_metadata or "").iter():
        if image.tag.rsplit("}", 1)[-1] != "image":
            continue
        parts = {part.tag.rsplit("}", 1)[-1]: part for part in image}
        px = [int(parts["pixels"].get(f"size{axis}", "0")) for axis in "YX"]
        nm = [float(parts["view"].get(f"size{axis}", "nan")) for axis in "YX"]
        height, width = (finite(n / 1000 / p) if p else None for n, p in zip(nm, px, strict=True))
        sides[px[1]] = height, width
    return sides[max(sides)] if sides else (None, None)


_SOURCES: tuple[tuple[Callable[[tifffile.TiffFile], bool], Stated], ...] = (
    (lambda tif: tif.is_svs, _aperio_scale),
    (lambda tif: tif.is_ndpi or tif.is_qpi, _resolution_scale),
    (lambda tif: tif.is_philips, _philips_scale),
    (lambda tif: tif.is_scn, _leica_scale),
    (lambda tif: tif.is_imagej, _imagej_scale),
    (lambda tif: tif.is_ome, _ome_scale),
)
