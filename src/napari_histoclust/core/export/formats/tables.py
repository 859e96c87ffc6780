"""patches.csv, patches.parquet, clusters.csv, composition.csv: one table each for all slides of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.export.cells import neutralised, write_header
from napari_histoclust.core.export.format import Format
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.statistics.cluster_stats import ClusterSummary, summarise_clusters
from napari_histoclust.core.statistics.composition import composition

if TYPE_CHECKING:
    import pyarrow as pa

    from napari_histoclust.core.run.run import Run

BLOCK = 65_536  # patches in memory at once, about 5 MB


def write_csv(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write patches.csv, clusters.csv and composition.csv."""
    from pyarrow import csv

    schema = patch_schema(run)
    with atomic_file(folder / "patches.csv") as partial, partial.open("wb") as file:
        write_header(file, schema.names)
        # pyarrow would put the names of the columns in quotation marks
        with csv.CSVWriter(file, schema, write_options=csv.WriteOptions(include_header=False)) as writer:
            yield from _write_blocks(run, _Harmless(writer), "patches.csv")
    small = {"clusters.csv": cluster_table(run), "composition.csv": composition_table(run)}
    for name, table in small.items():
        write_table(table, folder / name)
    return (folder / "patches.csv", *(folder / name for name in small))


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as CSV in UTF-8, its first line the names of the columns; see `cells.py`."""
    from pyarrow import csv

    with atomic_file(path) as partial, partial.open("wb") as file:
        write_header(file, table.column_names)
        csv.write_csv(neutralised(table), file, csv.WriteOptions(include_header=False))


def write_parquet(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write patches.parquet."""
    from pyarrow import parquet

    path = folder / "patches.parquet"
    with atomic_file(path) as partial, parquet.ParquetWriter(partial, patch_schema(run)) as writer:
        yield from _write_blocks(run, writer, path.name)
    return (path,)


class _Harmless:
    """A writer of CSV whose texts no spreadsheet runs."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write_table(self, table: pa.Table) -> None:
        self._writer.write_table(neutralised(table))


def _write_blocks(run: Run, writer: Any, name: str) -> Job[None]:
    done = 0
    for block in patch_blocks(run):
        yield Progress(f"Writing {name}", done, len(run))
        writer.write_table(block)
        done += len(block)


def patch_schema(run: Run) -> pa.Schema:
    """Columns of the table of patches, the densities that the run holds last."""
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
            *((("distance", pa.float32()), ("outlier", pa.bool_())) if run.outlier is not None else ()),
            ("tissue_fraction", pa.float32()),
            *((name, pa.float32()) for name in density_names(run)),
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
        "patch": run.ids[rows],
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
        **({} if run.distance is None else {"distance": run.distance[rows]}),
        **({} if run.outlier is None else {"outlier": run.outlier[rows]}),
        "tissue_fraction": grid.tissue_fraction[own],
        **dict(zip(density_names(run), _densities(run, rows), strict=True)),
    }
    return pa.table(columns, schema=patch_schema(run))


def _densities(run: Run, rows: slice) -> list[NDArray[np.float32]]:
    """Columns of some rows, in the order of `density_names`."""
    parts = [od[rows].T for od in (run.stain_od, run.dye_od) if od is not None]
    return [np.ascontiguousarray(column) for part in parts for column in part]


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

    area_mm2 is missing where the scale of a slide is unknown, the means for a cluster without a patch. Mean
    and standard deviation of the densities have two columns each, `mean_od_<stain>` and `sd_od_<stain>`, and
    `mean_od_<stain>_<dye>` and `sd_od_<stain>_<dye>`; a run that did not measure them has none.
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
            *((f"{kind}_{name}", pa.float64()) for name in density_names(run) for kind in ("mean", "sd")),
        ]
    )
    rows = [_cluster_row(run, summary) for summary in summarise_clusters(run)]
    return pa.Table.from_pylist(rows, schema=schema)


def _cluster_row(run: Run, summary: ClusterSummary) -> dict[str, Any]:
    """One value a column; what is left out is missing."""
    return {**asdict(summary.cluster), **asdict(summary), **summarised_densities(run, summary)}


def density_names(run: Run) -> tuple[str, ...]:
    """Return a name for each column of `Run.stain_od` and then of `Run.dye_od`: "od_HE", "od_HE_eosin"."""
    stains = () if run.stain_od is None else run.stains
    dyes = () if run.dye_od is None else run.dyes
    return (*(f"od_{stain}" for stain in stains), *(f"od_{dye.replace(' ', '_')}" for dye in dyes))


def summarised_densities(run: Run, summary: ClusterSummary) -> dict[str, float]:
    """Return mean and standard deviation of each density of a cluster by the name of its column.

    Empty for a cluster without a patch.
    """
    means = (*(summary.mean_stain_od or ()), *(summary.mean_dye_od or ()))
    spreads = (*(summary.stain_od_sd or ()), *(summary.dye_od_sd or ()))
    values: dict[str, float] = {}
    for name, mean, spread in zip(density_names(run), means, spreads, strict=False):
        values |= {f"mean_{name}": mean, f"sd_{name}": spread}
    return values


def composition_table(run: Run) -> pa.Table:
    """Return one row a slide and cluster: patches, share of the slide, area, and the slide's entropy.

    `slide_entropy` and `slide_evenness` are those of the slide's composition, `cluster_entropy` says over how
    many slides the cluster is spread (natural logarithms; see `Composition`).
    """
    import pyarrow as pa

    of = composition(run)
    slides, k = of.patches.shape
    columns = {
        "slide": np.repeat(of.slides, k),
        "cluster": np.tile([cluster.id for cluster in of.clusters], slides),
        "cluster_name": np.tile([cluster.name for cluster in of.clusters], slides),
        "patches": of.patches.ravel(),
        "share": of.share.ravel(),
        "area_px2": of.area_px2.ravel(),
        "area_mm2": pa.array(of.area_mm2.ravel(), from_pandas=True),  # NaN becomes missing
        "slide_entropy": np.repeat(of.entropy, k),
        "slide_evenness": np.repeat(of.evenness, k),
        "cluster_entropy": np.tile(of.entropy_over_slides, slides),
    }
    return pa.table(columns)


FORMATS = (
    Format(
        "csv",
        write_csv,
        ("patches.csv", "clusters.csv", "composition.csv"),
        "Tables (CSV)",
        "One line a patch, one a cluster, and statistics, for a spreadsheet.",
        rank=50,
        is_usual=True,
    ),
    Format(
        "parquet",
        write_parquet,
        ("patches.parquet",),
        "Table (Parquet)",
        "One line a patch, compact, for pandas and R.",
        rank=60,
    ),
)
