"""What the rest of the program knows of an image file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import dask.array as da

UInt8 = NDArray[np.uint8]


class Slide(Protocol):
    """One RGB picture with its pyramid, read lazily. One class a family of formats implements it.

    Attributes
    ----------
    path : Path
        The file or folder.
    name : str
        Name stated in the file (OME Image Name, channel name), or the file's stem.
    shapes : tuple of (int, int)
        Height and width in px of each level, level 0 (full resolution) first.
    um_per_px : float or None
        Physical size of a level-0 px where the file states it in a physical unit; a resolution tag in dots
        per inch is not a scale.
    reader : str
        Library and version that decode the file, for the run's manifest.
    warnings : tuple of str
        What the user should know of the file, one sentence each.
    """

    @property
    def path(self) -> Path: ...  # noqa: D102 - described above
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def shapes(self) -> tuple[tuple[int, int], ...]: ...  # noqa: D102
    @property
    def um_per_px(self) -> float | None: ...  # noqa: D102
    @property
    def reader(self) -> str: ...  # noqa: D102
    @property
    def warnings(self) -> tuple[str, ...]: ...  # noqa: D102

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

    def dask_levels(self) -> list[da.Array]:
        """Return every level as a lazy (y, x, 3) uint8 array, chunked along the file's tiles."""
        ...
