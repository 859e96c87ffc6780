"""The tiles of one page of a TIFF file: where they lie, and how one is decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.tiff.codestream import SIZE_OF, Size

Read = Callable[[int, int], bytes]

# What is read: none, LZW, JPEG, deflate, PackBits, JPEG 2000, zstd, WebP, JPEG XL. Decoders of other formats
# are kept away from files.
CODECS = frozenset({1, 5, 7, 8, 32773, 32946, 33003, 33004, 33005, 33007, 34712, 34926, 50000, 50001})
CODECS |= {50002, 52546}
# A strip larger than this that is not compressed is read in parts.
STRIP_BYTES = 4 * 2**20


class DamagedTile(Exception):  # noqa: N818 - a hole, not the end
    """A tile that cannot be decoded; the rest of the picture may be whole."""


@dataclass(frozen=True, eq=False)
class Plane:
    """The tiles of one page, or of one sample of a page whose samples are stored apart.

    Parameters
    ----------
    decoder : callable
        tifffile's decoder of the page.
    tables : dict
        What JPEG tiles share.
    first : int
        Number of the first tile for the decoder.
    offsets, counts : int64 arrays
        Place and bytes of each tile in the file.
    tile : (int, int)
        Height and width that a tile may have at most.
    itemsize : int
        Bytes of a sample; a codestream of another depth would be shown wrongly.
    size_of : callable or None
        What finds out the size that a tile states itself.
    """

    decoder: Callable[..., Any]
    tables: dict[str, bytes | None]
    first: int
    offsets: NDArray[np.int64]
    counts: NDArray[np.int64]
    tile: Size
    itemsize: int
    size_of: Callable[[bytes], Size | None] | None = None

    def is_hole(self, index: int) -> bool:
        """Whether the tile was never written."""
        return bool(self.counts[index] == 0 or self.offsets[index] == 0)

    def holes(self) -> NDArray[np.bool_]:
        """Which tiles were never written."""
        return np.asarray((self.counts == 0) | (self.offsets == 0))

    def decode(self, read: Read, index: int) -> NDArray[Any] | None:
        """Return the (h, w, samples) pixels of one tile, None where none was written."""
        if self.is_hole(index):
            return None
        data = read(int(self.offsets[index]), int(self.counts[index]))
        if self.size_of is not None and self.tables["jpegheader"] is None:
            self._check_size(data)
        pixels: NDArray[Any] = self.decoder(data, self.first + index, **self.tables)[0][0]
        if pixels.dtype.kind != "u" or pixels.dtype.itemsize != self.itemsize:
            raise DamagedTile(f"its pixels are {pixels.dtype}")
        return pixels

    def _check_size(self, data: bytes) -> None:
        assert self.size_of is not None
        size = self.size_of(data)
        if size is None:
            raise DamagedTile("its header is damaged")
        if size[0] > self.tile[0] or size[1] > self.tile[1]:
            raise DamagedTile(f"it says that it is {size[0]} x {size[1]} px")


def _raw_decoder(dtype: np.dtype[Any], width: int, samples: int) -> Callable[..., Any]:
    """Return a decoder for rows that are not compressed."""

    def decode(data: bytes, index: int, **tables: Any) -> tuple[NDArray[Any]]:
        pixels = np.frombuffer(data, dtype).reshape(1, -1, width, samples)
        return (pixels.astype(dtype.newbyteorder("="), copy=False),)

    return decode


def is_splittable(page: Any) -> bool:
    """Whether the strips of a page are plain rows, of which any number may be read by themselves."""
    return (
        not page.is_tiled
        and page.compression == 1
        and page.predictor == 1
        and page.fillorder == 1
        and page.bitspersample in (8, 16)
        and not page.is_subsampled
    )


def rows_per_part(page: Any) -> int:
    """Return the rows of a strip that are read together: about 4 MB where it can be split, else all."""
    rows = min(page.rowsperstrip, page.imagelength)
    if not is_splittable(page):
        return int(rows)
    bytes_a_row = page.imagewidth * _contiguous_samples(page) * page.bitspersample // 8
    if rows * bytes_a_row <= STRIP_BYTES:
        return int(rows)
    most = min(4096, max(1, STRIP_BYTES // bytes_a_row))
    if rows >= page.imagelength:
        return int(most)  # a single strip: its parts may be of any height
    return max(part for part in range(1, most + 1) if rows % part == 0)


def _contiguous_samples(page: Any) -> int:
    return 1 if page.planarconfig == 2 else int(page.samplesperpixel)


def planes_of_page(path: Path, page: Any, tile: Size, size: int) -> list[Plane]:
    """Return the planes of a page: one, or one a sample where the samples are stored apart.

    Parameters
    ----------
    tile : (int, int)
        Height and width of the tiles; of parts of strips where strips are split.
    size : int
        Bytes of the file.

    Raises
    ------
    HistoclustError
        If the codec is none that is read, tiles have no place or lie beyond the end of the file.
    """
    keyframe = page.keyframe
    _check_codec(path, keyframe)
    apart = keyframe.samplesperpixel if keyframe.planarconfig == 2 else 1
    count = _tile_count(keyframe)
    offsets = np.asarray(page.dataoffsets, np.int64)
    counts = np.minimum(np.asarray(page.databytecounts, np.int64), _most_bytes_of_tile(keyframe))
    if len(offsets) < apart * count or len(counts) < apart * count:
        raise HistoclustError(
            f"{path}: is damaged, {apart * count - min(len(offsets), len(counts))} of its tiles have no "
            "place in the file: copy or export it again."
        )
    _check_places(path, offsets, counts, size)
    if not keyframe.is_tiled and tile[0] < min(keyframe.rowsperstrip, keyframe.imagelength):
        return [
            _split(path, keyframe, offsets[k * count :][:count], counts[k * count :][:count], tile[0])
            for k in range(apart)
        ]
    tables = {"jpegtables": page.jpegtables, "jpegheader": keyframe.jpegheader}
    decoder, size_of = keyframe.decode, SIZE_OF.get(int(keyframe.compression))
    return [
        Plane(
            decoder,
            tables,
            k * count,
            offsets[k * count :][:count],
            counts[k * count :][:count],
            tile,
            keyframe.dtype.itemsize,
            size_of,
        )
        for k in range(apart)
    ]


def _check_codec(path: Path, page: Any) -> None:
    if int(page.compression) not in CODECS:
        name = getattr(page.compression, "name", f"compression {int(page.compression)}")
        raise HistoclustError(
            f"{path}: is compressed with {name}, which is not read: save it with JPEG, JPEG 2000, deflate, "
            "LZW or zstd."
        )


def _tile_count(page: Any) -> int:
    """Return the number of tiles or strips that one plane must have."""
    if page.is_tiled:
        return int(-(-page.imagelength // page.tilelength) * -(-page.imagewidth // page.tilewidth))
    return int(-(-page.imagelength // min(page.rowsperstrip, page.imagelength)))


def _most_bytes_of_tile(page: Any) -> int:
    """Return the bytes of a tile that is not compressed: where a file states more it is wrong."""
    if page.compression != 1 or page.bitspersample not in (8, 16):
        return int(np.iinfo(np.int64).max)
    rows, width = page.tilelength, page.tilewidth
    if not page.is_tiled:
        rows, width = min(page.rowsperstrip, page.imagelength), page.imagewidth
    return int(rows * width * _contiguous_samples(page) * page.bitspersample // 8)


def _check_places(path: Path, offsets: NDArray[np.int64], counts: NDArray[np.int64], size: int) -> None:
    # compared without a sum, which might run over
    outside = (offsets < 0) | (counts < 0) | (offsets > size) | (counts > size - np.clip(offsets, 0, size))
    missing = int(np.count_nonzero(outside))
    if missing:
        raise HistoclustError(
            f"{path}: is cut short, {missing} of {len(offsets)} tiles of a level lie beyond the end of the "
            "file: copy or export it again."
        )


def _split(path: Path, page: Any, offsets: NDArray[np.int64], counts: NDArray[np.int64], rows: int) -> Plane:
    """Return a plane whose tiles are parts of strips that are not compressed."""
    height, strip = page.imagelength, min(page.rowsperstrip, page.imagelength)
    samples = _contiguous_samples(page)
    row_bytes = page.imagewidth * samples * page.bitspersample // 8
    tops = np.arange(0, height, rows)
    strips, inside = tops // strip, tops % strip
    tall = np.minimum(rows, height - tops)
    if (
        counts[strips] < (np.minimum(inside + rows, np.minimum(strip, height - strips * strip))) * row_bytes
    ).any():
        raise HistoclustError(
            f"{path}: is damaged, a strip is shorter than its rows need: copy or export it again."
        )
    dtype = np.dtype(page.parent.byteorder + page.dtype.char)
    return Plane(
        _raw_decoder(dtype, page.imagewidth, samples),
        {"jpegtables": None, "jpegheader": None},
        0,
        offsets[strips] + inside * row_bytes,
        tall * row_bytes,
        (rows, page.imagewidth),
        dtype.itemsize,
    )
