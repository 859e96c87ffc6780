"""Bare glass in the place of a stain that a stack lacks, so that what reads five stains can read four."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.slides.protocol import Int, UInt8
from napari_histoclust.core.slides.stack import Stack

if TYPE_CHECKING:
    import dask.array as da

GLASS = 255


@dataclass(frozen=True, eq=False)
class Glass:
    """A slide on which there is nothing: white wherever it is read.

    Parameters
    ----------
    path : Path
        Of the stack that lacks it.
    name : str
        The stain.
    shapes : tuple of (int, int)
        Height and width in px of each level.
    """

    path: Path
    name: str
    shapes: tuple[tuple[int, int], ...]
    um_per_px: float | None = None
    reader: str = "none"
    warnings: tuple[str, ...] = ()
    corner_um: tuple[float, float] | None = None
    is_placed: bool = False

    def read(self, level: int, y: int, x: int, height: int, width: int, out: UInt8 | None = None) -> UInt8:
        """Return a white (height, width, 3) window, in `out` where one is given."""
        out = np.empty((height, width, 3), np.uint8) if out is None else out
        out[:] = GLASS
        return out

    def cut(self, level: int, y: Int, x: Int, out: UInt8, index: int) -> None:
        """Fill ``out[:, index]`` with white."""
        out[:, index] = GLASS

    def dask_levels(self) -> list[da.Array]:
        """Return every level as a lazy white (y, x, 3) uint8 array."""
        import dask.array as da

        return [
            da.from_array(  # type: ignore[no-untyped-call]
                np.broadcast_to(np.uint8(GLASS), (*shape, 3)), chunks=(1024, 1024, 3)
            )
            for shape in self.shapes
        ]

    def valid(self, shape: tuple[int, int], downsample: float) -> NDArray[np.bool_] | None:
        """Return None: it is the same everywhere."""
        return None

    def hole_warnings(self) -> tuple[str, ...]:
        """Return none: that the stain is missing is said elsewhere."""
        return ()

    def own_px(self, places_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the places as they are."""
        return places_px


def with_glass(stack: Stack, missing: Sequence[str]) -> Stack:
    """Return the stack with bare glass for the stains `missing`; its own stay first, in their order."""
    if not missing:
        return stack
    glass = {stain: Glass(stack.path, stain, stack.shapes) for stain in missing}
    levels = {stain: tuple(range(len(stack.shapes))) for stain in missing}
    return replace(
        stack,
        stains=(*stack.stains, *missing),
        slides={**stack.slides, **glass},
        slide_levels={**stack.slide_levels, **levels},
    )
