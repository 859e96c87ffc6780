"""What the rest of the program knows of an image file, and of what a path holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import dask.array as da

UInt8 = NDArray[np.uint8]
Int = NDArray[np.integer[Any]]
Corner = tuple[float, float]


class Windows(Protocol):
    """What windows are read from.

    Attributes
    ----------
    shapes : tuple of (int, int)
        Height and width in px of each level, level 0 (full resolution) first.
    """

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]: ...  # noqa: D102 - described above

    def read(self, level: int, y: int, x: int, height: int, width: int, out: UInt8 | None = None) -> UInt8:
        """Return the (height, width, 3) window at (y, x) px of `level`; thread-safe.

        Parts outside the picture are filled with white (255). The window is written into `out` where one
        is given, which saves a copy.

        Raises
        ------
        HistoclustError
            If the file cannot be decoded there; names the file.
        """
        ...


class Slide(Windows, Protocol):
    """One RGB picture with its pyramid, read lazily and shown upright.

    Attributes
    ----------
    path : Path
        The file or folder.
    name : str
        Name stated in the file (OME Image Name, channel name), or the file's stem.
    um_per_px : float or None
        Physical size of a level-0 px where the file states it in a physical unit; a resolution tag in dots
        per inch is not a scale.
    reader : str
        Library and version that decode the file, for the run's manifest.
    warnings : tuple of str
        What the user should know of the file, one sentence each, as far as opening it shows.
    corner_um : (float, float) or None
        Stage position (y, x) of the upper left corner, where the file states it in a unit of length.
    is_placed : bool
        Whether it is laid into another slide's frame.
    """

    @property
    def path(self) -> Path: ...  # noqa: D102 - described above
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def um_per_px(self) -> float | None: ...  # noqa: D102
    @property
    def reader(self) -> str: ...  # noqa: D102
    @property
    def warnings(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def corner_um(self) -> Corner | None: ...  # noqa: D102
    @property
    def is_placed(self) -> bool: ...  # noqa: D102

    def cut(self, level: int, y: Int, x: Int, out: UInt8, index: int) -> None:
        """Write the patches at (y, x) px of `level` into ``out[:, index]``, white outside; thread-safe.

        Parameters
        ----------
        level : int
            Level that is read.
        y, x : (n,) integers
            Upper left corners.
        out : (n, s, p, p, 3) uint8, C-contiguous
            Patches of several stains.
        index : int
            Which of the stains this slide is.

        Raises
        ------
        HistoclustError
            If the file cannot be decoded there; names the file.
        """
        ...

    def dask_levels(self) -> list[da.Array]:
        """Return every level as a lazy (y, x, 3) uint8 array, chunked along the file's tiles."""
        ...

    def valid(self, shape: tuple[int, int], downsample: float) -> NDArray[np.bool_] | None:
        """Return where the slide shows its own picture, None where it does everywhere.

        Parameters
        ----------
        shape : (height, width)
            Of a small picture of the whole slide.
        downsample : float
            Level-0 px per px of it.
        """
        ...

    def hole_warnings(self) -> tuple[str, ...]:
        """Return one sentence for each kind of hole in the picture, as far as it has been read."""
        ...

    def own_px(self, places_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where (n, 2) places (y, x) in level-0 px of the frame lie in level-0 px of the file.

        Px centres are whole numbers.
        """
        ...


@dataclass(frozen=True, eq=False)
class StackContents:
    """The stains under a path, before they are checked and become a stack.

    Parameters
    ----------
    name : str
        Name of the stack.
    slides : Mapping[str, Slide]
        Slide of each stain; the stain by its canonical name.
    reference : str or None
        Stain whose frame is the stack's; the first one where nobody says.
    um_per_px : float or None
        Size of a level-0 px where it is stated beside the files.
    warnings : tuple of str
        What the user should know, one sentence each.
    """

    name: str
    slides: Mapping[str, Slide]
    reference: str | None = None
    um_per_px: float | None = None
    warnings: tuple[str, ...] = ()
