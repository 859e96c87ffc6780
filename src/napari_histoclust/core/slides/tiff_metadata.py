"""Names and physical size stated in a TIFF file, in physical units alone."""

from __future__ import annotations

import re
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


def um_per_px(tif: tifffile.TiffFile) -> float | None:
    """Return the width of a px from OME PhysicalSizeX or Aperio's MPP.

    Resolution tags are not read: 72 dpi, which most programs write unasked, would be 352.8 um a px.
    """
    if tif.is_svs:
        found = _MPP.search(tif.pages.first.description)
        return _positive(float(found.group(1))) if found else None
    image = _ome_image(tif)
    pixels = None if image is None else image.find("Pixels")
    if pixels is None or pixels.get("PhysicalSizeX") is None:
        return None
    factor = UM.get(pixels.get("PhysicalSizeXUnit", "µm"))
    return None if factor is None else _positive(float(pixels.get("PhysicalSizeX", "0")) * factor)


def _positive(value: float) -> float | None:
    return value if value > 0 else None
