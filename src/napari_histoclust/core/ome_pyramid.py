"""A pyramid as OME-TIFF 6 lays down: level 0 is the image, the others are its sub-IFDs."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import tifffile

from napari_histoclust import __version__
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.threads import pulled

# A classic TIFF ends at 4 GiB; what is written compresses far below its size, which is taken here to be safe.
_CLASSIC_BYTES = 2**32 - 2**25


class EncodedPyramid(Protocol):
    """Levels whose tiles come compressed, a strip of tiles at a time, row by row.

    Attributes
    ----------
    shapes : tuple of (int, ...)
        Shape of each level, (height, width) or (height, width, 3).
    options : dict
        How `tifffile.TiffWriter.write` is told about the tiles: dtype, tile, compression, photometric.
    nbytes : float
        What level 0 would take if nothing were gained by the compression.
    """

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]: ...  # noqa: D102 - described above
    @property
    def options(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def nbytes(self) -> float: ...  # noqa: D102

    def strips(self, level: int) -> int:
        """How many strips a level has."""
        ...

    def encoded_strips(self, level: int) -> Generator[list[bytes], None, None]:
        """Yield the tiles of each strip."""
        ...


def write_pyramid(path: Path, pyramid: EncodedPyramid, metadata: dict[str, Any]) -> Job[None]:
    """Write the pyramid to `path` in a thread of its own, never more than a few strips in memory.

    Parameters
    ----------
    path : Path
    pyramid : EncodedPyramid
    metadata : dict
        For the OME-XML, as tifffile takes it; "PhysicalSizeX" in um decides the resolution tags.
    """
    levels = range(len(pyramid.shapes))
    strips = (strip for level in levels for strip in pyramid.encoded_strips(level))
    total = sum(pyramid.strips(level) for level in levels)

    def write(strips: Iterator[list[bytes]]) -> None:
        tiles = (chain.from_iterable(islice(strips, pyramid.strips(level))) for level in levels)
        write_levels(path, zip(pyramid.shapes, tiles, strict=True), pyramid.options, metadata, pyramid.nbytes)

    yield from pulled(write, strips, total, f"Writing {path.name.removeprefix('.partial-')}")


def write_levels(
    path: Path,
    levels: Iterable[tuple[tuple[int, ...], Iterator[bytes]]],
    options: dict[str, Any],
    metadata: dict[str, Any],
    nbytes: float,
) -> None:
    """Write levels of encoded tiles as an OME-TIFF; the one place that does.

    Parameters
    ----------
    path : Path
    levels : iterable of (shape, tiles)
        Level 0 first, each half the one before; tiles row by row.
    options, metadata
        See `EncodedPyramid` and `write_pyramid`.
    nbytes : float
        What level 0 takes at the most.
    """
    shapes_and_tiles = list(levels)
    options = {**options, "software": f"napari-histoclust {__version__}"}
    with tifffile.TiffWriter(path, bigtiff=4 / 3 * nbytes > _CLASSIC_BYTES, ome=True, byteorder="<") as tiff:
        for level, (shape, tiles) in enumerate(shapes_and_tiles):
            special: dict[str, Any] = (
                {"subfiletype": 1} if level else {"subifds": len(shapes_and_tiles) - 1, "metadata": metadata}
            )
            tiff.write(tiles, shape=shape, **options, **_resolution(metadata, level), **special)


def physical_size(um_per_px: float | None) -> dict[str, Any]:
    """Return the entries of the OME-XML that state the size of a px; none where it is unknown."""
    if um_per_px is None:
        return {}
    return {
        key: value
        for axis in "XY"
        for key, value in ((f"PhysicalSize{axis}", um_per_px), (f"PhysicalSize{axis}Unit", "µm"))
    }


def _resolution(metadata: dict[str, Any], level: int) -> dict[str, Any]:
    """Px per cm of a level, for readers of plain TIFF."""
    if "PhysicalSizeX" not in metadata:
        return {}
    per_cm = 1e4 / (metadata["PhysicalSizeX"] * 2**level)
    return {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
