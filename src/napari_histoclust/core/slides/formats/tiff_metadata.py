"""Names and physical size stated in a TIFF file, in physical units alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import tifffile

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


def image_name(tif: tifffile.TiffFile) -> str:
    """Return the OME Image Name, empty where there is none."""
    image = _ome_image(tif)
    name = "" if image is None else image.get("Name", "").strip()
    # "Image0" is what tifffile writes where nobody gave a name.
    return "" if re.fullmatch(r"Image:?\d*", name) else name


def channel_names(tif: tifffile.TiffFile) -> list[str]:
    """Return the OME names of the channels, empty strings where they have none."""
    image = _ome_image(tif)
    return [] if image is None else [channel.get("Name", "") for channel in image.findall("Pixels/Channel")]


def used_bits(tif: tifffile.TiffFile) -> int | None:
    """Return OME's SignificantBits, None where they are not stated or make no sense."""
    image = _ome_image(tif)
    pixels = None if image is None else image.find("Pixels")
    stated = "" if pixels is None else pixels.get("SignificantBits", "")
    return int(stated) if stated.isdigit() and 1 <= int(stated) <= 16 else None


def um_per_px(tif: tifffile.TiffFile) -> float | None:
    """Return the width of a level-0 px in um, where the file states it in a physical unit.

    Read are OME's PhysicalSizeX, Aperio's MPP, Philips' pixel spacing, Leica's view and ImageJ's unit.
    Resolution tags are read of Hamamatsu's and PerkinElmer's files alone, which mean them: 72 dpi, which most
    programs write unasked, would be 352.8 um a px.
    """
    for applies, stated in _SOURCES:
        if applies(tif):
            try:
                scale = stated(tif)
            except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, ElementTree.ParseError):
                return None  # a scale that cannot be read is none; the picture may be whole
            return None if scale is None else _positive(scale)
    return None


def _ome_scale(tif: tifffile.TiffFile) -> float | None:
    image = _ome_image(tif)
    pixels = None if image is None else image.find("Pixels")
    if pixels is None or pixels.get("PhysicalSizeX") is None:
        return None
    factor = UM.get(pixels.get("PhysicalSizeXUnit", "µm"))
    return None if factor is None else float(pixels.get("PhysicalSizeX", "0")) * factor


def _aperio_scale(tif: tifffile.TiffFile) -> float | None:
    found = _MPP.search(tif.pages.first.description)
    return float(found.group(1)) if found else None


def _resolution_scale(tif: tifffile.TiffFile) -> float | None:
    """Tags of the level-0 page, in px per cm (3) or per inch (2)."""
    tags = tif.series[0].keyframe.tags
    over, under = tags.valueof(282)
    um = {2: 25_400.0, 3: 10_000.0}.get(int(tags.valueof(296, 2)))
    return None if um is None else um * under / over


def _imagej_scale(tif: tifffile.TiffFile) -> float | None:
    """Px a unit; ImageJ names the unit in its own metadata."""
    factor = UM.get(str((tif.imagej_metadata or {}).get("unit", "")).replace("\\u00B5", "µ"))
    if factor is None:
        return None
    over, under = tif.pages.first.tags.valueof(282)
    return float(factor * under / over)


def _philips_scale(tif: tifffile.TiffFile) -> float | None:
    """Spacing in mm, rows first, of the first picture that states one: the whole slide."""
    root = ElementTree.fromstring(tif.philips_metadata or "")
    for attribute in root.iter("Attribute"):
        if attribute.get("Name") == "DICOM_PIXEL_SPACING" and attribute.text:
            return 1000 * float(attribute.text.replace('"', " ").split()[-1])
    return None


def _leica_scale(tif: tifffile.TiffFile) -> float | None:
    """Width of the view of the largest picture in nm, over its width in px."""
    scales: dict[int, float] = {}
    for image in ElementTree.fromstring(tif.scn_metadata or "").iter():
        if image.tag.rsplit("}", 1)[-1] != "image":
            continue
        parts = {part.tag.rsplit("}", 1)[-1]: part for part in image}
        width = int(parts["pixels"].get("sizeX", "0"))
        scales[width] = float(parts["view"].get("sizeX", "0")) / 1000 / width
    return scales[max(scales)] if scales else None


_SOURCES: tuple[
    tuple[Callable[[tifffile.TiffFile], bool], Callable[[tifffile.TiffFile], float | None]], ...
] = (
    (lambda tif: tif.is_svs, _aperio_scale),
    (lambda tif: tif.is_ndpi or tif.is_qpi, _resolution_scale),
    (lambda tif: tif.is_philips, _philips_scale),
    (lambda tif: tif.is_scn, _leica_scale),
    (lambda tif: tif.is_imagej, _imagej_scale),
    (lambda tif: tif.is_ome, _ome_scale),
)


def _positive(value: float) -> float | None:
    return value if 0 < value < float("inf") else None
