"""Edits of the clusters, saved beside the results and read back."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.runs import make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.run.edits import (
    ClusterEdits,
    OthersEditsError,
    edited,
    edits_version,
    load_edits,
    save_edits,
)
from napari_histoclust.core.run.reader import open_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.run.saved import saved_run
from napari_histoclust.session import Palette


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path / "run", clusters=6)


def renamed(run: Run) -> ClusterEdits:
    """Everything but a split."""
    palette = Palette(run.clusters, run.labels)
    palette.rename(1, "Leber, übersetzt")
    palette.recolour(2, "#123456")
    palette.merge([4, 5], into=2)
    palette.hide([3])
    palette.mark_artefact([6])
    return palette.state


def split(run: Run) -> ClusterEdits:
    palette = Palette(run.clusters, run.labels)
    palette.load(renamed(run))
    members = palette.shown_labels == 2
    palette.split(2, np.arange(members.sum()) % 3)
    palette.carve(np.arange(len(run)) < 9, "corner")
    return palette.state


def check_same(one: ClusterEdits | None, other: ClusterEdits) -> None:
    assert one == other
    assert one is not None
    assert one.labels.dtype == other.labels.dtype
    np.testing.assert_array_equal(one.labels, other.labels)


def files(run: Run) -> set[str]:
    return {path.name for path in (run.path / "session").iterdir()}


def test_nothing_was_saved(run: Run) -> None:
    assert load_edits(run) is None
    again = saved_run(run.path)
    assert again.clusters == run.clusters
    np.testing.assert_array_equal(again.labels, run.labels)


def test_edits_come_back(run: Run) -> None:
    edits = renamed(run)
    save_edits(run.path, edits)
    assert files(run) == {"clusters.json"}
    check_same(load_edits(open_run(run.path)), edits)


def test_labels_are_kept_where_a_split_changed_them(run: Run) -> None:
    edits = split(run)
    save_edits(run.path, edits)
    assert len(files(run)) == 2
    loaded = load_edits(run)
    check_same(loaded, edits)
    assert loaded is not None
    assert not loaded.labels.flags.writeable


def test_saving_again_leaves_no_old_labels_and_no_foreign_file_is_touched(run: Run) -> None:
    save_edits(run.path, split(run))
    (run.path / "session" / "view.json").write_text("{}")
    palette = Palette(run.clusters, run.labels)
    palette.carve(run.labels == 1, "one")
    save_edits(run.path, palette.state)
    assert len(files(run)) == 3
    check_same(load_edits(run), palette.state)
    save_edits(run.path, renamed(run))
    assert files(run) == {"clusters.json", "view.json"}
    check_same(load_edits(run), renamed(run))


def test_a_power_cut_between_the_two_files_leaves_the_earlier_save(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_histoclust.core.run import edits as module

    before = split(run)
    save_edits(run.path, before)
    palette = Palette(run.clusters, run.labels)
    palette.load(before)
    palette.carve(run.labels == 1, "one")
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_json", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            save_edits(run.path, palette.state)
    check_same(load_edits(run), before)
    save_edits(run.path, palette.state)
    check_same(load_edits(run), palette.state)


def _power_cut(*_: object) -> None:
    raise KeyboardInterrupt


def test_the_saved_run_is_the_edited_run(run: Run) -> None:
    edits = split(run)
    save_edits(run.path, edits)
    saved, expected = saved_run(run.path), edited(run, edits)
    assert saved.clusters == expected.clusters
    np.testing.assert_array_equal(saved.labels, expected.labels)
    assert set(saved.labels.tolist()) <= {cluster.id for cluster in saved.clusters}
    assert [cluster.id for cluster in saved.clusters if cluster.artefact] == [6]


def test_the_labels_of_the_run_are_literally_replaced(run: Run) -> None:
    edits = split(run)
    for label, mapped in zip(edited(run, edits).labels, edits.labels, strict=True):
        assert label == edits.shown_as[mapped - 1]


def test_edits_of_other_results_are_refused(run: Run) -> None:
    save_edits(run.path, renamed(run))
    other = dataclasses.replace(run, manifest=run.manifest.model_copy(update={"fingerprint": "other"}))
    with pytest.raises(HistoclustError, match=r"clusters\.json: belongs to other results"):
        load_edits(other)


def test_a_newer_format_is_refused(run: Run) -> None:
    save_edits(run.path, renamed(run))
    change(run, format=2)
    with pytest.raises(HistoclustError, match=r"has format 2.*update napari-histoclust"):
        load_edits(run)


def change(run: Run, **fields: object) -> None:
    path = run.path / "session" / "clusters.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | fields), "utf-8")


@pytest.mark.parametrize(
    "fields",
    [
        {"names": ["one"]},
        {"names": None},
        {"colours": ["red"] * 9},
        {"shown_as": [1] * 8},
        {"shown_as": [1, 2, 3, 2, 2, 6, 7, 8, 10]},
        {"shown_as": [2, 4, 3, 4, 2, 6, 7, 8, 9]},
        {"shown_as": [0, 2, 3, 2, 2, 6, 7, 8, 9]},
        {"hidden": [4]},
        {"artefacts": [77]},
        {"labels": None},
        {"labels": "labels-00000000.npy"},
        {"labels": "../../elsewhere.npy"},
        {"surplus": 1},
    ],
)
def test_damaged_documents(run: Run, fields: dict[str, object]) -> None:
    save_edits(run.path, split(run))
    change(run, **fields)
    with pytest.raises(HistoclustError, match=r"clusters\.json: is damaged: delete it"):
        load_edits(run)


def test_a_document_that_is_no_json(run: Run) -> None:
    save_edits(run.path, renamed(run))
    (run.path / "session" / "clusters.json").write_text("{")
    with pytest.raises(HistoclustError, match=r"clusters\.json: is not readable JSON"):
        load_edits(run)


@pytest.mark.parametrize("keep", [0, 60, 200])
def test_labels_that_are_cut_off(run: Run, keep: int) -> None:
    save_edits(run.path, split(run))
    file = next((run.path / "session").glob("labels-*.npy"))
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(HistoclustError, match="is damaged"):
        load_edits(run)


def test_a_changed_label_is_noticed(run: Run) -> None:
    save_edits(run.path, split(run))
    file = next((run.path / "session").glob("labels-*.npy"))
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)
    with pytest.raises(HistoclustError, match="is damaged"):
        load_edits(run)


def test_labels_that_hold_code_are_not_run(run: Run) -> None:
    save_edits(run.path, split(run))
    file = next((run.path / "session").glob("labels-*.npy"))
    np.save(file, np.array([object()], object), allow_pickle=True)
    with pytest.raises(HistoclustError, match="is damaged"):
        load_edits(run)


def test_files_of_somebody_else_beside_the_edits_stay(run: Run) -> None:
    folder = run.path / "session"
    folder.mkdir(exist_ok=True)
    for name in ("labels-pathologist2.npy", "labels-notes.txt"):
        (folder / name).write_text("years of work")
    save_edits(run.path, split(run))
    save_edits(run.path, renamed(run))
    assert {"labels-pathologist2.npy", "labels-notes.txt"} <= {file.name for file in folder.iterdir()}
    assert not list(folder.glob("labels-????????.npy"))


SAVER = """
import sys
from pathlib import Path
from napari_histoclust.core.run.edits import save_edits, edits_version
from napari_histoclust.core.run.reader import open_run
from napari_histoclust.session.palette import Palette
run = open_run(Path(sys.argv[1]))
palette = Palette(run.clusters, run.labels)
palette.rename(1, "theirs")
save_edits(run.path, palette.state, edits_version(run.path))
"""


def test_what_another_process_has_saved_is_not_overwritten(run: Run) -> None:
    seen = edits_version(run.path)
    seen = save_edits(run.path, renamed(run), seen)
    seen = save_edits(run.path, renamed(run), seen)  # one's own are no others
    subprocess.run([sys.executable, "-c", SAVER, str(run.path)], check=True)
    with pytest.raises(OthersEditsError, match="another window has saved"):
        save_edits(run.path, renamed(run), seen)
    loaded = load_edits(run)
    assert loaded is not None
    assert loaded.names[0] == "theirs"
    save_edits(run.path, renamed(run), edits_version(run.path))
    check_same(load_edits(run), renamed(run))
    assert {p.name for p in (run.path / "session").iterdir()} == {"clusters.json"}
