"""File names of several slides."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs import make_run
from napari_histoclust.core.export.format import _free, _safe, slide_paths


def test_one_slide_needs_no_suffix(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    assert slide_paths(run, tmp_path, "labels.ome.tif") == (tmp_path / "labels.ome.tif",)


def test_slides_are_told_apart(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=4)
    names = ["KPCL159-2", "a/b", "A_B", "../.."]
    slides = tuple(
        slide.model_copy(update={"name": name})
        for slide, name in zip(run.manifest.slides, names, strict=True)
    )
    run = dataclasses.replace(run, manifest=run.manifest.model_copy(update={"slides": slides}))
    assert [path.name for path in slide_paths(run, tmp_path, "labels.ome.tif")] == [
        "labels_KPCL159-2.ome.tif",
        "labels_a_b.ome.tif",
        "labels_A_B-2.ome.tif",
        "labels_slide.ome.tif",
    ]


@given(st.lists(st.text(max_size=8), max_size=6))
def test_any_names_give_different_plain_names(slides: list[str]) -> None:
    taken: list[str] = []
    for slide in slides:
        taken.append(_free(_safe(slide), taken))
    assert len({name.lower() for name in taken}) == len(slides)
    assert not any(set(name) & set('/\\:*?"<>| \n') or name.startswith(".") for name in taken)


@pytest.mark.parametrize("name", ["Größe 2", "slide(1)"])
def test_names_stay_legible(name: str) -> None:
    assert _safe(name) in {"Größe_2", "slide_1"}
