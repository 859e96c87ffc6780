"""patches.zarr: an AnnData store that grows chunk by chunk and is renamed when it is whole.

While a slide is being mapped the store lies under a hidden name; it holds a `progress` group with the
results a patch and one flag a chunk, set after the chunk's data. A start after an interruption skips the
chunks whose flag is set. At the end the results become columns of `obs` and the progress group goes.
"""

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

from napari_histoclust.core.atomic import readable_disk_errors
from napari_histoclust.core.manifest import PATCHES
from napari_histoclust.core.patches.grid import PatchGrid

if TYPE_CHECKING:
    from napari_histoclust.core.palette import Cluster

CHUNK = 4096  # patches a chunk: 2 MiB of latent, about 4 s of encoding on two cores between two flags
LATENT = 128


@dataclass(frozen=True, eq=False)
class ChunkResult:
    """What the model says of a run of patches.

    Parameters
    ----------
    latent : (n, 128) float32
    cluster : (n,) int16, 1..K
    confidence, entropy : (n,) float32
    stain_od : (n, s) float32
        Mean optical density of each stain.
    dye_od : (n, d) float32, optional
        How much of each dye there is, in optical density.
    """

    latent: NDArray[np.float32]
    cluster: NDArray[np.int16]
    confidence: NDArray[np.float32]
    entropy: NDArray[np.float32]
    stain_od: NDArray[np.float32]
    dye_od: NDArray[np.float32] | None = None


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
    """The hidden store of a run that is being mapped.

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
    """

    def __init__(
        self, folder: Path, table: pd.DataFrame, stains: Sequence[str], dyes: Sequence[str] = ()
    ) -> None:
        self._final = folder / PATCHES
        self._path = folder / f".partial-{PATCHES}"
        self._table = table
        self._stains, self._dyes = tuple(stains), tuple(dyes)
        self.chunks = -(-len(table) // CHUNK)
        begun = ["progress/done", "obsm/stain_od"]  # the second is missing in a store of an older version
        begun += ["obsm/dye_od"] if dyes else []  # and this
        if not all((self._path / name).exists() for name in begun):
            self._create()
        self._group: Any = zarr.open_group(self._path, mode="r+")

    def _create(self) -> None:
        """Lay out the empty store; the flags come last, so that their presence means it is whole."""
        n = len(self._table)
        with readable_disk_errors(self._path):
            shutil.rmtree(self._path, ignore_errors=True)
            group: Any = zarr.open_group(self._path, mode="w", zarr_format=2)
            adata = anndata.AnnData(obs=self._table, obsm={"spatial": _spatial(self._table)})
            write_elem(group, "/", adata)
            widths = {"latent": LATENT, "stain_od": len(self._stains), "dye_od": len(self._dyes)}
            for name, width in widths.items():
                if not width:
                    continue
                matrix = group.create_array(
                    f"obsm/{name}", shape=(n, width), chunks=(min(CHUNK, n), width), dtype="float32"
                )
                matrix.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
            for name, dtype in (("cluster", "int16"), ("confidence", "float32"), ("entropy", "float32")):
                group.create_array(f"progress/{name}", shape=(n,), chunks=(min(CHUNK, n),), dtype=dtype)
            group.create_array("progress/done", shape=(self.chunks,), chunks=(1,), dtype="uint8")

    def rows(self, chunk: int) -> slice:
        """Return the patches of a chunk."""
        return slice(chunk * CHUNK, min((chunk + 1) * CHUNK, len(self._table)))

    def missing(self) -> list[int]:
        """Return the chunks that are not done, in order."""
        return [int(i) for i in np.flatnonzero(self._group["progress/done"][:] == 0)]

    def write(self, chunk: int, result: ChunkResult) -> None:
        """Store one chunk and then set its flag."""
        rows = self.rows(chunk)
        with readable_disk_errors(self._final):
            self._group["obsm/latent"][rows] = result.latent
            self._group["obsm/stain_od"][rows] = result.stain_od
            if self._dyes:
                self._group["obsm/dye_od"][rows] = result.dye_od
            for name in ("cluster", "confidence", "entropy"):
                self._group[f"progress/{name}"][rows] = getattr(result, name)
            self._group["progress/done"][chunk] = 1

    def finish(self, clusters: Sequence[Cluster], provenance: dict[str, Any]) -> None:
        """Turn the results into obs and uns and give the store its name."""
        progress = self._group["progress"]
        table = self._table.assign(
            cluster=pd.Categorical(progress["cluster"][:], categories=[c.id for c in clusters]),
            confidence=progress["confidence"][:],
            entropy=progress["entropy"][:],
        )
        with readable_disk_errors(self._final):
            write_elem(self._group, "obs", table)
            names = {"stains": self._stains, **({"dyes": self._dyes} if self._dyes else {})}
            arrays = {key: np.array(value, dtype=object) for key, value in names.items()}
            write_elem(self._group, "uns", _uns(clusters, {**provenance, **arrays}))
            del self._group["progress"]
            self._path.replace(self._final)


def _uns(clusters: Sequence[Cluster], provenance: dict[str, Any]) -> dict[str, Any]:
    return {
        "clusters": {
            "id": np.array([c.id for c in clusters]),
            "name": np.array([c.name for c in clusters], dtype=object),
            "colour": np.array([c.colour for c in clusters], dtype=object),
        },
        # The name under which scanpy and squidpy look for the colours of obs["cluster"].
        "cluster_colors": np.array([c.colour for c in clusters], dtype=object),
        "histoclust": provenance,
    }


def write_embedding_array(folder: Path, embedding: NDArray[np.float32]) -> None:
    """Put obsm/X_umap into a finished store; an older one is replaced only when the new one is whole."""
    path = folder / PATCHES
    group: Any = zarr.open_group(path, mode="r+")
    with readable_disk_errors(path):
        write_elem(group["obsm"], ".partial-X_umap", np.asarray(embedding, np.float32))
        shutil.rmtree(path / "obsm" / "X_umap", ignore_errors=True)
        (path / "obsm" / ".partial-X_umap").replace(path / "obsm" / "X_umap")
