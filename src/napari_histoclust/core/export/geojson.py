"""clusters.geojson: one annotation a cluster, as QuPath reads them.

Coordinates are x, y in px of the slide's full resolution with the origin at the slide's corner. A patch
stands for the square of its stride around its centre, so the squares fill the tissue without overlap and the
area is patches x stride^2 whatever the patch side. Field names follow QuPath 0.4 and later (qupath/qupath
pull request 1099): `classification` holds `name` and `color`, `measurements` is one object; `id` is a UUID,
the same each time the run is exported, so that QuPath recognises an annotation that it has already.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import shapely

from napari_histoclust.core.atomic import atomic_path
from napari_histoclust.core.cluster_stats import ClusterSummary, summarise_clusters
from napari_histoclust.core.export.naming import slide_paths
from napari_histoclust.core.export.polygons import Geometries, cluster_polygons
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run import Run


def write_geojson(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write clusters.geojson, one file a slide."""
    paths = slide_paths(run, folder, "clusters.geojson")
    for slide, path in enumerate(paths):
        yield Progress("Outlining clusters", slide, len(paths))
        with atomic_path(path) as partial:
            ids, outlines = cluster_polygons(run.label_picture(slide))
            yield Progress(f"Writing {path.name}", slide, len(paths))
            geometries = dict(zip(ids.tolist(), to_level0(outlines, run.grids[slide]), strict=True))
            with partial.open("w", encoding="utf-8") as file:
                yield from _write_features(run, slide, geometries, file)
    return paths


def to_level0(outlines: Geometries, grid: PatchGrid) -> Geometries:
    """Move outlines from units of places to level-0 px, x-y."""
    corner_px = grid.origin_px[1] - grid.place_px / 2, grid.origin_px[0] - grid.place_px / 2
    moved: Geometries = shapely.transform(outlines, lambda xy: xy * grid.place_px + np.array(corner_px))
    return moved


def _write_features(run: Run, slide: int, geometries: dict[int, Any], file: IO[str]) -> Job[None]:
    """Write feature after feature; the text of a geometry comes straight from GEOS."""
    file.write('{"type": "FeatureCollection", "features": [')
    present = [s for s in summarise_clusters(run, [slide]) if s.patches]
    for done, summary in enumerate(present):
        yield Progress("Writing outlines", done, len(present))
        outline = shapely.to_geojson(geometries[summary.cluster.id])
        identity = uuid.uuid5(uuid.NAMESPACE_OID, f"{run.manifest.fingerprint}/{slide}/{summary.cluster.id}")
        properties = json.dumps(_properties(summary), ensure_ascii=False, allow_nan=False)
        file.write(
            f'{"," if done else ""}\n{{"type": "Feature", "id": "{identity}", '
            f'"geometry": {outline}, "properties": {properties}}}'
        )
    file.write("\n]}\n")


def _properties(summary: ClusterSummary) -> dict[str, Any]:
    mark = {"metadata": {"artefact": "yes"}} if summary.cluster.artefact else {}
    return {
        "objectType": "annotation",
        "classification": {
            "name": summary.cluster.name,
            "color": list(bytes.fromhex(summary.cluster.colour[1:])),
        },
        "isLocked": True,  # a stray drag in QuPath should not move a result
        "measurements": dict(_measurements(summary)),
        **mark,
    }


def _measurements(summary: ClusterSummary) -> Iterator[tuple[str, float]]:
    yield "patches", summary.patches
    yield "area_px2", summary.area_px2
    if summary.area_mm2 is not None:
        yield "area_mm2", summary.area_mm2
    if summary.mean_confidence is not None:
        yield "mean_confidence", summary.mean_confidence
