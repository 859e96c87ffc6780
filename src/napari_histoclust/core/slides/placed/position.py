"""Where on the stage a picture was taken, and what follows for stains whose sizes or origins differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.placed.affine import LARGEST_SCALE, SMALLEST_SCALE, Matrix
from napari_histoclust.core.slides.placed.warped import WarpedSlide
from napari_histoclust.core.slides.protocol import Corner, Slide

# Two pictures without stage positions show the same piece where their sizes in um differ by less than this.
_SAME_EXTENT = 0.02
# Origins closer than this, in level-0 px of the reference, are one.
_SAME_ORIGIN_PX = 0.5
_LEAST_OVERLAP = 0.05


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
    if slide.is_placed or slide.um_per_px is None or base.um_per_px is None:
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
    own, other = slide.corner_um, base.corner_um
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
