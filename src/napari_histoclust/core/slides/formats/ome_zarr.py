"""OME-Zarr 0.4 and 0.5 on a local disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.channels import Group, channel_warnings, group_channels
from napari_histoclust.core.slides.format import MAX_TILE_BYTES, Format, check_size, gone, reason
from napari_histoclust.core.slides.ngff import attributes_of, corner_um, side_um
from napari_histoclust.core.slides.protocol import Corner, UInt8
from napari_histoclust.core.slides.scale import gated
from napari_histoclust.core.slides.tiff.colours import to_8_bits
from napari_histoclust.core.slides.tiled.holes import Box, Holes
from napari_histoclust.core.slides.tiled.tiles import CHUNK_PX, WHITE, TiledSlide
from napari_histoclust.core.slides.tiled.zarr_chunks import LostChunks, lost_chunks

# What zarr raises on stores that are damaged; its own errors are kinds of ValueError.
_DAMAGED = (ValueError, KeyError, IndexError, TypeError, OSError, RuntimeError)
_TILE_PX = CHUNK_PX // 2


@dataclass(frozen=True, eq=False)
class ZarrLevel:
    """One level of one picture in an OME-Zarr. See `TileLevel`.

    Parameters
    ----------
    array : zarr.Array
        All channels.
    axes : str
        Its axes, such as "tczyx".
    channels : tuple of int
        Channels that make up the picture: one (grey) or three.
    bits : int
        Bits of a sample, 8 or 16; see `tiff_colours` for how 16 become 8.
    number : int
        Which level it is.
    downsample : float
        Level-0 px per px.
    holes : Holes
        Where tiles that cannot be decoded are noted.
    lost : LostChunks or None
        Chunks whose files are not there; they are white.
    """

    path: Path
    array: Any
    axes: str
    channels: tuple[int, ...]
    bits: int
    number: int
    downsample: float
    holes: Holes
    lost: LostChunks | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in px."""
        return self._along("y", self.array.shape), self._along("x", self.array.shape)

    @property
    def tile(self) -> tuple[int, int]:
        """Whole chunks of about 512 px: a call of zarr costs more than a small chunk."""
        height, width = (self._along(axis, self.array.chunks) for axis in "yx")
        return height * max(1, _TILE_PX // height), width * max(1, _TILE_PX // width)

    def _along(self, axis: str, sizes: Sequence[int]) -> int:
        return int(sizes[self.axes.index(axis)])

    def decode(self, row: int, col: int) -> UInt8:
        """Return the pixels of one tile."""
        height, width = self.tile
        first, last = self.channels[0], self.channels[-1] + 1
        place = {
            "y": slice(row * height, (row + 1) * height),
            "x": slice(col * width, (col + 1) * width),
            "c": slice(first, last),
        }
        try:
            pixels = np.asarray(self.array[tuple(place.get(axis, 0) for axis in self.axes)])
        except _DAMAGED as error:
            self._refuse_gone()
            self.holes.add((self.number, row, col), self._box(row, col), reason(error))
            return np.full((height, width, 3), WHITE, np.uint8)
        self.holes.decoded()
        self._refuse_vanished(pixels)
        rgb = self._rgb(pixels)
        return rgb if self.lost is None else self.lost.whiten(rgb, row * height, col * width)

    def unwritten(self) -> list[Box]:
        """Return the boxes in level-0 px of the chunks that are not there."""
        boxes = [] if self.lost is None else self.lost.boxes()
        return [self._full_size(box) for box in boxes]

    def _full_size(self, box: Box) -> Box:
        y, x, height, width = (round(side * self.downsample) for side in box)
        return y, x, height, width

    def _box(self, row: int, col: int) -> Box:
        """Return y, x, height and width in level-0 px of a tile."""
        height, width = self.tile
        return self._full_size((row * height, col * width, height, width))

    def _refuse_vanished(self, pixels: NDArray[Any]) -> None:
        """Refuse constant pixels of a store that has gone: to zarr a lost chunk is one of the fill value."""
        if pixels.size and (pixels == pixels.flat[0]).all():
            self._refuse_gone()

    def _refuse_gone(self) -> None:
        if not self.path.exists():
            raise gone(self.path)

    def _rgb(self, pixels: NDArray[Any]) -> UInt8:
        left = [axis for axis in self.axes if axis in "cyx"]
        if "c" not in left:
            pixels, left = pixels[None], ["c", *left]
        pixels = pixels.transpose([left.index(axis) for axis in "yxc"])
        if self.bits != 8:
            pixels = to_8_bits(self.bits, pixels.dtype.itemsize)[pixels]
        return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else np.ascontiguousarray(pixels)


def open_ome_zarr(path: Path) -> tuple[TiledSlide, ...]:
    """Open the pictures of an OME-Zarr: one for RGB or grey, one a stain where it has channels.

    Raises
    ------
    HistoclustError
        If it is no OME-Zarr image, damaged, or its pixels are not 8-bit; names it.
    """
    import zarr  # takes a third of a second, and most slides are TIFF

    attributes = attributes_of(path)
    try:
        multiscale = attributes["multiscales"][0]
        axes = "".join(axis["name"].lower() for axis in multiscale["axes"])
        paths = [str(level["path"]) for level in multiscale["datasets"]]
        arrays = [zarr.open_array(path / inner, mode="r") for inner in paths]
        scale, said = gated(path.name, (side_um(multiscale, axes, "y"), side_um(multiscale, axes, "x")))
        corner = corner_um(multiscale, axes)
    except _DAMAGED as error:
        raise HistoclustError(
            f"{path}: is not a readable OME-Zarr image of version 0.4 or 0.5: export it again."
        ) from error
    _check(path, arrays, axes)
    channels = arrays[0].shape[axes.index("c")] if "c" in axes else 1
    groups, told = _groups(path, attributes, arrays[-1], axes, channels)
    if len(attributes["multiscales"]) > 1:
        said += (
            f"{path.name}: holds {len(attributes['multiscales'])} pictures, the first of which is used.",
        )
    name = str(multiscale.get("name") or "").strip("/") or path.name.split(".")[0]
    stated = Stated(scale, f"zarr {zarr.__version__}", corner, (*said, *told))
    return tuple(
        _slide(path, stain or name, list(zip(paths, arrays, strict=True)), axes, members, stated)
        for stain, members in groups
    )


class Stated(NamedTuple):
    """What a store states of all its pictures: size of a px, reader, corner and warnings."""

    um_per_px: float | None
    reader: str
    corner_um: Corner | None
    warnings: tuple[str, ...]


def _groups(
    path: Path, attributes: Mapping[str, Any], smallest: Any, axes: str, channels: int
) -> tuple[list[Group], tuple[str, ...]]:
    """Return the pictures by channels, and what is told of them.

    A Zarr does not say whether its channels are colours. Red, green and blue are known by their names or
    their colours in the viewer; three without either are looked at: glass is bright in all colours at once.
    """
    stated = attributes.get("omero", {}).get("channels", [])
    names = [str(channel.get("label", "")) for channel in stated]
    if channels == 3 and not any(names):
        colours = [str(channel.get("color", "")).upper() for channel in stated]
        if colours == ["FF0000", "00FF00", "0000FF"]:
            return [("", (0, 1, 2))], ()
        if _is_bright(smallest, axes):
            said = f"{path.name}: its three channels have no names, they are taken for red, green and blue."
            return [("", (0, 1, 2))], (said,)
    groups = group_channels(channels, names, grey=True)
    return groups, channel_warnings(path.name, groups, channels)


def _is_bright(array: Any, axes: str) -> bool:
    """Whether the pixels of the smallest level look like light through tissue, not like light out of it."""
    try:
        pixels = np.asarray(array[tuple(slice(None) if axis in "cyx" else 0 for axis in axes)])
    except _DAMAGED:
        return True  # a chunk cannot be decoded: what three channels mostly are, and its place a hole
    return bool(np.median(pixels) > np.iinfo(pixels.dtype).max / 3)


def _slide(
    path: Path,
    name: str,
    arrays: Sequence[tuple[str, Any]],
    axes: str,
    members: tuple[int, ...],
    stated: Stated,
) -> TiledSlide:
    warnings = [*stated.warnings]
    if len(members) == 1:
        warnings.append(f"{path.name}: {name} is grey, shown as grey RGB.")
    bits = 8 * arrays[0][1].dtype.itemsize
    if bits > 8:
        warnings.append(f"{path.name}: has {bits} bits a sample, 0 to {2**bits - 1} are shown as 0 to 255.")
    heights = [array.shape[axes.index("y")] for _, array in arrays]
    holes = Holes(path)
    levels = [
        ZarrLevel(
            path,
            array,
            axes,
            members,
            bits,
            number,
            max(1.0, heights[0] / max(1, height)),
            holes,
            lost_chunks(path / inner, array, axes, members),
        )
        for number, ((inner, array), height) in enumerate(zip(arrays, heights, strict=True))
    ]
    holes.note_unwritten([box for level in levels for box in level.unwritten()])
    said = (*warnings, *holes.warnings())
    return TiledSlide(path, name, levels, stated.um_per_px, stated.reader, said, holes, stated.corner_um)


def _check(path: Path, arrays: Sequence[Any], axes: str) -> None:
    first = arrays[0]
    if any(array.ndim != len(axes) for array in arrays) or not {"y", "x"} <= set(axes):
        raise HistoclustError(f"{path}: its axes ({axes}) do not describe its arrays: export it again.")
    if first.dtype not in (np.uint8, np.uint16):
        raise HistoclustError(
            f"{path}: its pixels are {first.dtype}, and 8-bit or 16-bit pixels without a sign are needed: "
            "convert it to 8-bit RGB."
        )
    if any(array.dtype != first.dtype for array in arrays):
        raise HistoclustError(f"{path}: its levels have pixels of different types: export it again.")
    many = [axis for axis, n in zip(axes, first.shape, strict=True) if axis not in "cyx" and n > 1]
    if many:
        raise HistoclustError(
            f"{path}: has several pictures along axis {many[0]}: save one picture a stain, or the stains as "
            "channels."
        )
    check_size(path, *(int(first.shape[axes.index(axis)]) for axis in "yx"))
    if any(int(np.prod(array.chunks)) * array.dtype.itemsize > MAX_TILE_BYTES for array in arrays):
        raise HistoclustError(
            f"{path}: its chunks are too large to be read piece by piece: export it in chunks of 512 px."
        )


def is_zarr(path: Path) -> bool:
    """Whether a path is a folder with a zarr group."""
    return path.is_dir() and any((path / name).is_file() for name in (".zattrs", ".zgroup", "zarr.json"))


FORMAT = Format(name="OME-Zarr", open=open_ome_zarr, recognises_folder=is_zarr, rank=10)
