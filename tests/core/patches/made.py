"""Stacks held in memory, and masks, made for tests."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import ndimage

from core.slides.written import ArrayLevel, UInt8, noise
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.slides.tiled.tiles import TiledSlide
from napari_histoclust.core.tissue.mask import TissueMask


def stack_of(pictures: dict[str, list[UInt8]], name: str = "made", um_per_px: float | None = None) -> Stack:
    """A real stack over arrays, tiles of 32 px."""
    slides = {
        stain: TiledSlide(
            Path(f"{stain}.tif"), stain, [ArrayLevel(p, (32, 32)) for p in levels], None, "test"
        )
        for stain, levels in pictures.items()
    }
    levels = next(iter(pictures.values()))
    return Stack(
        name=name,
        path=Path(name),
        stains=tuple(pictures),
        reference=next(iter(pictures)),
        shapes=tuple(level.shape[:2] for level in levels),  # type: ignore[misc]
        downsamples=tuple(float(round(levels[0].shape[0] / level.shape[0])) for level in levels),
        um_per_px=um_per_px,
        warnings=(),
        slides=slides,
        slide_levels={stain: tuple(range(len(levels))) for stain in pictures},
    )


def noise_stack(height: int, width: int, stains: int = 2, name: str = "made", seed: int = 0) -> Stack:
    return stack_of({f"S{k}": [noise(height, width, seed + k)] for k in range(stains)}, name)


def mask_of(tissue: np.ndarray[Any, Any], downsample: float, **valid: np.ndarray[Any, Any]) -> TissueMask:
    return TissueMask(tissue, valid or {"S0": np.ones_like(tissue)}, {"S0": tissue}, downsample)


def geometry(height: int, width: int, downsample: float = 1.0) -> Any:
    """What the lattice needs of a stack, without pixels."""
    return SimpleNamespace(
        name="huge", path=Path("huge"), shapes=((height, width),), downsamples=(downsample,), um_per_px=None
    )


SIDE = 512
DISC = np.hypot(*(np.mgrid[:SIDE, :SIDE] - SIDE / 2)) < 150


def painted(glass: tuple[int, int, int], tissue: tuple[int, int, int], seed: int, where: Any = DISC) -> UInt8:
    """Tissue with texture on noisy glass."""
    rng = np.random.default_rng(seed)
    texture = ndimage.gaussian_filter(rng.normal(0, 60, (SIDE, SIDE)), 2)[..., None]
    colour = np.where(where[..., None], np.array(tissue) + texture, np.array(glass))
    return np.clip(colour + rng.normal(0, 1.5, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
