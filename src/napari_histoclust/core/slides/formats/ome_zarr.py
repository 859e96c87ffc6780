"""OME-Zarr 0.4 and 0.5 on a local disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.format import MAX_TILE_BYTES, Format, check_size, gone, reason
from napari_histoclust.core.slides.names import group_channels
from napari_histoclust.core.slides.protocol import Corner, UInt8
from napari_histoclust.core.slides.tiff.colours import to_8_bits
from napari_histoclust.core.slides.tiled.holes import Box, Holes
from napari_histoclust.core.slides.tiled.tiles import CHUNK_PX, WHITE, TiledSlide

# What zarr raises on stores that are damaged; its own errors are kinds of ValueError.
_DAMAGED = (ValueError, KeyError, IndexError, TypeError, OSError, RuntimeError)
_UM = {
    "nanometer": 1e-3,
    "micrometer": 1.0,
    "millimeter": 1e3,
    "centimeter": 1e4,
    "meter": 1e6,
    "angstrom": 1e-4,
}
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
    """

    path: Path
    array: Any
    axes: str
    channels: tuple[int, ...]
    bits: int
    number: int
    downsample: float
    holes: Holes

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
        return self._rgb(pixels)

    def _box(self, row: int, col: int) -> Box:
        """Return y, x, height and width in level-0 px of a tile."""
        height, width = (round(side * self.downsample) for side in self.tile)
        return row * height, col * width, height, width

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

    attributes = _attributes(path)
    try:
        multiscale = attributes["multiscales"][0]
        axes = "".join(axis["name"].lower() for axis in multiscale["axes"])
        arrays = [zarr.open_array(path / level["path"], mode="r") for level in multiscale["datasets"]]
        scale = _um_per_px(multiscale, axes)
        corner = _corner_um(multiscale, axes)
    except _DAMAGED as error:
        raise HistoclustError(
            f"{path}: is not a readable OME-Zarr image of version 0.4 or 0.5: export it again."
        ) from error
    _check(path, arrays, axes)
    names = [str(c.get("label", "")) for c in attributes.get("omero", {}).get("channels", [])]
    channels = arrays[0].shape[axes.index("c")] if "c" in axes else 1
    name = str(multiscale.get("name") or "").strip("/") or path.name.split(".")[0]
    return tuple(
        _slide(path, stain or name, arrays, axes, members, (scale, f"zarr {zarr.__version__}", corner))
        for stain, members in group_channels(path, channels, names, grey=True)
    )


def _slide(
    path: Path,
    name: str,
    arrays: Sequence[Any],
    axes: str,
    members: tuple[int, ...],
    stated: tuple[float | None, str, Corner | None],
) -> TiledSlide:
    warnings = [f"{path.name}: {name} is grey, shown as grey RGB."] if len(members) == 1 else []
    bits = 8 * arrays[0].dtype.itemsize
    if bits > 8:
        warnings.append(f"{path.name}: has {bits} bits a sample, 0 to {2**bits - 1} are shown as 0 to 255.")
    heights = [array.shape[axes.index("y")] for array in arrays]
    holes = Holes(path)
    levels = [
        ZarrLevel(path, array, axes, members, bits, number, max(1.0, heights[0] / max(1, height)), holes)
        for number, (array, height) in enumerate(zip(arrays, heights, strict=True))
    ]
    scale, reader, corner = stated
    return TiledSlide(path, name, levels, scale, reader, tuple(warnings), holes, corner)


def _attributes(path: Path) -> Mapping[str, Any]:
    """Return the OME attributes of the group: under "ome" in 0.5, plain in 0.4."""
    try:
        if (path / "zarr.json").is_file():
            document = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
            attributes = document.get("attributes", {}).get("ome", {})
        else:
            attributes = json.loads((path / ".zattrs").read_text(encoding="utf-8"))
    except (OSError, ValueError, AttributeError) as error:
        raise HistoclustError(f"{path}: its OME-Zarr metadata are not readable: export it again.") from error
    if not isinstance(attributes, dict) or not attributes.get("multiscales"):
        raise HistoclustError(
            f"{path}: is a Zarr store but no OME-Zarr image (no multiscales): give the image group inside it."
        )
    return attributes


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


def _um_per_px(multiscale: Mapping[str, Any], axes: str) -> float | None:
    """Return the width of a level-0 px where the x axis has a unit of length."""
    x = axes.index("x")
    factor = _UM.get(multiscale["axes"][x].get("unit", ""))
    scale = None if factor is None else factor * float(np.prod(_transformations(multiscale, "scale", x)))
    return scale if scale is not None and scale > 0 else None


def _corner_um(multiscale: Mapping[str, Any], axes: str) -> Corner | None:
    """Return the translation (y, x) where there is one and both axes have a unit of length."""
    corner = []
    for axis in (axes.index("y"), axes.index("x")):
        factor = _UM.get(multiscale["axes"][axis].get("unit", ""))
        moved = _transformations(multiscale, "translation", axis)
        if factor is None or not moved:
            return None
        corner.append(factor * sum(moved))
    return corner[0], corner[1]


def _transformations(multiscale: Mapping[str, Any], kind: str, axis: int) -> list[float]:
    """What the transformations of a kind, of level 0 and of all levels, state for an axis."""
    return [
        float(step[kind][axis])
        for part in (multiscale["datasets"][0], multiscale)
        for step in part.get("coordinateTransformations", [])
        if step.get("type") == kind
    ]


def is_zarr(path: Path) -> bool:
    """Whether a path is a folder with a zarr group."""
    return path.is_dir() and any((path / name).is_file() for name in (".zattrs", ".zgroup", "zarr.json"))


FORMAT = Format(name="OME-Zarr", open=open_ome_zarr, recognises_folder=is_zarr, rank=10)
