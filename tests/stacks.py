"""Small five-stain stacks on disk: two tissues on glass, told apart by colour and texture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

STAINS = ("HE", "CD31", "CK19", "Ki67", "MT")


def picture(stain: str, side_px: int, seed: int = 0) -> NDArray[np.uint8]:
    """(side, side, 3) uint8: left half one tissue, right half another, glass around them."""
    rng = np.random.default_rng([STAINS.index(stain) if stain in STAINS else 9, seed])
    y, x = np.mgrid[:side_px, :side_px] / side_px - 0.5
    tissue = np.hypot(y, x) < 0.42
    left = x < 0
    stripes = (np.sin(np.arange(side_px) * 2.0) > 0)[None, :]
    density = np.where(left, 0.35 + 0.25 * stripes, 0.75) + rng.normal(0, 0.08, (side_px, side_px))
    colour = rng.uniform(0.4, 1.4, (2, 3))
    od = density[..., None] * np.where(left[..., None], colour[0], colour[1]) * tissue[..., None]
    noise = rng.normal(0, 1.0, (side_px, side_px, 3))
    return np.clip(248 * 10 ** -np.clip(od, 0, None) + noise, 0, 255).astype(np.uint8)


def write_stack(
    folder: Path, *, side_px: int = 256, stains: Sequence[str] = STAINS, seed: int = 0, um_per_px: float = 0.5
) -> Path:
    """Write one tiled OME-TIFF a stain and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for stain in stains:
        tifffile.imwrite(
            folder / f"case7_{stain}.ome.tif",
            picture(stain, side_px, seed),
            tile=(128, 128),
            photometric="rgb",
            compression="deflate",
            metadata={
                "axes": "YXS",
                "Name": stain,
                "PhysicalSizeX": um_per_px,
                "PhysicalSizeXUnit": "µm",
                "PhysicalSizeY": um_per_px,
                "PhysicalSizeYUnit": "µm",
            },
        )
    return folder
