"""overlay.ome.tif: a stain with the clusters laid over it, as a slide that any viewer opens."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.export.format import Format, slide_paths
from napari_histoclust.core.export.label_tiles import TILE_PX, LabelPyramid, halved
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.palette import colour_table
from napari_histoclust.core.threads import ahead

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.protocol import UInt8
    from napari_histoclust.core.slides.stack import Stack

_QUALITY = 88
_STRIP_TILES = 8  # side by side: one read of the slide serves them, and few of them fill no memory
_TOLERANCE = 0.02  # by which a level's downsample may miss a power of two


def write_overlay(
    run: Run, folder: Path, stain: str | None = None, opacity: float = 0.5
) -> Job[tuple[Path, ...]]:
    """Write overlay.ome.tif, one file a slide: RGB, JPEG tiles, each level half the one before.

    Parameters
    ----------
    run : Run
        Its images must be where they were mapped.
    folder : Path
    stain : str, optional
        Which lies below; the reference if not given.
    opacity : float
        Of the clusters, 0..1.

    Raises
    ------
    HistoclustError
        If the images have moved or there is no such stain; before anything is written.
    """
    from napari_histoclust.core.ome_pyramid import physical_size, write_pyramid

    stacks = [run.open_stack(slide) for slide in range(len(run.slides))]
    chosen = [stack.reference if stain is None else stain for stack in stacks]
    for stack, name in zip(stacks, chosen, strict=True):
        stack.require([name])
    paths = slide_paths(run, folder, "overlay.ome.tif")
    for slide, (path, stack, name) in enumerate(zip(paths, stacks, chosen, strict=True)):
        entry = run.manifest.slides[slide]
        labels = LabelPyramid(run.label_picture(slide), run.grids[slide], entry.shape_px)
        pyramid = OverlayPyramid(labels, colour_table(run.clusters), stack, name, opacity)
        metadata = {"axes": "YXS", "Name": f"{entry.name} {name} with clusters"}
        with atomic_file(path) as partial:
            yield from write_pyramid(partial, pyramid, metadata | physical_size(entry.um_per_px))
    return paths


@dataclass(frozen=True, eq=False)
class OverlayPyramid:
    """Levels of a stain with clusters over it, each half the one before.

    A level is read from the coarsest level of the slide that is fine enough, and averaged down from there.

    Parameters
    ----------
    labels : LabelPyramid
    colours : (ids + 1, 3) uint8
        Of each cluster id.
    stack : Stack
    stain : str
    opacity : float
        Of the clusters, 0..1.
    """

    labels: LabelPyramid
    colours: UInt8
    stack: Stack
    stain: str
    opacity: float

    @cached_property
    def shapes(self) -> tuple[tuple[int, int, int], ...]:
        """Height, width and 3 of each level."""
        return tuple((height, width, 3) for height, width in halved(self.labels.shape_px))

    @property
    def options(self) -> dict[str, Any]:
        """What TiffWriter has to know of the tiles."""
        return {
            "dtype": np.dtype(np.uint8),
            "tile": (TILE_PX, TILE_PX),
            "compression": "jpeg",
            "photometric": "ycbcr",
            "subsampling": (1, 1),  # colours of clusters keep their sharp borders
        }

    @property
    def nbytes(self) -> float:
        """What level 0 takes at the most; JPEG gains at least this on tissue."""
        return self.labels.shape_px[0] * self.labels.shape_px[1] * 3 / 2

    def strips(self, level: int) -> int:
        """Rows of tiles times the strips in each."""
        height, width, _ = self.shapes[level]
        return -(-height // TILE_PX) * -(-width // (TILE_PX * _STRIP_TILES))

    def encoded_strips(self, level: int) -> Generator[list[bytes], None, None]:
        """Yield the tiles of each strip as JPEG; white beyond the slide's edge."""
        height, width, _ = self.shapes[level]
        corners = ((y, x) for y in range(0, height, TILE_PX) for x in range(0, width, TILE_PX * _STRIP_TILES))
        rows, cols = (self.labels.places(level, axis) for axis in (0, 1))
        picture = np.pad(self.labels.picture, ((0, 1), (0, 1)))  # the last row and column lie outside

        def encode(corner: tuple[int, int]) -> list[bytes]:
            y, x = corner
            across = -(-min(TILE_PX * _STRIP_TILES, width - x) // TILE_PX)
            strip = self._stain(level, y, x, TILE_PX, across * TILE_PX)
            under = picture[np.ix_(rows[y : y + TILE_PX], cols[x : x + across * TILE_PX])]
            blend(strip[: under.shape[0], : under.shape[1]], self.colours, under, self.opacity)
            return [_jpeg(strip[:, i * TILE_PX : (i + 1) * TILE_PX]) for i in range(across)]

        return ahead(encode, corners)

    def _stain(self, level: int, y: int, x: int, height: int, width: int) -> UInt8:
        """Read a window of a level of this pyramid."""
        from napari_histoclust.core.slides.levels import block_mean  # brings zarr

        source, ratio = self._source(level)
        corner, size = (y * ratio, x * ratio), (height * ratio, width * ratio)
        return block_mean(self.stack.read(source, *corner, *size, [self.stain])[0], ratio)

    def _source(self, level: int) -> tuple[int, int]:
        """Return the level of the stack to read from, and how many of its px make one, along each axis."""
        best = 0, 2**level
        for source, downsample in enumerate(self.stack.downsamples):
            ratio = 2**level / downsample
            if ratio > 1 - _TOLERANCE and abs(ratio / round(ratio) - 1) < _TOLERANCE:
                best = source, round(ratio)
        return best


def blend(pixels: UInt8, colours: UInt8, labels: np.ndarray, opacity: float) -> None:
    """Lay colours over (h, w, 3) pixels in place where the (h, w) label is not 0."""
    weight = round(256 * opacity)
    mixed = (pixels.astype(np.uint16) * (256 - weight) + colours[labels].astype(np.uint16) * weight) >> 8
    np.copyto(pixels, mixed.astype(np.uint8), where=(labels > 0)[..., None])


def _jpeg(tile: UInt8) -> bytes:
    return bytes(
        imagecodecs.jpeg8_encode(
            np.ascontiguousarray(tile),
            level=_QUALITY,
            colorspace="RGB",
            outcolorspace="YCBCR",
            subsampling="444",
        )
    )


FORMATS = (
    Format(
        "overlay",
        write_overlay,
        ("overlay.ome.tif",),
        "Overlay slide",
        "A stain with the clusters over it, as a slide (OME-TIFF).",
        rank=20,
        per_slide=True,
    ),
)
