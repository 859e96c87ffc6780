"""What a TIFF file without OME-XML calls its channels."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import tifffile

# Of the XML that PerkinElmer, Akoya and others put into the description of each page; the marker tells more
# than the filter.
_TAGS = ("Biomarker", "ChannelName", "Name", "Fluor")
_MOST_BYTES = 2**20


def channel_names(tif: tifffile.TiffFile, number: int) -> tuple[str, ...]:
    """Return the names of the channels of a series, empty where there are none or one alone.

    They stand in the XML of each page (QPTIFF), in ImageJ's labels, in Micro-Manager's summary, or in what
    tifffile writes.
    """
    series = tif.series[number]
    count = dict(zip(series.axes, series.shape, strict=True)).get("C", 1)
    if count < 2:
        return ()
    for names in (_of_pages(series), _of_imagej(tif), _of_micro_manager(tif), _of_tifffile(tif)):
        if len(names) == count and any(names):
            return tuple(names)
    return ()


def _of_pages(series: Any) -> list[str]:
    """Names in the XML of each page, or else in its tag PageName; the XML goes first."""
    pages = [page for page in series.pages if isinstance(page, tifffile.TiffPage)]
    xml = [_in_xml(page.description) for page in pages]
    return xml if any(xml) else [str(page.tags.valueof(285, "")).strip() for page in pages]


def _in_xml(description: str) -> str:
    text = description.strip()
    if not text.startswith("<") or len(text) > _MOST_BYTES or "<!ENTITY" in text:
        return ""
    try:
        root = ElementTree.fromstring(text.encode())
    except ElementTree.ParseError:
        return ""
    found = {tag: (root.findtext(tag) or "").strip() for tag in _TAGS}
    return next((name for name in found.values() if name), "")


def _of_imagej(tif: tifffile.TiffFile) -> list[str]:
    labels = (tif.imagej_metadata or {}).get("Labels", [])
    return [str(label).strip() for label in labels] if isinstance(labels, list) else []


def _of_micro_manager(tif: tifffile.TiffFile) -> list[str]:
    summary = (tif.micromanager_metadata or {}).get("Summary", {}) if tif.is_micromanager else {}
    return [str(name).strip() for name in summary.get("ChNames", [])]


def _of_tifffile(tif: tifffile.TiffFile) -> list[str]:
    """Names in the JSON that tifffile writes where it writes no OME-XML."""
    if not tif.is_shaped or not tif.shaped_metadata:
        return []
    channel = tif.shaped_metadata[0].get("Channel", {})
    names = channel.get("Name", []) if isinstance(channel, dict) else []
    return [str(name).strip() for name in names] if isinstance(names, list) else []
