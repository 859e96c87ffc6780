"""labels.ome.tif: the clusters as a pyramid of the slide's own size, for every viewer of slides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.export.format import Format, slide_paths
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.palette import Cluster

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run


def write_ome_tiff(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write labels.ome.tif, one file a slide: px value = cluster id, 0 = no patch."""
    from napari_histoclust.core.export.label_tiles import LabelPyramid
    from napari_histoclust.core.ome_pyramid import physical_size, write_pyramid

    paths = slide_paths(run, folder, "labels.ome.tif")
    for slide, path in enumerate(paths):
        entry = run.manifest.slides[slide]
        pyramid = LabelPyramid(run.label_picture(slide), run.grids[slide], entry.shape_px)
        with atomic_file(path) as partial:
            metadata = _metadata(entry.name, run.clusters) | physical_size(entry.um_per_px)
            yield from write_pyramid(partial, pyramid, metadata)
    return paths


def _metadata(name: str, clusters: Sequence[Cluster]) -> dict[str, Any]:
    """OME-XML: name and colour of each label."""
    return {
        "axes": "YX",
        "Name": f"{name} clusters",
        "Channel": {"Name": ["cluster"]},
        "MapAnnotation": {
            "Namespace": "napari-histoclust/clusters",
            **{str(cluster.id): f"{cluster.name} {cluster.colour}" for cluster in clusters},
        },
    }


FORMATS = (
    Format(
        "ome-tiff",
        write_ome_tiff,
        ("labels.ome.tif",),
        "Labels (OME-TIFF)",
        "Cluster of each place at full slide size, tiled and pyramidal.",
        rank=30,
        per_slide=True,
    ),
)
