"""What does not belong on a slide, pasted into copies of one: pen, fold, blur, bubble, foreign tissue.

Each copy has one kind of it at places that a seed draws from the tissue, and says for each patch of a lattice
how much of it is pasted.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

import napari_histoclust as hc

UInt8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Float = NDArray[np.float64]
Stains = range | list[int]

PLACES = 6
RADIUS_PX, PEN_PX, FOLD_PX, LENGTH_PX = 48, 24, 20, 140
BLUR_PX = 4.0
INK = np.array([40.0, 70.0, 140.0])  # a blue marker through which some light comes
FOREIGN = {"HE": "HE", "CD31": "CD31", "CK19": "proSPC", "Ki67": "Ki67", "MT": "CC10"}


class Pasted(NamedTuple):
    """Pictures (s, y, x, 3) and where they are no longer the slide's own (y, x)."""

    pictures: UInt8
    where: Mask


def read_pictures(slide: Path) -> tuple[tuple[str, ...], UInt8]:
    """Return the names of the stains and their (s, y, x, 3) pictures at full resolution."""
    stack = hc.open_stack(slide)
    height, width = stack.shapes[0]
    return stack.stains, np.stack([stack.read(0, 0, 0, height, width, [s])[0] for s in stack.stains])


def write_pictures(folder: Path, stains: tuple[str, ...], pictures: UInt8) -> Path:
    """Write one OME-TIFF a stain."""
    folder.mkdir(parents=True)
    for stain, picture in zip(stains, pictures, strict=True):
        described = {"axes": "YXS", "Name": stain}
        file = folder / f"{stain}.ome.tif"
        tifffile.imwrite(file, picture, photometric="rgb", tile=(256, 256), metadata=described)
    return folder


def kinds(foreign: Path) -> dict[str, Callable[[UInt8, tuple[str, ...], Mask, int], Pasted]]:
    """Return what can be pasted, by name; `foreign` is the folder of another tissue's stains."""
    return {
        "pen, one stain": lambda p, s, t, seed: _pen(p, t, seed, [s.index("HE")]),
        "pen, all stains": lambda p, s, t, seed: _pen(p, t, seed, range(len(s))),
        "fold, one stain": lambda p, s, t, seed: _fold(p, t, seed, [s.index("HE")]),
        "blur, one stain": lambda p, s, t, seed: _blur(p, t, seed, [s.index("HE")]),
        "blur, all stains": lambda p, s, t, seed: _blur(p, t, seed, range(len(s))),
        "bubble, one stain": lambda p, s, t, seed: _bubble(p, t, seed, [s.index("HE")]),
        "foreign tissue": lambda p, s, t, seed: _foreign(p, t, seed, s, foreign),
    }


def shares(
    where: Mask, rows: NDArray[np.integer], cols: NDArray[np.integer], patch_px: int
) -> NDArray[np.float64]:
    """Return the (n,) share of each patch of a lattice that is pasted."""
    height, width = (side // patch_px * patch_px for side in where.shape)
    blocks = where[:height, :width].reshape(height // patch_px, patch_px, width // patch_px, patch_px)
    return np.asarray(blocks.mean(axis=(1, 3))[rows, cols])


def _centres(tissue: Mask, seed: int) -> NDArray[np.int64]:
    """Draw places well inside the tissue, apart from each other."""
    rng = np.random.default_rng(seed)
    inside = gaussian_filter(tissue.astype(np.float32), 20) > 0.85
    chosen: list[NDArray[np.int64]] = []
    candidates = np.argwhere(inside)
    while len(chosen) < PLACES:
        place = candidates[rng.integers(len(candidates))]
        if all(np.abs(place - other).max() > 2.2 * LENGTH_PX for other in chosen):
            chosen.append(place)
    return np.array(chosen)


def _discs(tissue: Mask, seed: int) -> Mask:
    y, x = np.ogrid[: tissue.shape[0], : tissue.shape[1]]
    return np.any([(y - cy) ** 2 + (x - cx) ** 2 < RADIUS_PX**2 for cy, cx in _centres(tissue, seed)], axis=0)


def _bands(tissue: Mask, seed: int, width_px: int) -> Mask:
    """Straight bands of one length at random angles."""
    rng = np.random.default_rng([seed, 1])
    y, x = np.ogrid[: tissue.shape[0], : tissue.shape[1]]
    bands = []
    for cy, cx in _centres(tissue, seed):
        angle = rng.uniform(0, np.pi)
        along = (y - cy) * np.sin(angle) + (x - cx) * np.cos(angle)
        across = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        bands.append((np.abs(along) < LENGTH_PX / 2) & (np.abs(across) < width_px / 2))
    return np.any(bands, axis=0)


def _changed(pictures: UInt8, where: Mask, stains: Stains, change: Callable[[Float], Float]) -> Pasted:
    pasted = pictures.copy()
    for stain in stains:
        new = change(pictures[stain].astype(np.float64))
        pasted[stain][where] = np.clip(np.rint(new[where]), 0, 255).astype(np.uint8)
    return Pasted(pasted, where)


def _pen(pictures: UInt8, tissue: Mask, seed: int, stains: Stains) -> Pasted:
    """Ink over the tissue: the light passes both, one after the other."""
    return _changed(pictures, _bands(tissue, seed, PEN_PX), stains, lambda p: p * INK / 255)


def _fold(pictures: UInt8, tissue: Mask, seed: int, stains: Stains) -> Pasted:
    """Tissue over tissue: the light passes the section beside it as well."""
    return _changed(
        pictures, _bands(tissue, seed, FOLD_PX), stains, lambda p: p * np.roll(p, (FOLD_PX, 7), (0, 1)) / 255
    )


def _blur(pictures: UInt8, tissue: Mask, seed: int, stains: Stains) -> Pasted:
    return _changed(
        pictures, _discs(tissue, seed), stains, lambda p: gaussian_filter(p, (BLUR_PX, BLUR_PX, 0))
    )


def _bubble(pictures: UInt8, tissue: Mask, seed: int, stains: Stains) -> Pasted:
    """Air under the coverslip: nothing but light."""
    return _changed(pictures, _discs(tissue, seed), stains, lambda p: np.full(p.shape, 244.0))


def _foreign(pictures: UInt8, tissue: Mask, seed: int, stains: tuple[str, ...], folder: Path) -> Pasted:
    """Discs of one size cut from another tissue's dense part, its stains in the place of ours."""
    where, pasted, rng = _discs(tissue, seed), pictures.copy(), np.random.default_rng([seed, 2])
    others = {s: tifffile.imread(next(folder.glob(f"*_{FOREIGN[s]}.ome.tif"))) for s in stains}
    size, side = others["HE"].shape, 2 * RADIUS_PX
    y, x = np.ogrid[:side, :side]
    disc = (y - RADIUS_PX) ** 2 + (x - RADIUS_PX) ** 2 < RADIUS_PX**2
    for cy, cx in _centres(tissue, seed):
        top, left = (int(rng.integers(size[axis] // 4, 3 * size[axis] // 4 - side)) for axis in (0, 1))
        here = slice(cy - RADIUS_PX, cy + RADIUS_PX), slice(cx - RADIUS_PX, cx + RADIUS_PX)
        for number, stain in enumerate(stains):
            cut = others[stain][top : top + side, left : left + side]
            pasted[number][here][disc] = cut[disc]
    return Pasted(pasted, where)
