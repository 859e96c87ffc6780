"""labels.ome.tif: the clusters as a pyramid of the slide's own size, for every viewer of slides."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import tifffile

from napari_histoclust import __version__
from napari_histoclust.core.atomic import atomic_path
from napari_histoclust.core.export.label_tiles import TILE_PX, LabelPyramid
from napari_histoclust.core.export.naming import slide_paths
from napari_histoclust.core.export.threads import pulled
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.run import Run

# A classic TIFF ends at 4 GiB; labels deflate far below their size, which is taken here to be safe.
_CLASSIC_BYTES = 2**32 - 2**25


def write_ome_tiff(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write labels.ome.tif, one file a slide: px value = cluster id, 0 = no patch."""
    paths = slide_paths(run, folder, "labels.ome.tif")
    for slide, path in enumerate(paths):
        entry = run.manifest.slides[slide]
        pyramid = LabelPyramid(run.label_picture(slide), run.grids[slide], entry.shape_px)
        with atomic_path(path) as partial:
            yield from _write_pyramid(partial, pyramid, _metadata(entry.name, entry.um_per_px, run.clusters))
    return paths


def _metadata(name: str, um_per_px: float | None, clusters: Sequence[Cluster]) -> dict[str, Any]:
    """OME-XML: scale, and name and colour of each label."""
    metadata: dict[str, Any] = {
        "axes": "YX",
        "Name": f"{name} clusters",
        "Channel": {"Name": ["cluster"]},
        "MapAnnotation": {
            "Namespace": "napari-histoclust/clusters",
            **{str(cluster.id): f"{cluster.name} {cluster.colour}" for cluster in clusters},
        },
    }
    if um_per_px is not None:
        for axis in "XY":
            metadata |= {f"PhysicalSize{axis}": um_per_px, f"PhysicalSize{axis}Unit": "µm"}
    return metadata


def _write_pyramid(path: Path, pyramid: LabelPyramid, metadata: dict[str, Any]) -> Job[None]:
    levels = range(len(pyramid.shapes))
    rows = sum(pyramid.tile_rows(level) for level in levels)

    def write(tile_rows: Iterator[list[bytes]]) -> None:
        _write_levels(path, pyramid, metadata, tile_rows)

    yield from pulled(write, _all_tile_rows(pyramid), rows, f"Writing {path.name.removeprefix('.partial-')}")


def _all_tile_rows(pyramid: LabelPyramid) -> Generator[list[bytes], None, None]:
    for level in range(len(pyramid.shapes)):
        yield from pyramid.encoded_tiles(level)


def _write_levels(
    path: Path, pyramid: LabelPyramid, metadata: dict[str, Any], tile_rows: Iterator[list[bytes]]
) -> None:
    """Write level 0 as the image and the others as its sub-IFDs, as OME-TIFF 6 lays down."""
    dtype = pyramid.picture.dtype
    nbytes = 4 / 3 * pyramid.shape_px[0] * pyramid.shape_px[1] * dtype.itemsize
    options: dict[str, Any] = {
        "dtype": dtype,
        "tile": (TILE_PX, TILE_PX),
        "compression": "adobe_deflate",
        "photometric": "minisblack",
        "software": f"napari-histoclust {__version__}",
    }
    with tifffile.TiffWriter(path, bigtiff=nbytes > _CLASSIC_BYTES, ome=True, byteorder="<") as tiff:
        for level, shape in enumerate(pyramid.shapes):
            tiles = chain.from_iterable(islice(tile_rows, pyramid.tile_rows(level)))
            special: dict[str, Any] = (
                {"subfiletype": 1} if level else {"subifds": len(pyramid.shapes) - 1, "metadata": metadata}
            )
            tiff.write(tiles, shape=shape, **options, **_resolution(metadata, level), **special)


def _resolution(metadata: dict[str, Any], level: int) -> dict[str, Any]:
    """Px per cm of a level, for readers of plain TIFF."""
    if "PhysicalSizeX" not in metadata:
        return {}
    per_cm = 1e4 / (metadata["PhysicalSizeX"] * 2**level)
    return {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
