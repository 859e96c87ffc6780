"""What a person has made of the clusters: names, colours, merges, splits. The results stay as they are.

Saved, the edits lie beside the results, in RUN/session/.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from napari_histoclust.core.atomic import read_json, write_json
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.one_writer import one_writer
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.run.edit_columns import COLUMNS, FILE, read_column, write_columns
from napari_histoclust.core.run.lineage import Said
from napari_histoclust.core.run.manifest import PATCHES, read_manifest
from napari_histoclust.core.settings import Settings

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

FOLDER = "session"
"""Folder in the run folder for what the window keeps."""

_FILE_NAME = "clusters.json"
_NEW = ("k", "said", "confidence", "entropy")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def _nothing() -> NDArray[np.float32]:
    return np.zeros(0, np.float32)


@dataclass(frozen=True)
class ClusterEdits:
    """How the clusters are shown at one moment; position i belongs to cluster id i + 1.

    Ids 1..K are the run's, or those of another K of its model; those above came from splits. Merging never
    renumbers: it is a change of `shown_as`, and only a split or another K brings other labels.

    Parameters
    ----------
    names, colours : tuple of str
        Colours are "#rrggbb".
    shown_as : tuple of int
        Cluster id under which each one is shown: its own, or that of the cluster it was merged into.
    hidden, artefacts : frozenset of int
        Ids that are not drawn, and ids marked as no tissue of interest.
    labels : (n,) int16
        Id of each patch before the merges. Left out of comparisons: other labels come with more names, or
        with another `k`.
    k : int
        Number of clusters where it is not that of the run, else 0.
    said : tuple of Said
        What was said of clusters at other numbers of clusters.
    confidence, entropy : (n,) float32
        Of the labels for `k`; empty where those of the run hold.
    """

    names: tuple[str, ...]
    colours: tuple[str, ...]
    shown_as: tuple[int, ...]
    hidden: frozenset[int] = frozenset()
    artefacts: frozenset[int] = frozenset()
    labels: NDArray[np.int16] = field(
        default_factory=lambda: np.zeros(0, np.int16), compare=False, repr=False
    )
    k: int = 0
    said: tuple[Said, ...] = ()
    confidence: NDArray[np.float32] = field(default_factory=_nothing, compare=False, repr=False)
    entropy: NDArray[np.float32] = field(default_factory=_nothing, compare=False, repr=False)

    @property
    def shown_ids(self) -> tuple[int, ...]:
        """Ids of the clusters left after the merges, in rising order."""
        return tuple(sorted(set(self.shown_as)))

    @property
    def lookup(self) -> NDArray[np.int16]:
        """(ids + 1,) table: id in `labels` -> id shown; 0 (no tissue) stays 0."""
        return np.array((0, *self.shown_as), np.int16)

    def clusters(self) -> tuple[Cluster, ...]:
        """Return the clusters left after the merges, in rising order of their ids."""
        return tuple(
            Cluster(i, self.names[i - 1], self.colours[i - 1], i in self.artefacts) for i in self.shown_ids
        )


def edited(run: Run, edits: ClusterEdits) -> Run:
    """Return the run as the person has named, merged and split it; its ids may have gaps."""
    return replace(scored(run, edits), labels=edits.lookup[edits.labels], clusters=edits.clusters())


def scored(run: Run, edits: ClusterEdits) -> Run:
    """Return the run with the confidence and entropy of the number of clusters that is shown."""
    return replace(run, confidence=edits.confidence, entropy=edits.entropy) if edits.k else run


def unedited(run: Run) -> ClusterEdits:
    """Return the clusters as they were mapped."""
    return ClusterEdits(
        tuple(cluster.name for cluster in run.clusters),
        tuple(cluster.colour for cluster in run.clusters),
        tuple(cluster.id for cluster in run.clusters),
        labels=run.labels,
    )


class _Document(Settings):
    """The document in clusters.json; position i belongs to cluster id i + 1."""

    format: Literal[1] = 1
    fingerprint: str
    names: tuple[str, ...]
    colours: tuple[str, ...]
    shown_as: tuple[int, ...]
    hidden: tuple[int, ...]
    artefacts: tuple[int, ...]
    labels: str | None = None
    k: int = 0
    said: tuple[Said, ...] = ()
    confidence: str | None = None
    entropy: str | None = None


class OthersEditsError(HistoclustError):
    """Somebody else has saved names or merges of this run meanwhile."""


def edits_version(run_folder: Path) -> str:
    """Return what tells the edits that are saved in a run folder from others; "" where there are none."""
    try:
        return hashlib.sha256((run_folder / FOLDER / _FILE_NAME).read_bytes()).hexdigest()
    except OSError:
        return ""


def save_edits(run_folder: Path, edits: ClusterEdits, seen: str | None = None) -> str:
    """Write the edits of a run to RUN/session/; other files there stay.

    clusters.json names the files of the labels, if a split or another K changed them, and of what belongs to
    them, by their checksums, and is written last: a power cut between the two leaves whole what was saved
    before.

    Parameters
    ----------
    run_folder : Path
    edits : ClusterEdits
    seen : str, optional
        `edits_version` of what these edits began with; without it others are replaced.

    Returns
    -------
    str
        The version that is saved now.

    Raises
    ------
    OthersEditsError
        If somebody has saved since; nothing is written then.
    HistoclustError
        If the folder holds no run, or the disk is full, read-only or forbidden.
    """
    if not (run_folder / PATCHES).is_dir():
        raise HistoclustError(f"{run_folder}: is no longer there: bring the folder back and save again.")
    with one_writer(run_folder / FOLDER, "a window that saves"):
        if seen is not None and edits_version(run_folder) != seen:
            raise OthersEditsError(
                f"{run_folder}: another window has saved names or merges of this run since they were opened "
                "here: take those over, or save yours in a copy."
            )
        _write_edits(run_folder, edits)
        return edits_version(run_folder)


def _write_edits(run_folder: Path, edits: ClusterEdits) -> None:
    folder = run_folder / FOLDER
    wanted = _wanted_columns(edits, _mapped_clusters(run_folder))
    names = write_columns(folder, {what: getattr(edits, what) for what in wanted})
    document = _Document(
        fingerprint=read_manifest(run_folder).fingerprint,
        names=edits.names,
        colours=edits.colours,
        shown_as=edits.shown_as,
        hidden=tuple(sorted(edits.hidden)),
        artefacts=tuple(sorted(edits.artefacts)),
        k=edits.k,
        said=edits.said,
        **names,
    )
    unused = {name for name in _NEW if not getattr(document, name)}  # without them older versions read it
    write_json(folder / _FILE_NAME, document.model_dump(mode="json", exclude=unused))
    for file in folder.iterdir():
        if FILE.fullmatch(file.name) and file.name not in names.values():
            file.unlink(missing_ok=True)


def load_edits(run: Run) -> ClusterEdits | None:
    """Return the edits in the folder of a run, None where nothing was saved.

    Raises
    ------
    HistoclustError
        If they are damaged, of a newer version, or belong to other results.
    """
    path = run.path / FOLDER / _FILE_NAME
    if not path.is_file():
        return None
    document = _read_document(path)
    if document.fingerprint != run.manifest.fingerprint:
        raise HistoclustError(
            f"{path}: belongs to other results than those in the folder: delete it, and the clusters are as "
            "they were mapped."
        )
    columns = _read_columns(document, path)
    edits = ClusterEdits(
        document.names,
        document.colours,
        document.shown_as,
        frozenset(document.hidden),
        frozenset(document.artefacts),
        k=document.k,
        said=document.said,
        **({"labels": run.labels} | columns),
    )
    if not _fits(edits, run, set(columns)):
        raise _damaged(path)
    return edits


def _read_columns(document: _Document, path: Path) -> dict[str, NDArray[Any]]:
    try:
        return {
            name: read_column(path.parent / file)
            for name in COLUMNS
            if (file := getattr(document, name)) is not None
        }
    except HistoclustError as error:
        raise _damaged(path) from error


def _read_document(path: Path) -> _Document:
    document = read_json(path)
    if isinstance(document, dict) and document.get("format", 1) != 1:
        raise HistoclustError(
            f"{path}: has format {document['format']}, this version reads format 1: update napari-histoclust."
        )
    try:
        return _Document.model_validate(document)
    except ValidationError as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> HistoclustError:
    return HistoclustError(f"{path}: is damaged: delete it, and the clusters are as they were mapped.")


def _mapped_clusters(run_folder: Path) -> int:
    """Return the K of the store; more ids than these come from splits."""
    import zarr

    store: Any = zarr.open_group(run_folder / PATCHES, mode="r")
    return int(store["uns/clusters/id"].shape[0])


def _wanted_columns(edits: ClusterEdits, mapped: int) -> set[str]:
    if edits.k:
        return set(COLUMNS)
    return {"labels"} if len(edits.names) > mapped else set()


def _fits(edits: ClusterEdits, run: Run, columns: set[str]) -> bool:
    """Whether the parts agree with each other and with the run."""
    count, shown = len(edits.names), set(edits.shown_as)
    arrays = [edits.labels, *((edits.confidence, edits.entropy) if edits.k else ())]
    return (
        len(edits.colours) == len(edits.shown_as) == count
        and count >= (edits.k or len(run.clusters))
        and columns == _wanted_columns(edits, len(run.clusters))
        and shown <= set(range(1, count + 1))
        and all(edits.shown_as[i - 1] == i for i in shown)
        and edits.hidden | edits.artefacts <= shown
        and all(_COLOUR.fullmatch(colour) for colour in edits.colours)
        and all(_COLOUR.fullmatch(str(one.value)) for one in edits.said if one.what == "colour")
        and all(array.shape == run.labels.shape for array in arrays)
        and (len(run) == 0 or (edits.labels.min() >= 1 and edits.labels.max() <= count))
    )
