"""A slide that is changed as a scanner, a stainer or a person changes it, for `bench_trust.py`."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

import napari_histoclust as hc

UInt8 = NDArray[np.uint8]
Change = Callable[[UInt8, int], UInt8]

STRENGTHS = (0.8, 0.9, 1.0, 1.1, 1.2)
"""Factors on the optical density of the first, second ... stain."""


def _clip(values: NDArray[np.floating]) -> UInt8:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _jpeg_60(px: UInt8, _: int) -> UInt8:
    """Write in tiles of 1,024 px, as a scanner does, and read again."""
    changed = np.empty_like(px)
    for y in range(0, px.shape[0], 1024):
        for x in range(0, px.shape[1], 1024):
            stream = io.BytesIO()
            Image.fromarray(px[y : y + 1024, x : x + 1024]).save(stream, "JPEG", quality=60)
            changed[y : y + 1024, x : x + 1024] = np.asarray(Image.open(stream))
    return changed


CHANGES: dict[str, Change] = {
    "5 % darker": lambda px, _: _clip(px * 0.95),
    "10 % darker": lambda px, _: _clip(px * 0.90),
    "stain strength +- 20 %": lambda px, stain: _clip(255 * (px / 255.0) ** STRENGTHS[stain % 5]),
    "flipped": lambda px, _: px[::-1],
    "turned by a quarter": lambda px, _: np.rot90(px),
    "JPEG 60": _jpeg_60,
    "blur of 0.7 px": lambda px, _: _clip(gaussian_filter(px.astype(np.float32), (0.7, 0.7, 0))),
}


def changed_slide(slide: Path, change: Change, out: Path) -> Path:
    """Write each stain of a slide, changed, into the folder `out`, which is made anew."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    stack = hc.open_stack(slide)
    scale = {} if stack.um_per_px is None else {"PhysicalSizeX": stack.um_per_px, "PhysicalSizeXUnit": "µm"}
    height, width = stack.shapes[0]
    for index, stain in enumerate(stack.stains):
        changed = change(stack.read(0, 0, 0, height, width, [stain])[0], index)
        tifffile.imwrite(
            out / f"{stain}.ome.tif",
            np.ascontiguousarray(changed),
            photometric="rgb",
            tile=(256, 256),
            metadata={"axes": "YXS", "Name": stain, **scale},
        )
    return out


def without_stain(slide: Path, stain: str, out: Path) -> Path:
    """Write all stains of a slide but one."""
    changed_slide(slide, lambda px, _: px, out)
    (out / f"{stain}.ome.tif").unlink()
    return out


def turned_back(picture: NDArray[Any], change: str) -> NDArray[Any]:
    """Return the label picture of a changed slide as the slide lay before."""
    if change == "flipped":
        return picture[::-1]
    return np.rot90(picture, -1) if change == "turned by a quarter" else picture


def share_kept(before: NDArray[Any], after: NDArray[Any]) -> float:
    """Share of the patches mapped both times that have the same label; 0 in a picture is no patch."""
    rows, cols = (min(a, b) for a, b in zip(before.shape, after.shape, strict=True))
    one, two = before[:rows, :cols], after[:rows, :cols]
    both = (one > 0) & (two > 0)
    return round(float((one[both] == two[both]).mean()), 4)
