"""What a choice of patches amounts to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.runs import make_run
from napari_histoclust.session import Session
from napari_histoclust.session.summary import Area, area_of, describe_patch, summary_of


def test_area_counts_the_stride_of_each_slide(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=2, patch_px=32, stride_px=16, downsample=2, um_per_px=0.5)
    mask = np.zeros(len(run), bool)
    mask[[0, 3, len(run) - 1]] = True
    area = area_of(run, mask)
    assert area.px2 == 3 * 32**2
    assert area.mm2 == pytest.approx(3 * 16**2 / 1e6)


def test_area_is_in_px_where_the_scale_is_unknown(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", um_per_px=None)
    assert area_of(run, np.ones(len(run), bool)) == Area(len(run) * 32**2, None)


def test_a_slide_without_scale_does_not_matter_while_none_of_it_is_chosen(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=2)
    first, second = run.manifest.slides
    slides = (first, second.model_copy(update={"um_per_px": None}))
    run = replace(run, manifest=run.manifest.model_copy(update={"slides": slides}))
    on_first = run.slide_index == 0
    assert area_of(run, on_first).mm2 == pytest.approx(on_first.sum() * 16**2 / 1e6)
    assert area_of(run, ~on_first).mm2 is None


@pytest.mark.parametrize(
    ("area", "text"),
    [
        (Area(0, 0.0), "0 mm²"),
        (Area(1, 3.14159), "3.1 mm²"),
        (Area(1, 0.04212), "0.042 mm²"),
        (Area(1, 0.0000161), "0.000016 mm²"),
        (Area(1, 9.97), "10 mm²"),
        (Area(1, 12345.6), "12,346 mm²"),
        (Area(19726336, None), "19,726,336 px"),
    ],
)
def test_area_in_words(area: Area, text: str) -> None:
    assert str(area) == text


def test_the_sentence(tmp_path: Path) -> None:
    session = Session()
    assert str(summary_of(session)) == "0 patches, 0 mm², 0 clusters"
    run = make_run(tmp_path / "run")
    session.load(run, [])
    session.selection.set(np.ones(len(run), bool))
    assert (
        str(summary_of(session)) == f"{len(run)} patches, {area_of(run, np.ones(len(run), bool))}, 4 clusters"
    )
    session.palette.merge([2, 3], into=1)
    assert summary_of(session).clusters == 2
    session.selection.set([0])
    assert str(summary_of(session)).startswith("1 patch, 0.00026 mm², 1 cluster")


def test_one_patch_in_words(tmp_path: Path) -> None:
    session = Session()
    run = make_run(tmp_path / "run", slides=2)
    session.load(run, [])
    patch = len(run) - 1
    session.palette.rename(int(run.labels[patch]), "Liver")
    confidence = f"{run.confidence[patch]:.2f}"
    assert describe_patch(session, patch) == f"Liver, confidence {confidence}, patch {patch}, slide 2"
    with pytest.raises(IndexError):
        describe_patch(session, len(run))
