"""Where on the stage a picture was taken, and what follows for stains whose sizes or origins differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.formats.tiff import DAMAGED
from napari_histoclust.core.slides.formats.tiff_metadata import UM
from napari_histoclust.core.slides.placed.affine import LARGEST_SCALE, SMALLEST_SCALE, Matrix
from napari_histoclust.core.slides.placed.warped import WarpedSlide
from napari_histoclust.core.slides.protocol import Slide

Corner = tuple[float, float]

# Two pictures without stage positions show the same piece where their sizes in um differ by less than this.
_SAME_EXTENT = 0.02
# Origins closer than this, in level-0 px of the reference, are one.
_SAME_ORIGIN_PX = 0.5
_LEAST_OVERLAP = 0.05
_UNREADABLE: tuple[type[Exception], ...] = (*DAMAGED, ElementTree.ParseError)
_ZARR_UM = {"nanometer": 1e-3, "micrometer": 1.0, "millimeter": 1e3, "centimeter": 1e4, "meter": 1e6}


def placed_by_coordinates(
    path: Path, slides: Mapping[str, Slide], reference: str
) -> tuple[dict[str, Slide], list[str]]:
    """Lay stains of other sizes or origins into the reference's frame by what their files state.

    Parameters
    ----------
    path : Path
        The stack, for errors.
    slides : Mapping[str, Slide]
        Stain and slide; those that are warped already stay as they are.
    reference : str
        The stain that gives the frame.

    Returns
    -------
    slides : dict[str, Slide]
    warnings : list of str
        What was moved, one sentence a stain.

    Raises
    ------
    HistoclustError
        If a stain would lie beside the reference.
    """
    base = slides[reference]
    placed, warnings = dict(slides), []
    for stain, slide in slides.items():
        affine = None if stain == reference else coordinate_affine(slide, base)
        if affine is not None:
            _check_overlap(path, stain, slide, reference, base, affine)
            placed[stain] = WarpedSlide(slide, affine, base.shapes)
            warnings.append(_sentence(stain, reference, affine))
    return placed, warnings


def coordinate_affine(slide: Slide, base: Slide) -> Matrix | None:
    """Return the affine (see `affine`) that the files state, None where they share a frame or state nothing.

    Stage positions are believed where both files have one. Without them, pictures of another px size are one
    frame where they are as wide and as high in um.
    """
    if isinstance(slide, WarpedSlide) or slide.um_per_px is None or base.um_per_px is None:
        return None
    scale = slide.um_per_px / base.um_per_px
    corner = _between(slide, base, base.um_per_px)
    if slide.shapes[0] == base.shapes[0]:
        if corner is None or np.hypot(*corner) < _SAME_ORIGIN_PX:
            return None  # one frame; scales that contradict it are said elsewhere
    elif corner is None and not _same_extent(slide, base, scale):
        return None
    y, x = corner or (0.0, 0.0)
    middle = 0.5 * scale - 0.5
    return np.array([[scale, 0, y + middle], [0, scale, x + middle], [0, 0, 1]])


def _between(slide: Slide, base: Slide, um_per_px: float) -> Corner | None:
    """Corner of a slide in level-0 px from the corner of the reference."""
    if slide.path == base.path:
        return None
    own, other = stage_corner_um(slide.path), stage_corner_um(base.path)
    if own is None or other is None:
        return None
    return (own[0] - other[0]) / um_per_px, (own[1] - other[1]) / um_per_px


def _same_extent(slide: Slide, base: Slide, scale: float) -> bool:
    if not SMALLEST_SCALE <= scale <= LARGEST_SCALE:
        return False
    pairs = zip(slide.shapes[0], base.shapes[0], strict=True)
    # a side is rounded by up to a px when a picture is made smaller
    return all(abs(own * scale - other) <= _SAME_EXTENT * other + scale + 1 for own, other in pairs)


def _check_overlap(path: Path, stain: str, slide: Slide, reference: str, base: Slide, affine: Matrix) -> None:
    corner, size = affine[:2, 2], affine[0, 0] * np.array(slide.shapes[0])
    shared = np.minimum(corner + size, base.shapes[0]) - np.maximum(corner, 0)
    if np.prod(np.maximum(shared, 0)) < _LEAST_OVERLAP * np.prod(base.shapes[0]):
        raise HistoclustError(
            f"{path}: by the stage positions in the files {stain} lies beside {reference}: register them, or "
            "give an affine in a stack.yaml."
        )


def _sentence(stain: str, reference: str, affine: Matrix) -> str:
    y, x = affine[:2, 2] + 0.5 - 0.5 * affine[0, 0]
    return (
        f"{stain} is laid on {reference} by the coordinates in its file: a px of it is {affine[0, 0]:.4g} "
        f"px, its corner is {y:.1f} px down and {x:.1f} px right; an affine in a stack.yaml replaces this."
    )


def stage_corner_um(path: Path) -> Corner | None:
    """Return the (y, x) of a picture's upper left corner in um, None where the file states none.

    Read are OME-TIFF (PositionX and PositionY of the first plane) and OME-Zarr (the translation), where they
    state a unit of length. What scanners note of the glass on their stage (SVS, NDPI, DICOM) is not taken:
    sections on two glasses have nothing to do with one another there.
    """
    return _zarr_corner(path) if path.is_dir() else _ome_corner(path)


def _ome_corner(path: Path) -> Corner | None:
    try:
        with tifffile.TiffFile(path) as tif:
            text = tif.ome_metadata if tif.is_ome else None
        plane = None if not text else ElementTree.fromstring(text).find("{*}Image/{*}Pixels/{*}Plane")
        found = None if plane is None else [_position(plane, axis) for axis in "YX"]
    except _UNREADABLE:
        return None  # no TIFF at all (PNG, JPEG), or no OME in it
    if found is None or found[0] is None or found[1] is None:
        return None
    return found[0], found[1]


def _position(plane: ElementTree.Element, axis: str) -> float | None:
    """Position in um; the unit that OME takes where none is given, "reference frame", is no length."""
    value, factor = plane.get(f"Position{axis}"), UM.get(plane.get(f"Position{axis}Unit", ""))
    return None if value is None or factor is None or not np.isfinite(float(value)) else float(value) * factor


def _zarr_corner(path: Path) -> Corner | None:
    for name in ("zarr.json", ".zattrs"):
        if (path / name).is_file():
            try:
                return _translation(json.loads((path / name).read_text(encoding="utf-8")))
            except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError):
                return None  # no image group; opening it says what is wrong
    return None


def _translation(document: Mapping[str, Any]) -> Corner | None:
    attributes = document.get("attributes", document)
    multiscale = attributes.get("ome", attributes)["multiscales"][0]
    names = [axis["name"].lower() for axis in multiscale["axes"]]
    units = [_ZARR_UM.get(axis.get("unit", "")) for axis in multiscale["axes"]]
    steps = [
        step
        for part in (multiscale["datasets"][0], multiscale)
        for step in part.get("coordinateTransformations", [])
        if step.get("type") == "translation"
    ]
    y, x = names.index("y"), names.index("x")
    factor_y, factor_x = units[y], units[x]
    if not steps or factor_y is None or factor_x is None:
        return None
    return (
        sum(float(step["translation"][y]) for step in steps) * factor_y,
        sum(float(step["translation"][x]) for step in steps) * factor_x,
    )
