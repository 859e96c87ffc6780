"""neighbourhood.csv: which clusters lie beside which, more often or less often than by chance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_histoclust.core.export.format import Format
from napari_histoclust.core.export.formats.tables import write_table
from napari_histoclust.core.jobs import Job

if TYPE_CHECKING:
    import pyarrow as pa

    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.statistics.neighbourhood import Neighbourhood


def write_neighbourhood(run: Run, folder: Path, permutations: int = 1000) -> Job[tuple[Path, ...]]:
    """Write neighbourhood.csv."""
    from napari_histoclust.core.statistics.neighbourhood import neighbourhood

    path = folder / "neighbourhood.csv"
    write_table(neighbourhood_table((yield from neighbourhood(run, permutations))), path)
    return (path,)


def neighbourhood_table(of: Neighbourhood) -> pa.Table:
    """Return one row a pair of clusters, each pair from both sides.

    `neighbours` counts the neighbours in `neighbour` of the patches in `cluster`; `expected`, `sd` are mean
    and standard deviation over the `permutations`, `z`, `p` as in `Neighbourhood`. z is missing where
    chance does not vary.
    """
    import pyarrow as pa

    k = len(of.clusters)
    ids, names = [cluster.id for cluster in of.clusters], [cluster.name for cluster in of.clusters]
    columns = {
        "cluster": np.repeat(ids, k),
        "cluster_name": np.repeat(names, k),
        "neighbour": np.tile(ids, k),
        "neighbour_name": np.tile(names, k),
        "neighbours": of.counts.ravel(),
        "expected": of.expected.ravel(),
        "sd": of.spread.ravel(),
        "z": pa.array(of.z.ravel(), from_pandas=True),  # NaN becomes missing
        "p": of.p.ravel(),
        "permutations": np.full(k * k, of.permutations),
        "seed": np.full(k * k, of.seed),
    }
    return pa.table(columns)


FORMATS = (
    Format(
        "neighbourhood",
        write_neighbourhood,
        ("neighbourhood.csv",),
        "Neighbours (CSV)",
        "Which clusters lie beside which more often than in random arrangements.",
        rank=70,
    ),
)
