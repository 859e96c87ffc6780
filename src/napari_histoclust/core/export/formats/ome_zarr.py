"""labels.ome.zarr: the clusters as an OME-NGFF 0.4 label image at the resolution of the lattice.

One px a place, put onto the slide by scale and translation: a slide of 82,000 px is 640 x 640 px here, which
a reader that knows the transformations shows as sharp as a picture of full size. NGFF puts an image's
coordinates at the centre of its px, so the slide's px (0, 0) lies at 0 and not at half a px. Version 0.4 (and
with it Zarr 2) is the one that Bio-Formats, QuPath, napari and ome-zarr-py all read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_histoclust.core.atomic import atomic_folder
from napari_histoclust.core.export.format import Format, slide_paths
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.palette import rgb
from napari_histoclust.core.statistics.cluster_stats import summarise_clusters

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

_VERSION = "0.4"
_CHUNK_PX = 1024


def write_ome_zarr(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write labels.ome.zarr, one store a slide: px value = cluster id, 0 = no patch."""
    import zarr
    from numcodecs import Blosc

    paths = slide_paths(run, folder, "labels.ome.zarr")
    for slide, path in enumerate(paths):
        yield Progress(f"Writing {path.name}", slide, len(paths))
        with atomic_folder(path) as partial:
            picture = run.label_picture(slide)
            group = zarr.create_group(partial, zarr_format=2)
            array = group.create_array(
                "0",
                shape=picture.shape,
                dtype=picture.dtype,
                chunks=tuple(min(_CHUNK_PX, side) for side in picture.shape),
                compressors=Blosc(cname="zlib", shuffle=Blosc.NOSHUFFLE),
                chunk_key_encoding={"name": "v2", "separator": "/"},
            )
            array[:] = picture
            group.attrs.update(
                {"multiscales": [_multiscale(run, slide)], "image-label": _image_label(run, slide)}
            )
    return paths


def _multiscale(run: Run, slide: int) -> dict[str, Any]:
    grid, um_per_px = run.grids[slide], run.um_per_px[slide]
    unit = {} if um_per_px is None else {"unit": "micrometer"}
    factor = 1.0 if um_per_px is None else um_per_px
    scale = [grid.place_px * factor] * 2
    translation = [(origin_px - 0.5) * factor for origin_px in grid.origin_px]
    return {
        "version": _VERSION,
        "name": f"{run.slides[slide]} clusters",
        "axes": [{"name": axis, "type": "space", **unit} for axis in "yx"],
        "datasets": [
            {
                "path": "0",
                "coordinateTransformations": [
                    {"type": "scale", "scale": scale},
                    {"type": "translation", "translation": translation},
                ],
            }
        ],
    }


def _image_label(run: Run, slide: int) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "colors": [
            {"label-value": cluster.id, "rgba": [*rgb(cluster.colour), 255]} for cluster in run.clusters
        ],
        "properties": [
            {"label-value": summary.cluster.id, "name": summary.cluster.name, "patches": summary.patches}
            for summary in summarise_clusters(run, [slide])
        ],
    }


FORMATS = (
    Format(
        "ome-zarr",
        write_ome_zarr,
        ("labels.ome.zarr",),
        "Labels (OME-Zarr)",
        "The same as OME-NGFF, with colours and names.",
        rank=40,
        per_slide=True,
        is_folder=True,
    ),
)
