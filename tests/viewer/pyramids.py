"""Small pyramidal OME-TIFF stains for the viewer's tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

TILE = 64


def write_stain(
    path: Path, image: NDArray[np.uint8], steps: Sequence[int] = (1, 2, 4), um_per_px: float | None = None
) -> None:
    """Write an RGB image with one level a step, each the mean of whole blocks; the rest is cut off."""
    physical = {} if um_per_px is None else {"PhysicalSizeX": um_per_px, "PhysicalSizeXUnit": "µm"}
    physical |= {} if um_per_px is None else {"PhysicalSizeY": um_per_px, "PhysicalSizeYUnit": "µm"}
    options = {"photometric": "rgb", "tile": (TILE, TILE)}
    with tifffile.TiffWriter(path, ome=True) as tif:
        levels = [block_mean(image, step) for step in steps]
        tif.write(levels[0], subifds=len(levels) - 1, metadata={"axes": "YXS", **physical}, **options)
        for level in levels[1:]:
            tif.write(level, subfiletype=1, **options)


def block_mean(image: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Mean of step x step blocks."""
    height, width = (side // step for side in image.shape[:2])
    blocks = image[: height * step, : width * step].reshape(height, step, width, step, 3)
    return blocks.mean((1, 3)).round().astype(np.uint8)


def write_stack(
    folder: Path,
    images: dict[str, NDArray[np.uint8]],
    steps: Sequence[int] = (1, 2, 4),
    um_per_px: float | None = None,
) -> Path:
    """Write one image a stain and return the folder."""
    folder.mkdir(parents=True)
    for stain, image in images.items():
        write_stain(folder / f"block7_{stain}.ome.tif", image, steps, um_per_px)
    return folder


def plain(height: int, width: int, colour: tuple[int, int, int] = (230, 180, 200)) -> NDArray[np.uint8]:
    """One colour all over."""
    return np.full((height, width, 3), colour, np.uint8)
