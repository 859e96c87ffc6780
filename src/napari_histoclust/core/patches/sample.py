"""Random patches of tissue from one or several slides, for training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import SettingError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.patches.large_array import large_array
from napari_histoclust.core.patches.lattice import AreaTable, LevelChoice, lattice_shape
from napari_histoclust.core.patches.reader import Unit, read_units, unit_size
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.tissue.mask import TissueMask

Int = NDArray[np.int64]
Resize = Callable[[UInt8], Any]

# Side of the squares by which positions are grouped for reading: smaller than for a full lattice, as random
# positions are thinner.
BLOCK_PX = 1024
_ROUNDS = 40


@dataclass(frozen=True, eq=False)
class SampledPatches:
    """Random patches, in the order in which they were drawn.

    Parameters
    ----------
    pixels : (n, 3 * stains, side, side) uint8
        What `resize` made of each patch.
    stack_index : (n,) int16
        Which of the stacks each comes from.
    y_px, x_px : (n,) float64
        Centres in level-0 px.
    """

    pixels: UInt8
    stack_index: NDArray[np.int16]
    y_px: NDArray[np.float64]
    x_px: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.stack_index)

    def places(self, patch_px: float) -> NDArray[np.float64]:
        """Return (n, 3): slide, y and x of each centre, in sides of a patch."""
        return np.stack([self.stack_index, self.y_px / patch_px, self.x_px / patch_px], axis=1)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Upper left corners in px of the level read, and the stack of each."""

    stack: NDArray[np.int16]
    y: Int
    x: Int


def sample_patches(
    stacks: Sequence[Stack],
    masks: Sequence[TissueMask],
    stains: Sequence[str],
    *,
    count: int,
    patch_px: int,
    seed: int,
    min_tissue: float,
    min_valid: float,
    resize: Resize,
    surround: float = 0.0,
    choices: Sequence[LevelChoice] | None = None,
) -> Job[SampledPatches]:
    """Draw random patches, uniformly over the tissue of all stacks, and read them by blocks in threads.

    Parameters
    ----------
    stacks, masks : sequences of equal length
        The slides and their tissue.
    stains : sequence of str
        Stains in the order wanted.
    count : int
        Number of patches; fewer positions than that are repeated.
    patch_px : int
        Side in level-0 px; `choices` overrides it.
    seed : int
        Fixes positions and order, whatever the number of threads.
    min_tissue, min_valid : float
        As in `make_grid`.
    resize : callable
        Makes (n, 3 * stains, side, side) uint8 of (n, stains, p, p, 3) uint8; it is called on the patches as
        they come, so that only its result is kept.
    surround : float
        What is read around each patch on every side, as a share of the patch's; p is larger by it. It must
        lie inside the slide, but need not hold tissue.
    choices : sequence of LevelChoice, optional
        Level and patch side of each stack; level 0 and `patch_px` without.

    Raises
    ------
    HistoclustError
        If a stain is missing, a patch does not fit, or no patch holds enough tissue.
    """
    for stack in stacks:
        stack.require(stains)
    plain = choices if choices is not None else [LevelChoice(0, patch_px)] * len(stacks)
    levels = [replace(choice, margin_px=round(choice.patch_px * surround)) for choice in plain]
    drawn = _draw(stacks, masks, levels, count, np.random.default_rng(seed), (min_tissue, min_valid))
    pixels = yield from _read(stacks, levels, stains, drawn, resize)
    steps = np.array([s.downsamples[c.level] for s, c in zip(stacks, levels, strict=True)])[drawn.stack]
    half = np.array([choice.patch_px / 2 for choice in levels])[drawn.stack]
    return SampledPatches(pixels, drawn.stack, (drawn.y + half) * steps, (drawn.x + half) * steps)


def _draw(
    stacks: Sequence[Stack],
    masks: Sequence[TissueMask],
    levels: Sequence[LevelChoice],
    count: int,
    rng: np.random.Generator,
    smallest: tuple[float, float],
) -> _Drawn:
    """Draw positions in every stack in proportion to its tissue, and shuffle them."""
    area = np.array([_area(stack, mask, stacks) for stack, mask in zip(stacks, masks, strict=True)])
    shares = rng.multinomial(count, area / area.sum())
    parts = [
        _draw_in(stack, mask, choice, int(n), rng, smallest)
        for stack, mask, choice, n in zip(stacks, masks, levels, shares, strict=True)
    ]
    order = rng.permutation(count)
    index = np.repeat(np.arange(len(stacks), dtype=np.int16), shares)
    y, x = (np.concatenate([part[axis] for part in parts]) for axis in (0, 1))
    return _Drawn(index[order], y[order], x[order])


def _area(stack: Stack, mask: TissueMask, stacks: Sequence[Stack]) -> float:
    """Area of tissue: in um where all stacks state their scale, in px otherwise."""
    known = all(other.um_per_px is not None for other in stacks)
    side = mask.downsample * (stack.um_per_px or 1.0 if known else 1.0)
    return float(np.count_nonzero(mask.tissue)) * side * side


def _draw_in(
    stack: Stack,
    mask: TissueMask,
    choice: LevelChoice,
    count: int,
    rng: np.random.Generator,
    smallest: tuple[float, float],
) -> tuple[Int, Int]:
    """Draw `count` corners in one stack, centres uniform over the tissue; what fails is drawn again."""
    lattice_shape(stack, choice.level, choice.patch_px, 1)
    _require_room(stack, choice)
    places = np.flatnonzero(np.logical_and.reduce([mask.tissue, *mask.valid.values()]))
    found: list[tuple[Int, Int]] = []
    missing = count
    for _ in range(_ROUNDS if len(places) else 0):
        if missing <= 0:
            break
        y, x = _corners(stack, mask, choice, places, 2 * missing + 64, rng)
        fits = _fits(mask, y, x, choice, stack.downsamples[choice.level], smallest)
        found.append((y[fits], x[fits]))
        missing -= int(np.count_nonzero(fits))
    y, x = (np.concatenate([part[axis] for part in found] or [np.zeros(0, np.int64)]) for axis in (0, 1))
    if count and not len(y):
        raise SettingError(
            "{min_tissue} {:g} and {min_valid} {:g}: no random patch of {} passes: give lower values or a "
            "smaller {patch_px}.",
            *smallest,
            stack.name,
        )
    return np.resize(y, count), np.resize(x, count)


def _require_room(stack: Stack, choice: LevelChoice) -> None:
    height, width = stack.shapes[choice.level]
    if choice.patch_px + 2 * choice.margin_px > min(height, width):
        raise SettingError(
            "{surround}: a patch of {} px with {} px around it does not fit into {} ({} x {} px at level "
            "{}): give a smaller one, or a smaller {patch_px}.",
            choice.patch_px,
            choice.margin_px,
            stack.name,
            height,
            width,
            choice.level,
        )


def _corners(
    stack: Stack,
    mask: TissueMask,
    choice: LevelChoice,
    places: Int,
    count: int,
    rng: np.random.Generator,
) -> tuple[Int, Int]:
    """Corners in px of the level, of patches centred in the tissue that lie in the slide, margin and all."""
    width = mask.tissue.shape[1]
    chosen = places[rng.integers(len(places), size=count)]
    inside = np.ones(count, bool)
    corners = []
    for axis, centre in enumerate((chosen // width, chosen % width)):
        scaled = (centre + rng.random(count)) * mask.downsample / stack.downsamples[choice.level]
        corner = np.floor(scaled - choice.patch_px / 2 + 0.5).astype(np.int64)
        last = stack.shapes[choice.level][axis] - choice.patch_px - choice.margin_px
        inside &= (corner >= choice.margin_px) & (corner <= last)
        corners.append(corner)
    return corners[0][inside], corners[1][inside]


def _fits(
    mask: TissueMask, y: Int, x: Int, choice: LevelChoice, step: float, smallest: tuple[float, float]
) -> NDArray[np.bool_]:
    """Which patches hold enough tissue and are covered by every stain."""
    y_px, x_px = np.asarray(y * step, np.float64), np.asarray(x * step, np.float64)
    side = choice.patch_px * step
    fits = AreaTable(mask.tissue, mask.downsample).squares(y_px, x_px, side) >= smallest[0]
    for valid in mask.valid.values():
        if not valid.all():
            fits &= AreaTable(valid, mask.downsample).squares(y_px, x_px, side) >= smallest[1]
    return fits


def _read(
    stacks: Sequence[Stack],
    levels: Sequence[LevelChoice],
    stains: Sequence[str],
    drawn: _Drawn,
    resize: Resize,
) -> Job[UInt8]:
    """Read what was drawn, block by block, into the order in which it was drawn."""
    pixels: UInt8 | None = None
    done = 0
    for patches in read_units(_units(stacks, drawn, levels, len(stains)), stains):
        small = np.asarray(resize(patches.pixels))
        if pixels is None:
            pixels = large_array((len(drawn.stack), *small.shape[1:]))
        pixels[patches.key] = small
        done += len(small)
        yield Progress("Reading patches", done, len(drawn.stack))
    assert pixels is not None, "count is at least 1"
    return pixels


def _units(
    stacks: Sequence[Stack],
    drawn: _Drawn,
    levels: Sequence[LevelChoice],
    stains: int,
) -> Iterator[Unit[Int]]:
    """Groups of rows of one block each, small enough to be read at once."""
    order = np.lexsort((drawn.x // BLOCK_PX, drawn.y // BLOCK_PX, drawn.stack))
    block = np.stack([drawn.stack, drawn.y // BLOCK_PX, drawn.x // BLOCK_PX])[:, order]
    cuts = np.flatnonzero((np.diff(block, axis=1) != 0).any(axis=0)) + 1
    for group in np.split(order, cuts):
        index = int(drawn.stack[group[0]])
        level, margin = levels[index].level, levels[index].margin_px
        patch_px = levels[index].patch_px + 2 * margin
        size = unit_size(stains, patch_px)
        for start in range(0, len(group), size):
            rows = group[start : start + size]
            yield Unit(rows, stacks[index], level, drawn.y[rows] - margin, drawn.x[rows] - margin, patch_px)
