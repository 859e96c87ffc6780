"""Every px of every layer lies where it belongs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image, Labels, Layer

from core.runs import make_run
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.run.originals import OtherImageError
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.session import Palette
from napari_histoclust.viewer.layers import clusters_layer, stack_layers
from viewer.pyramids import plain, write_stack


def labels_of(run: Run, **options: Any) -> Labels:
    layer = Layer.create(*clusters_layer(run, **options))
    assert isinstance(layer, Labels)
    return layer


def stain_in(um_per_px: float | None, side: int = 4) -> Image:
    """An image of level-0 px, which napari puts as `stack_layers` says."""
    scale = 1 if um_per_px is None else um_per_px
    return Image(np.zeros((side, side, 3), np.uint8), rgb=True, scale=(scale, scale))


LATTICES = [
    {},
    {"um_per_px": None},
    {"um_per_px": 0.2523},
    {"patch_px": 5},
    {"patch_px": 8, "stride_px": 3},
    {"patch_px": 3, "stride_px": 8},
    {"patch_px": 6, "level": 1, "downsample": 4.0},
    {"patch_px": 6, "stride_px": 2, "level": 2, "downsample": 4.0009, "um_per_px": None},
]


@pytest.mark.parametrize("lattice", LATTICES)
def test_the_middle_of_a_patch_is_the_middle_of_its_label(tmp_path: Path, lattice: dict[str, Any]) -> None:
    """Against the literal middle: the mean of the coordinates of the level-0 px that the patch covers."""
    run = make_run(tmp_path / "run", **lattice)
    grid, layer, stain = run.grids[0], labels_of(run), stain_in(run.um_per_px[0])
    for patch in range(0, len(grid), 7):
        corner = np.array([grid.row[patch], grid.col[patch]]) * grid.stride_px * grid.downsample
        edges_px = np.array([corner, corner + grid.patch_px * grid.downsample])
        first, last = edges_px[0], edges_px[1] - 1  # coordinates of its first and last px, as napari has them
        in_stain = stain.data_to_world((first + last) / 2)
        in_labels = layer.data_to_world((grid.row[patch], grid.col[patch]))
        np.testing.assert_allclose(in_labels, in_stain, rtol=0, atol=1e-9 * np.abs(in_stain).max())


@pytest.mark.parametrize("um_per_px", [None, 0.5, 8.6])
def test_every_px_of_the_slide_shows_the_label_of_its_patch(tmp_path: Path, um_per_px: float | None) -> None:
    run = make_run(tmp_path / "run", rows=5, cols=4, patch_px=6, um_per_px=um_per_px, clusters=3)
    layer, stain, picture = labels_of(run), stain_in(um_per_px), run.label_picture(0)
    for y in range(5 * 6):
        for x in range(4 * 6):
            value = layer.get_value(stain.data_to_world((y, x)), world=True)
            assert value == picture[y // 6, x // 6], (y, x)
    for y, x in [(-1, 0), (0, -1), (30, 0), (0, 24)]:
        assert layer.get_value(stain.data_to_world((y, x)), world=True) is None


def test_stains_are_lazy_pyramids_with_the_reference_on_top(tmp_path: Path) -> None:
    stains = ("MT", "CD31", "HE", "PAS")
    folder = write_stack(tmp_path / "stack", {name: plain(200, 300) for name in stains}, um_per_px=0.5)
    layers = [Layer.create(*data) for data in stack_layers(open_stack(folder))]
    assert [layer.name for layer in layers] == ["PAS", "MT", "CD31", "HE"]
    assert [layer.visible for layer in layers] == [False, False, False, True]
    for layer in layers:
        assert isinstance(layer, Image)
        assert layer.multiscale
        assert layer.rgb
        assert [level.shape for level in layer.data] == [(200, 300, 3), (100, 150, 3), (50, 75, 3)]
        assert all(isinstance(level, da.Array) for level in layer.data)
        assert layer.scale.tolist() == [0.5, 0.5]
        assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]


def test_a_slide_without_scale_is_in_px(tmp_path: Path) -> None:
    folder = write_stack(tmp_path / "stack", {"HE": plain(80, 90), "MT": plain(80, 90)}, steps=(1,))
    for data in stack_layers(open_stack(folder)):
        layer = Layer.create(*data)
        assert not layer.multiscale
        assert layer.scale.tolist() == [1, 1]
        assert [str(unit) for unit in layer.units] == ["pixel", "pixel"]


def test_files_that_say_another_scale_than_the_run_are_refused(tmp_path: Path) -> None:
    """Else clusters and stains come apart."""
    folder = write_stack(tmp_path / "stack", {"HE": plain(400, 500), "MT": plain(400, 500)}, um_per_px=0.25)
    run = make_run(tmp_path / "run", um_per_px=0.5, paths=[folder])
    with pytest.raises(OtherImageError, match=r"a px is 0\.25 um and was 0\.5 um"):
        run.open_stack()


NAMED = (
    Cluster(1, "liver", "#ff0000"),
    Cluster(2, "gut", "#00ff00"),
    Cluster(3, "fat", "#0000ff"),
)


def test_names_colours_and_counts_are_those_of_the_run(tmp_path: Path) -> None:
    layer = labels_of(make_run(tmp_path / "run", clusters=NAMED))
    counts = [int((layer.data == i).sum()) for i in (1, 2, 3)]
    assert layer.features["index"].tolist() == [0, 1, 2, 3]
    assert layer.features["name"].tolist() == ["no tissue", "liver", "gut", "fat"]
    assert layer.features["patches"].tolist() == [0, *counts]
    assert layer.features["colour"].tolist() == [None, "#ff0000", "#00ff00", "#0000ff"]
    expected = [(0, 0, 0, 0), (1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1), (0, 0, 0, 0)]
    np.testing.assert_array_equal(layer.colormap.map(np.arange(5, dtype=np.uint8)), expected)


def test_the_name_stands_in_the_status_bar(tmp_path: Path) -> None:
    layer = labels_of(make_run(tmp_path / "run", clusters=NAMED))
    for label, name in enumerate(("no tissue", "liver", "gut", "fat")):
        place = np.argwhere(layer.data == label)[0]
        status = layer.get_status(layer.data_to_world(place), world=True)["value"]
        assert status.startswith(f"{label}; name: {name}, patches: ")


def test_a_merge_changes_the_table_and_not_the_labels(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", clusters=NAMED)
    palette = Palette(run.clusters, run.labels)
    palette.merge([1], into=3)
    palette.hide([2])
    plain_layer, layer = labels_of(run), labels_of(run, palette=palette)
    np.testing.assert_array_equal(layer.data, plain_layer.data)
    assert layer.features["name"].tolist() == ["no tissue", "fat", "gut", "fat"]
    merged = int((layer.data == 1).sum() + (layer.data == 3).sum())
    assert layer.features["patches"].tolist() == [0, merged, int((layer.data == 2).sum()), merged]
    expected = [(0, 0, 0, 0), (0, 0, 1, 1), (0, 0, 0, 0), (0, 0, 1, 1)]
    np.testing.assert_array_equal(layer.colormap.map(np.arange(4, dtype=np.uint8)), expected)


def test_a_split_shows_in_labels_names_and_colours(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", clusters=NAMED, slides=2)
    palette = Palette(run.clusters, run.labels)
    palette.merge([1], into=3)
    palette.split(3, np.arange((palette.shown_labels == 3).sum()) % 2)
    for slide in range(2):
        layer, rows, grid = labels_of(run, slide=slide, palette=palette), run.rows(slide), run.grids[slide]
        np.testing.assert_array_equal(layer.data[grid.row, grid.col], palette.labels[rows])
        assert layer.features["name"].tolist() == ["no tissue", "fat a", "gut", "fat a", "fat b"]
        counts = np.bincount(palette.shown_labels[rows], minlength=5)
        assert layer.features["patches"].tolist() == counts[[0, 3, 2, 3, 4]].tolist()
        colours = layer.colormap.map(np.arange(5, dtype=np.uint8))
        np.testing.assert_array_equal(colours, palette.rgba())


def test_each_slide_of_a_cohort_has_its_own_map(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=2)
    for slide in range(2):
        np.testing.assert_array_equal(labels_of(run, slide=slide).data, run.label_picture(slide))
        counts = np.bincount(run.labels[run.rows(slide)], minlength=5)
        assert labels_of(run, slide=slide).features["patches"].tolist() == counts.tolist()
    assert not np.array_equal(run.label_picture(0), run.label_picture(1))
