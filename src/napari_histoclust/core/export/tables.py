"""patches.csv, patches.parquet, clusters.csv: one table for all slides of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.atomic import atomic_path
from napari_histoclust.core.cluster_stats import ClusterSummary, summarise_clusters
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.run import Run

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 65_536  # patches in memory at once, about 5 MB


def write_csv(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write patches.csv and clusters.csv."""
    from pyarrow import csv

    schema = patch_schema()
    with atomic_path(folder / "patches.csv") as partial, partial.open("wb") as file:
        _write_header(file, schema.names)
        # pyarrow would put the names of the columns in quotation marks
        with csv.CSVWriter(file, schema, write_options=csv.WriteOptions(include_header=False)) as writer:
            yield from _write_blocks(run, writer, "patches.csv")
    clusters = cluster_table(run)
    with atomic_path(folder / "clusters.csv") as partial, partial.open("wb") as file:
        _write_header(file, clusters.column_names)
        csv.write_csv(clusters, file, csv.WriteOptions(include_header=False))
    return folder / "patches.csv", folder / "clusters.csv"


def write_parquet(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write patches.parquet."""
    from pyarrow import parquet

    path = folder / "patches.parquet"
    with atomic_path(path) as partial, parquet.ParquetWriter(partial, patch_schema()) as writer:
        yield from _write_blocks(run, writer, path.name)
    return (path,)


def _write_header(file: IO[bytes], names: list[str]) -> None:
    file.write((",".join(names) + "\n").encode())


def _write_blocks(run: Run, writer: Any, name: str) -> Job[None]:
    done = 0
    for block in patch_blocks(run):
        yield Progress(f"Writing {name}", done, len(run))
        writer.write_table(block)
        done += len(block)


def patch_schema() -> pa.Schema:
    """Columns of the table of patches."""
    import pyarrow as pa

    return pa.schema(
        [
            ("patch", pa.int32()),  # row in the run: the patch's id everywhere
            ("slide", pa.string()),
            ("row", pa.int32()),
            ("col", pa.int32()),
            ("y_px", pa.float64()),
            ("x_px", pa.float64()),
            ("y_um", pa.float64()),
            ("x_um", pa.float64()),
            ("cluster", pa.int16()),
            ("cluster_name", pa.string()),
            ("artefact", pa.bool_()),
            ("confidence", pa.float32()),
            ("entropy", pa.float32()),
            ("tissue_fraction", pa.float32()),
        ]
    )


def patch_blocks(run: Run) -> Iterator[pa.Table]:
    """Yield the table of patches in blocks; the um are missing where a slide's scale is unknown."""
    for slide in range(len(run.slides)):
        rows = run.rows(slide)
        for start in range(rows.start, rows.stop, BLOCK):
            yield _block(run, slide, slice(start, min(start + BLOCK, rows.stop)))


def _block(run: Run, slide: int, rows: slice) -> pa.Table:
    import pyarrow as pa

    grid, um_per_px = run.grids[slide], run.um_per_px[slide]
    first = run.rows(slide).start
    own = slice(rows.start - first, rows.stop - first)
    y_px, x_px = grid.y_px[own], grid.x_px[own]
    labels = run.labels[rows]
    columns = {
        "patch": np.arange(rows.start, rows.stop),
        "slide": pa.repeat(run.slides[slide], len(labels)),
        "row": grid.row[own],
        "col": grid.col[own],
        "y_px": y_px,
        "x_px": x_px,
        "y_um": _um(y_px, um_per_px),
        "x_um": _um(x_px, um_per_px),
        "cluster": labels,
        "cluster_name": pa.array(_names(run)).take(pa.array(labels)),
        "artefact": np.isin(labels, [cluster.id for cluster in run.clusters if cluster.artefact]),
        "confidence": run.confidence[rows],
        "entropy": run.entropy[rows],
        "tissue_fraction": grid.tissue_fraction[own],
    }
    return pa.table(columns, schema=patch_schema())


def _um(px: NDArray[np.float64], um_per_px: float | None) -> Any:
    import pyarrow as pa

    return pa.nulls(len(px), pa.float64()) if um_per_px is None else px * um_per_px


def _names(run: Run) -> list[str]:
    """Names of the clusters at the place of their id."""
    names = [""] * (max(cluster.id for cluster in run.clusters) + 1)
    for cluster in run.clusters:
        names[cluster.id] = cluster.name
    return names


def cluster_table(run: Run) -> pa.Table:
    """Return one row a cluster: its marks, patches, share, areas, mean confidence and densities.

    area_mm2 is missing where the scale of a slide is unknown, the means for a cluster without a patch. The
    mean optical densities, a column `mean_od_<stain>` each, are missing in a run that did not measure them.
    """
    import pyarrow as pa

    schema = pa.schema(
        [
            ("id", pa.int16()),
            ("name", pa.string()),
            ("colour", pa.string()),
            ("artefact", pa.bool_()),
            ("patches", pa.int64()),
            ("share", pa.float64()),
            ("area_px2", pa.float64()),
            ("area_mm2", pa.float64()),
            ("mean_confidence", pa.float64()),
            *((f"mean_od_{stain}", pa.float64()) for stain in _measured(run)),
        ]
    )
    rows = [_cluster_row(run, summary) for summary in summarise_clusters(run)]
    return pa.Table.from_pylist(rows, schema=schema)


def _cluster_row(run: Run, summary: ClusterSummary) -> dict[str, Any]:
    """One value a column; what is left out is missing."""
    densities = summary.mean_stain_od or ()
    return {
        **asdict(summary.cluster),
        **asdict(summary),
        **{f"mean_od_{stain}": od for stain, od in zip(_measured(run), densities, strict=False)},
    }


def _measured(run: Run) -> tuple[str, ...]:
    return () if run.stain_od is None else run.stains
