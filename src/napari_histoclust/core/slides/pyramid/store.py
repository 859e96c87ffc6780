"""Pyramids that this program built for files without one, kept in a cache folder.

A pyramid is a folder: ``tiles.bin`` holds JPEG tiles of 512 px one after another, ``index.npy`` where each
of them lies (offset and bytes, level after level, row after row), ``pyramid.json`` the rest. It belongs to a
file by its path, size and time of change: a file that changes gets another one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.tiled.positioned_file import PositionedFile
from napari_histoclust.core.slides.tiled.tiles import TiledSlide
from napari_histoclust.core.user_cache import UserCache

PYRAMIDS = UserCache("pyramids", default_gib=20.0)
# A picture no larger than this is quick to look at as it is.
LARGE_PX = 4096
TILE_PX = 512
FORMAT = 1
_TILES, _INDEX, _DOCUMENT = "tiles.bin", "index.npy", "pyramid.json"


@dataclass(frozen=True, eq=False)
class KeptLevel:
    """One level of a pyramid in the cache. See `TileLevel`."""

    folder: Path
    file: PositionedFile
    index: NDArray[np.int64]
    shape: tuple[int, int]

    @property
    def tile(self) -> tuple[int, int]:
        """512 px a side."""
        return TILE_PX, TILE_PX

    def decode(self, row: int, col: int) -> UInt8:
        """Return the pixels of one tile."""
        import imagecodecs

        offset, count = self.index[row * -(-self.shape[1] // TILE_PX) + col].tolist()
        try:
            pixels: UInt8 = imagecodecs.jpeg_decode(self.file.read(offset, count))
        except (RuntimeError, ValueError) as error:
            raise HistoclustError(
                f"{self.folder}: the pyramid kept here is damaged: delete this folder, it is built again."
            ) from error
        return pixels


def place_of(path: Path, picture: int) -> Path:
    """Return the folder that is, or would be, the pyramid of a picture of a file."""
    stat = path.stat()
    identity = json.dumps([FORMAT, str(path.resolve()), stat.st_size, stat.st_mtime_ns, picture])
    return PYRAMIDS.folder() / hashlib.sha256(identity.encode()).hexdigest()[:32]


def lacks_pyramid(slide: TiledSlide) -> bool:
    """Whether a slide is large and has only its full size."""
    return len(slide.shapes) == 1 and max(slide.shapes[0]) > LARGE_PX and slide.path.is_file()


def with_kept_pyramid(slide: TiledSlide, picture: int) -> TiledSlide:
    """Return the slide with the levels that were built for it, or as it is where there are none."""
    if not lacks_pyramid(slide):
        return slide
    folder = place_of(slide.path, picture)
    try:
        document = json.loads((folder / _DOCUMENT).read_text(encoding="utf-8"))
        levels = _levels(folder, document, slide.shapes[0])
        boxes = [(int(y), int(x), int(h), int(w)) for y, x, h, w in document["holes"]]
        os.utime(folder / _DOCUMENT)  # used last: the cap takes the others first
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return slide  # not built, or not whole: the slide itself is
    if slide.holes is not None:
        slide.holes.remember(boxes)
    return replace(slide, levels=[*slide.levels, *levels])


def _levels(folder: Path, document: dict[str, Any], shape: tuple[int, int]) -> list[KeptLevel]:
    index = np.load(folder / _INDEX, allow_pickle=False)
    shapes = [(int(height), int(width)) for height, width in document["shapes"]]
    if document["format"] != FORMAT or shapes != halves(shape) or len(index) != sum(map(tiles_of, shapes)):
        raise ValueError(folder)
    file, ends = PositionedFile(folder / _TILES), np.cumsum([tiles_of(one) for one in shapes])
    return [
        KeptLevel(folder, file, part, one)
        for part, one in zip(np.split(index, ends[:-1]), shapes, strict=True)
    ]


def halves(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the shapes of the levels to build, each half the one before, down to about 1024 px."""
    shapes = []
    height, width = shape
    while max(height, width) > LARGE_PX // 4:
        height, width = -(-height // 2), -(-width // 2)
        shapes.append((height, width))
    return shapes


def tiles_of(shape: tuple[int, int]) -> int:
    """Return the number of tiles of a level."""
    return -(-shape[0] // TILE_PX) * -(-shape[1] // TILE_PX)


def write_document(
    folder: Path, index: NDArray[np.int64], shapes: Sequence[tuple[int, int]], slide: TiledSlide
) -> None:
    """Write what stands beside the tiles."""
    np.save(folder / _INDEX, index)
    boxes = [] if slide.holes is None else slide.holes.damaged_boxes()
    document = {"format": FORMAT, "source": str(slide.path.resolve()), "shapes": shapes, "holes": boxes}
    (folder / _DOCUMENT).write_text(json.dumps(document, indent=2), encoding="utf-8")


def make_room(kept: Path) -> None:
    """Delete the pyramids used longest ago until all fit under the cap; never the one just built."""
    folders = [path for path in kept.parent.iterdir() if (path / _DOCUMENT).is_file()]
    folders.sort(key=lambda path: (path == kept, (path / _DOCUMENT).stat().st_mtime))
    sizes = {path: sum(file.stat().st_size for file in path.iterdir()) for path in folders}
    for path in folders[:-1]:
        if sum(sizes.values()) <= PYRAMIDS.most_bytes():
            return
        shutil.rmtree(path, ignore_errors=True)
        sizes[path] = 0


def tiles_file(folder: Path) -> Path:
    """Return the file of the tiles."""
    return folder / _TILES
