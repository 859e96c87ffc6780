"""Stacks and runs as napari layers. The reader, the sample, `open` and the window all come through here.

Places. napari puts the *centre* of px (0, 0) at the world's origin, while `PatchGrid` counts from the
*corner* of the slide; between the two lies half a level-0 px. World units are um where the slide states its
scale and level-0 px where it does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from napari.utils.colormaps import DirectLabelColormap

from napari_histoclust.session import Palette
from napari_histoclust.viewer.pyramid import levels_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.stack import Stack

    LayerData = tuple[Any, dict[str, Any], str]

CLUSTERS, SELECTION, FOCUS = "clusters", "selection", "patch"
_OPACITY = 0.5  # the tissue stays readable below and the colours stay apart
_VEIL_OPACITY = 0.6  # what is not chosen is dimmed, not hidden
_SMALLEST_FRAME_PX = 14


def stack_layers(stack: Stack, um_per_px: float | None = None) -> list[LayerData]:
    """Return one image layer a stain, the reference last (on top) and the only one visible.

    Parameters
    ----------
    stack : Stack
        The slide.
    um_per_px : float, optional
        Scale to use in place of the stack's own; a run keeps the one that it was made with.
    """
    scale = stack.um_per_px if um_per_px is None else um_per_px
    below = [stain for stain in reversed(stack.stains) if stain != stack.reference]
    return [_stain_layer(stack, stain, scale) for stain in (*below, stack.reference)]


def run_layers(
    run: Run, slide: int = 0, stack: Stack | None = None, palette: Palette | None = None
) -> list[LayerData]:
    """Return the layers of one slide of a run: the stains, if `stack` is given, and the clusters on top."""
    below = [] if stack is None else stack_layers(stack, run.um_per_px[slide])
    return [*below, clusters_layer(run, slide, palette)]


def clusters_layer(run: Run, slide: int = 0, palette: Palette | None = None) -> LayerData:
    """Return the clusters of one slide as a Labels layer with one px a patch.

    Parameters
    ----------
    run : Run
        The run.
    slide : int
        Which of its slides.
    palette : Palette, optional
        Names and colours in place of the run's own.
    """
    palette = Palette(run.clusters, run.labels) if palette is None else palette
    grid, rgba = run.grids[slide], palette.rgba()
    options = {
        "name": CLUSTERS,
        "opacity": _OPACITY,
        "colormap": label_colormap(rgba),
        "features": cluster_features(run, slide, palette),
        **_lattice(run, slide),
    }
    labels = palette.labels[run.rows(slide)].astype(np.uint8 if len(rgba) <= 256 else np.uint16)
    return grid.picture(labels), options, "labels"


def selection_layer(run: Run, slide: int) -> LayerData:
    """Return the empty layer of the chosen patches: 1 is dimmed, 2 (chosen) and 0 (no patch) are clear."""
    veil = np.array([[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]], np.float32)
    options = {
        "name": SELECTION,
        "opacity": _VEIL_OPACITY,
        "colormap": label_colormap(veil),
        "visible": False,
        **_lattice(run, slide),
    }
    return np.zeros(run.grids[slide].shape, np.uint8), options, "labels"


def focus_layer(run: Run, slide: int) -> LayerData:
    """Return the layer of the patch pointed at: a frame around it that is seen at every zoom."""
    grid, frame = run.grids[slide], _frame(run.um_per_px[slide])
    options = {
        "name": FOCUS,
        "ndim": 2,
        "symbol": "square",
        "size": grid.patch_px * grid.downsample * frame["scale"][0],
        "face_color": "transparent",
        "border_color": "#ffd400",
        "border_width": 0.12,
        "canvas_size_limits": (_SMALLEST_FRAME_PX, 10_000),
        "units": frame["units"],
        "metadata": {"histoclust": _note(run, slide)},
    }
    return np.zeros((0, 2)), options, "points"


def _lattice(run: Run, slide: int) -> dict[str, Any]:
    """Place of a picture of one px a patch."""
    grid, frame = run.grids[slide], _frame(run.um_per_px[slide])
    half_px = 0.5  # from the corner of level-0 px (0, 0), where the grid counts from, to its centre
    return {
        "scale": [side * grid.place_px for side in frame["scale"]],
        "translate": [
            side * (origin - half_px) for side, origin in zip(frame["scale"], grid.origin_px, strict=True)
        ],
        "units": frame["units"],
        "metadata": {"histoclust": _note(run, slide)},
    }


def _note(run: Run, slide: int) -> dict[str, str]:
    return {"run": str(run.path), "slide": run.slides[slide]}


def label_colormap(rgba: NDArray[np.float32]) -> DirectLabelColormap:
    """Return the colours of labels 0..K, a (K + 1, 4) table in 0..1; any other label is transparent."""
    colours: dict[int | None, NDArray[np.float32]] = {None: np.zeros(4, np.float32)}
    return DirectLabelColormap(color_dict=colours | dict(enumerate(rgba)))


def cluster_features(run: Run, slide: int, palette: Palette) -> pd.DataFrame:
    """Return what napari shows under the mouse: one row a label, 0 (no tissue) first, `index` the label."""
    lookup = palette.lookup
    counts = np.bincount(palette.labels[run.rows(slide)], minlength=len(lookup))
    counts = np.bincount(lookup, counts, minlength=len(lookup)).astype(np.intp)
    return pd.DataFrame(
        {
            "index": np.arange(len(lookup)),
            "name": np.array(("no tissue", *palette.state.names), object)[lookup],
            "patches": counts[lookup],
            "colour": np.array((None, *palette.state.colours), object)[lookup],
        }
    )


def _stain_layer(stack: Stack, stain: str, um_per_px: float | None) -> LayerData:
    levels = levels_of(stack.slides[stain])
    options = {
        "name": stain,
        "rgb": True,
        "multiscale": len(levels) > 1,
        "visible": stain == stack.reference,
        "metadata": {"histoclust": {"stack": stack.name, "stain": stain}},
        **_frame(um_per_px),
    }
    return (levels if len(levels) > 1 else levels[0]), options, "image"


def _frame(um_per_px: float | None) -> dict[str, Any]:
    """Scale and units of level-0 px."""
    if um_per_px is None:
        return {"scale": [1.0, 1.0], "units": ["pixel", "pixel"]}
    return {"scale": [um_per_px, um_per_px], "units": ["um", "um"]}
