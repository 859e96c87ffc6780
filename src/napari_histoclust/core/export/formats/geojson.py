"""clusters.geojson: one object a cluster, as QuPath reads them; patches.geojson: one object a patch.

Coordinates are x, y in px of the slide's full resolution with the origin at the slide's corner. A patch
stands for the square of its stride around its centre, so the squares fill the tissue without overlap and the
area is patches x stride^2 whatever the patch side. docs/exports.md tells each field of the file, and where
QuPath says how it reads it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.export.format import Format, slide_paths
from napari_histoclust.core.export.formats.tables import density_names, summarised_densities
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.palette import Cluster, rgb
from napari_histoclust.core.statistics.cluster_stats import ClusterSummary, summarise_clusters

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

Objects = Literal["annotation", "detection"]

_BLOCK = 16_384  # patches in memory as text at once, about 10 MB


def write_geojson(
    run: Run,
    folder: Path,
    stain: str | None = None,
    objects: Objects | None = None,
    simplify_px: float = 0.0,
) -> Job[tuple[Path, ...]]:
    """Write clusters.geojson, one file a slide.

    Parameters
    ----------
    stain : str, optional
        Whose level-0 px the coordinates are; the reference's if not given.
    objects : "annotation" or "detection", optional
        What QuPath makes of them; annotations if not given.
    simplify_px : float
        Corners of the outlines are taken off up to about this many level-0 px of the reference (the root of
        the area of the triangle that is lost; Visvalingam & Whyatt 1993), for all clusters together, so
        that no gaps open between them. Nothing changes below 0.71 strides; 0 leaves the outlines alone.
    """
    from napari_histoclust.core.export.outlines import cluster_outlines

    paths = slide_paths(run, folder, "clusters.geojson")
    for slide, path in enumerate(paths):
        yield Progress("Outlining clusters", slide, len(paths))
        with atomic_file(path) as partial:
            geometries = cluster_outlines(run, slide, stain, simplify_px)
            yield Progress(f"Writing {path.name}", slide, len(paths))
            with partial.open("w", encoding="utf-8") as file:
                yield from _write_clusters(run, slide, geometries, objects or "annotation", file)
    return paths


def write_geojson_patches(
    run: Run, folder: Path, stain: str | None = None, objects: Objects | None = None
) -> Job[tuple[Path, ...]]:
    """Write patches.geojson, one file a slide with an object for each of its patches.

    Parameters
    ----------
    stain : str, optional
        As for `write_geojson`.
    objects : "annotation" or "detection", optional
        What QuPath makes of them; detections, of which it bears many more, if not given.
    """
    paths = slide_paths(run, folder, "patches.geojson")
    for slide, path in enumerate(paths):
        with atomic_file(path) as partial, partial.open("w", encoding="utf-8") as file:
            yield from _write_patches(run, slide, stain, objects or "detection", file)
    return paths


def _write_clusters(
    run: Run, slide: int, geometries: dict[int, Any], objects: Objects, file: IO[str]
) -> Job[None]:
    """Write feature after feature; the text of a geometry comes straight from GEOS."""
    import shapely

    file.write('{"type": "FeatureCollection", "features": [')
    present = [s for s in summarise_clusters(run, [slide]) if s.patches]
    for done, summary in enumerate(present):
        yield Progress("Writing outlines", done, len(present))
        outline = shapely.to_geojson(geometries[summary.cluster.id])
        identity = _identity(run, slide, str(summary.cluster.id))
        properties = {**_look(summary.cluster, objects), "measurements": dict(_measurements(run, summary))}
        file.write(
            f'{"," if done else ""}\n{{"type": "Feature", "id": "{identity}", '
            f'"geometry": {outline}, "properties": {_json(properties)}}}'
        )
    file.write("\n]}\n")


def _identity(run: Run, slide: int, name: str) -> uuid.UUID:
    """The same each time the run is exported, so that QuPath recognises an object that it has already."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{run.manifest.fingerprint}/{slide}/{name}")


def _look(cluster: Cluster, objects: Objects) -> dict[str, Any]:
    """What all objects of a cluster have in common."""
    mark = {"metadata": {"artefact": "yes"}} if cluster.artefact else {}
    return {
        "objectType": objects,
        "classification": {"name": cluster.name, "color": rgb(cluster.colour)},
        "isLocked": True,  # a stray drag in QuPath should not move a result
        **mark,
    }


def _measurements(run: Run, summary: ClusterSummary) -> Iterator[tuple[str, float]]:
    yield "patches", summary.patches
    yield "area_px2", summary.area_px2
    if summary.area_mm2 is not None:
        yield "area_mm2", summary.area_mm2
    if summary.mean_confidence is not None:
        yield "mean_confidence", summary.mean_confidence
    yield from summarised_densities(run, summary).items()


def _write_patches(run: Run, slide: int, stain: str | None, objects: Objects, file: IO[str]) -> Job[None]:
    import shapely

    from napari_histoclust.core.export.outlines import patch_squares, to_stain

    rows = run.rows(slide)
    heads = {cluster.id: _json(_look(cluster, objects))[:-1] for cluster in run.clusters}
    form, values = _patch_measurements(run, rows)
    lead, grid = to_stain(run, slide, stain), run.grids[slide]
    number = str(_identity(run, slide, "patches"))[:24]  # the last twelve digits are the patch's own
    file.write('{"type": "FeatureCollection", "features": [')
    for start in range(0, len(grid), _BLOCK):
        yield Progress("Writing patches", start, len(grid))
        block = slice(start, start + _BLOCK)
        squares = patch_squares(grid, block, lead)
        ids, labels = run.ids[rows][block], run.labels[rows][block].tolist()
        features = (
            f'\n{{"type": "Feature", "id": "{number}{i:012x}", "geometry": {square}, '
            f'"properties": {heads[label]}, "measurements": {form % tuple(own)}}}}}'
            for i, square, label, own in zip(
                ids.tolist(), shapely.to_geojson(squares), labels, values[block].tolist(), strict=True
            )
        )
        file.write("," * (start > 0) + ",".join(features))
    file.write("\n]}\n")


def _patch_measurements(run: Run, rows: slice) -> tuple[str, NDArray[np.float32]]:
    """Text with a gap for each measurement of a patch, and the (n, m) measurements."""
    scalars = {"confidence": run.confidence, "entropy": run.entropy}
    if run.outlier is not None and run.distance is not None:
        scalars |= {"distance": run.distance, "outlier": run.outlier.astype(np.float32)}
    parts = [values[rows, None] for values in scalars.values()]
    parts += [od[rows] for od in (run.stain_od, run.dye_od) if od is not None]
    names = (*scalars, *density_names(run))
    gaps = ", ".join(_json(name).replace("%", "%%") + ": %.5g" for name in names)
    return f"{{{gaps}}}", np.concatenate(parts, axis=1)


def _json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


FORMATS = (
    Format(
        "geojson",
        write_geojson,
        ("clusters.geojson",),
        "QuPath regions",
        "Outlines of the clusters with names and colours (GeoJSON).",
        rank=10,
        per_slide=True,
        is_usual=True,
    ),
    Format(
        "geojson-patches",
        write_geojson_patches,
        ("patches.geojson",),
        "QuPath patches",
        "One object a patch; large files (GeoJSON).",
        rank=11,
        per_slide=True,
    ),
)
