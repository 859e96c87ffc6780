"""patches.zarr: an AnnData store that grows chunk by chunk and is renamed when it is whole."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata
import numpy as np
import pandas as pd
import zarr
from anndata.io import write_elem
from numpy.typing import NDArray

from napari_histoclust.core.atomic import atomic_folder, move_into_place, readable_disk_errors
from napari_histoclust.core.model.identity import crc32_of
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run.columns import every_chunk_written, seal
from napari_histoclust.core.run.manifest import PATCHES

if TYPE_CHECKING:
    from napari_histoclust.core.palette import Cluster

CHUNK = 4096  # patches a chunk: 2 MiB of latent, about 4 s of encoding on two cores between two flags
LATENT = 128
_GROWING, _STORE, _RESULTS = ".mapping", "store.zarr", "results.zarr"
_CHECKSUM = "checksum"


@dataclass(frozen=True, eq=False)
class ChunkResult:
    """What the model says of a run of patches.

    Parameters
    ----------
    latent : (n, l) float32
    cluster : (n,) int16, 1..K
    confidence, entropy : (n,) float32
    stain_od : (n, s) float32
        Mean optical density of each stain.
    dye_od : (n, d) float32, optional
        How much of each dye there is, in optical density.
    distance : (n,) float32, optional
        From what the model has seen, in units of the spread of its training patches.
    """

    latent: NDArray[np.float32]
    cluster: NDArray[np.int16]
    confidence: NDArray[np.float32]
    entropy: NDArray[np.float32]
    stain_od: NDArray[np.float32]
    dye_od: NDArray[np.float32] | None = None
    distance: NDArray[np.float32] | None = None


def patch_table(
    slides: Sequence[str], grids: Sequence[PatchGrid], um_per_px: Sequence[float | None]
) -> pd.DataFrame:
    """Return obs without the results: slide, row, col, centres in px and um, tissue fraction."""
    parts = []
    for slide, grid, scale in zip(slides, grids, um_per_px, strict=True):
        um = np.nan if scale is None else scale
        parts.append(
            pd.DataFrame(
                {
                    "slide": pd.Categorical.from_codes(
                        np.full(len(grid), slides.index(slide), np.int16), pd.Index(slides)
                    ),
                    "row": grid.row,
                    "col": grid.col,
                    "y_px": grid.y_px,
                    "x_px": grid.x_px,
                    "y_um": grid.y_px * um,
                    "x_um": grid.x_px * um,
                    "tissue_fraction": grid.tissue_fraction,
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    table.index = table.index.astype(str)
    return table


def _spatial(table: pd.DataFrame) -> NDArray[np.float64]:
    """(n, 2) x, y in um, or in px for the slides whose scale is unknown."""
    um = table[["x_um", "y_um"]].to_numpy()
    return np.where(np.isnan(um), table[["x_px", "y_px"]].to_numpy(), um)


class GrowingStore:
    """The hidden folder of a run that is being mapped.

    It holds the store, which lacks nothing but the results in obs, and beside it the results. Flag and proof
    of a finished chunk is the checksum of all its numbers, written last: whatever a kill or a power cut
    leaves of a chunk, it is complete or computed anew. The results stay until the store has its name, so that
    a kill at the end only repeats the end.

    Parameters
    ----------
    folder : Path
        The run folder.
    table : DataFrame
        The rows, as `patch_table` returns them; written when the store is new.
    stains : sequence of str
        Names of the columns of `ChunkResult.stain_od`.
    dyes : sequence of str
        Names of the columns of `ChunkResult.dye_od`; none if it is not measured.
    fingerprint : str
        What decides the labels; what was begun with another one is begun anew.
    latent : int
        Numbers that describe a patch.
    farthest : float, optional
        `ChunkResult.distance` beyond which a patch is an outlier; None if it is not measured.
    """

    def __init__(
        self,
        folder: Path,
        table: pd.DataFrame,
        stains: Sequence[str],
        dyes: Sequence[str] = (),
        fingerprint: str = "",
        latent: int = LATENT,
        farthest: float | None = None,
    ) -> None:
        self._final, self._path = folder / PATCHES, folder / _GROWING
        self._table, self._fingerprint = table, fingerprint
        self._stains, self._dyes, self._latent = tuple(stains), tuple(dyes), latent
        self._farthest = farthest
        self._scalars = {"cluster": "int16", "confidence": "float32", "entropy": "float32"}
        if farthest is not None:
            self._scalars["distance"] = "float32"
        self.chunks = -(-len(table) // CHUNK)
        if not self._is_begun():
            self._create()
            self._open()

    def _is_begun(self) -> bool:
        """Open what was begun; False where nothing was, or another job, or a power cut left no store."""
        try:
            self._open()
            _ = self._columns(), self._results[_CHECKSUM]
            return bool(self._results.attrs["fingerprint"] == self._fingerprint)
        except (OSError, LookupError, TypeError, ValueError):
            return False

    def _open(self) -> None:
        self._group: Any = zarr.open_group(self._path / _STORE, mode="r+")
        self._results: Any = zarr.open_group(self._path / _RESULTS, mode="r+")

    def _create(self) -> None:
        """Lay out the empty store, whole or not at all."""
        n = len(self._table)
        with atomic_folder(self._path, own=True) as partial, every_chunk_written():
            group: Any = zarr.open_group(partial / _STORE, mode="w", zarr_format=2)
            write_elem(group, "/", anndata.AnnData(obs=self._table, obsm={"spatial": _spatial(self._table)}))
            without_nulls(group)
            widths = {"latent": self._latent, "stain_od": len(self._stains), "dye_od": len(self._dyes)}
            for name, width in widths.items():
                if width:
                    new_matrix(partial / _STORE / "obsm" / name, (n, width), min(CHUNK, n))
            results: Any = zarr.open_group(partial / _RESULTS, mode="w", zarr_format=2)
            for name, dtype in self._scalars.items():
                results.create_array(name, shape=(n,), chunks=(min(CHUNK, n),), dtype=dtype)
            results.create_array(_CHECKSUM, shape=(self.chunks,), chunks=(1,), dtype="uint32")
            results.attrs["fingerprint"] = self._fingerprint

    def rows(self, chunk: int) -> slice:
        """Return the patches of a chunk."""
        return slice(chunk * CHUNK, min((chunk + 1) * CHUNK, len(self._table)))

    def missing(self) -> list[int]:
        """Return the chunks that are not done, in order; one that is not as it was written is not."""
        return [i for i in range(self.chunks) if not self._is_whole(i)]

    def _is_whole(self, chunk: int) -> bool:
        try:
            noted = int(self._results[_CHECKSUM][chunk])
            rows = self.rows(chunk)
            return noted != 0 and noted == crc32_of(array[rows] for array in self._columns().values())
        except (OSError, RuntimeError, ValueError):  # what the decoders of a cut chunk raise
            return False

    def _columns(self) -> dict[str, Any]:
        """Arrays of the numbers of a chunk, by the names that they have in `ChunkResult`."""
        matrices = ("latent", "stain_od", *(("dye_od",) if self._dyes else ()))
        return {
            **{name: self._group[f"obsm/{name}"] for name in matrices},
            **{name: self._results[name] for name in self._scalars},
        }

    def write(self, chunk: int, result: ChunkResult) -> None:
        """Store one chunk and then its checksum."""
        rows = self.rows(chunk)
        with readable_disk_errors(self._final):
            for name, array in self._columns().items():
                array[rows] = getattr(result, name)
            self._results[_CHECKSUM][chunk] = crc32_of(
                np.asarray(getattr(result, name), array.dtype) for name, array in self._columns().items()
            )

    def finish(self, clusters: Sequence[Cluster], provenance: dict[str, Any]) -> None:
        """Turn the results into obs and uns and give the store its name.

        Raises
        ------
        ValueError
            If a chunk is missing, or a patch has none of the clusters.
        """
        results = {name: self._results[name][:] for name in self._scalars}
        if self._farthest is not None:
            results["outlier"] = results["distance"] > np.float32(self._farthest)
        ids = [cluster.id for cluster in clusters]
        if self.missing() or not np.isin(results["cluster"], ids).all():
            raise ValueError(f"{self._path}: not every patch has a cluster")
        # of the clusters that have patches alone: an empty category stops scanpy's figures and tests
        used = [cluster for cluster in clusters if (results["cluster"] == cluster.id).any()]
        labels = pd.Categorical(results.pop("cluster"), categories=[cluster.id for cluster in used])
        with readable_disk_errors(self._final), every_chunk_written():
            for name in ("obs", "uns"):  # of a finish that did not come to its end
                shutil.rmtree(self._path / _STORE / name, ignore_errors=True)
            write_elem(self._group, "obs", self._table.assign(cluster=labels, **results))
            names = {"stains": self._stains, **({"dyes": self._dyes} if self._dyes else {})}
            arrays = {key: np.array(value, dtype=object) for key, value in names.items()}
            write_elem(self._group, "uns", _uns(clusters, used, {**provenance, **arrays}))
            seal(self._path / _STORE)
            for stray in (self._path / _STORE).rglob("*.partial"):
                stray.unlink()  # under this name Zarr begins each of its files
            move_into_place(self._path / _STORE, self._final)
        sweep(self._final.parent)


def sweep(folder: Path) -> None:
    """Take away what kills have left in a run folder, once patches.zarr is there."""
    for name in (_GROWING, ".partial-*", ".histoclust-old-*", ".training-model"):
        for left in folder.glob(name):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()


def without_nulls(group: Any) -> None:
    """Take away what AnnData 0.12 writes for "there is none": older versions stop at it."""
    for name in [name for name in group if group[name].attrs.get("encoding-type") == "null"]:
        del group[name]


def _uns(clusters: Sequence[Cluster], used: Sequence[Cluster], provenance: dict[str, Any]) -> dict[str, Any]:
    return {
        "clusters": {
            "id": np.array([c.id for c in clusters]),
            "name": np.array([c.name for c in clusters], dtype=object),
            "colour": np.array([c.colour for c in clusters], dtype=object),
        },
        # The name under which scanpy and squidpy look for the colours of obs["cluster"].
        "cluster_colors": np.array([c.colour for c in used], dtype=object),
        "histoclust": provenance,
    }


def new_matrix(path: Any, shape: tuple[int, ...], rows: int) -> Any:
    """Make a float32 matrix as AnnData knows it, in chunks of whole rows, each of which is a file."""
    matrix: Any = zarr.create_array(
        path, shape=shape, chunks=(rows, shape[1]), dtype="float32", zarr_format=2,
        config={"write_empty_chunks": True},
    )  # fmt: skip
    matrix.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    return matrix
