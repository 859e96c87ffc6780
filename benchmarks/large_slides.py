"""Slides of any size for the benchmarks of memory and viewing, written in seconds.

A handful of encoded tiles of tissue and of glass is repeated, so that a slide of 100,000 px takes about as
long to write as to copy. Tissue lies in islands that cover about a seventh; every level of the pyramid shows
them where level 0 has them. The five stains are links to one file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

STAINS = ("HE", "CD31", "CK19", "Ki67", "MT")
TILE_PX = 256
GLASS = 243
_KINDS = 8
_SHARE = 0.15

Mask = NDArray[np.bool_]


def write_large_stack(folder: Path, height: int, width: int) -> Path:
    """Write five stains of height x width px as JPEG pyramids, each level half the one before.

    Returns
    -------
    Path
        The folder; what is there already is left as it is.
    """
    if folder.is_dir():
        return folder
    partial = folder.with_name(f".partial-{folder.name}")
    partial.mkdir(parents=True, exist_ok=True)
    first = partial / f"{STAINS[0]}.tif"
    islands = _islands(-(-height // TILE_PX), -(-width // TILE_PX))
    levels = max(1, (max(height, width) - 1).bit_length() - 9)
    with tifffile.TiffWriter(first, bigtiff=True) as tif:
        for level in range(levels):
            tif.write(
                _tiles(islands, height >> level, width >> level, level),
                shape=(height >> level, width >> level, 3),
                dtype="uint8",
                tile=(TILE_PX, TILE_PX),
                photometric="ycbcr",
                subsampling=(2, 2),
                compression="jpeg",
                subfiletype=int(level > 0),
                metadata=None,
            )
    for stain in STAINS[1:]:
        (partial / f"{stain}.tif").unlink(missing_ok=True)
        os.link(first, partial / f"{stain}.tif")
    partial.rename(folder)
    return folder


def _islands(rows: int, cols: int) -> Mask:
    """Which tiles of level 0 are tissue."""
    relief = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(rows, cols)), max(rows, cols) / 20)
    return np.asarray(relief > np.quantile(relief, 1 - _SHARE))


def _tiles(islands: Mask, height: int, width: int, level: int) -> Iterator[bytes]:
    """Encoded tiles of one level, row by row; each shows 2**level x 2**level tiles of level 0."""
    step = 1 << level
    padded = np.pad(islands, [(0, -side % step) for side in islands.shape])
    for row in range(-(-height // TILE_PX)):
        for col in range(-(-width // TILE_PX)):
            part = padded[row * step : (row + 1) * step, col * step : (col + 1) * step]
            yield _encoded(part.tobytes(), part.shape, (row * 7 + col) % _KINDS)


@cache
def _encoded(part: bytes, shape: tuple[int, int], kind: int) -> bytes:
    """One tile: glass with a little noise, and tissue texture where a place of `part` is set."""
    places = np.frombuffer(part, bool).reshape(shape)
    rows, cols = (np.arange(TILE_PX) * side // TILE_PX for side in shape)
    where = places[rows][:, cols][..., None]
    pixels = np.where(where, _tissue(kind), _glass())
    return imagecodecs.jpeg8_encode(
        pixels.astype(np.uint8), level=80, subsampling="420", outcolorspace="YCBCR"
    )


@cache
def _glass() -> NDArray[np.float64]:
    return GLASS + np.random.default_rng(1).normal(0, 1.0, (TILE_PX, TILE_PX, 3))


@cache
def _tissue(kind: int) -> NDArray[np.float64]:
    """Nuclei of a few px on eosin, as busy as a section."""
    rng = np.random.default_rng([2, kind])
    nuclei = ndimage.gaussian_filter(rng.normal(size=(TILE_PX, TILE_PX)), 3, mode="wrap")
    nuclei = np.clip(nuclei / nuclei.std(), 0, 2)[..., None]
    fibres = ndimage.gaussian_filter(rng.normal(size=(TILE_PX, TILE_PX)), (1, 6), mode="wrap")[..., None]
    density = (
        0.25 + 0.2 * fibres / fibres.std() * np.array([0.2, 0.5, 0.2]) + nuclei * np.array([0.4, 0.45, 0.15])
    )
    return np.clip(
        GLASS * 10 ** -np.clip(density, 0.05, None) + rng.normal(0, 4, (TILE_PX, TILE_PX, 3)), 0, 255
    )
