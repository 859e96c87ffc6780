"""Figures show what the arrays say, and odd runs do not stop them."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.image import imread

from core.runs import make_run
from napari_histoclust.core.figures.clusters import draw_histogram
from napari_histoclust.core.figures.curves import (
    Curve,
    IndexPanel,
    draw_choice,
    draw_indices,
    draw_learning_curve,
)
from napari_histoclust.core.figures.density import densities, draw_density
from napari_histoclust.core.figures.montage import Montage, draw_montage, read_patch, top_rows
from napari_histoclust.core.figures.reliability import draw_reliability
from napari_histoclust.core.figures.run_figures import draw_figures, write_map
from napari_histoclust.core.figures.scatter import draw_scatter, paint_points
from napari_histoclust.core.figures.slide_map import MapPanel, draw_map, grid_extent_px, read_thumbnail
from napari_histoclust.core.figures.style import counts, length_text, nice_length, percent, save
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.palette import Cluster, default_clusters
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.core.validation.k_choice import Figure, KChoice
from stacks import STAINS, write_stack


def _rgb(path: Path) -> np.ndarray:
    return (imread(path)[..., :3] * 255).round().astype(int)


def _has_colour(picture: np.ndarray, colour: str) -> bool:
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return bool((np.abs(picture - wanted).max(-1) <= 2).any())


def _grid(rows: int, cols: int) -> PatchGrid:
    row, col = (axis.ravel().astype(np.int32) for axis in np.indices((rows, cols)))
    return PatchGrid((rows, cols), 16, 16, 0, 1.0, row, col, np.ones(rows * cols, np.float32))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of two slides whose images are there."""
    images = [write_stack(tmp_path / f"images{i}", side_px=512, seed=i) for i in range(2)]
    return make_run(tmp_path / "run", rows=14, cols=14, slides=2, embedding=True, paths=images)


def test_every_figure_of_a_run_is_written(run: Run) -> None:
    seen: list[Progress] = []
    drawn = drive(draw_figures(run), seen.append)
    names = {path.name for path in drawn}
    montages = {f"montage_{i}.png" for i in (1, 2, 3, 4)}
    whole = {"map.png", "histogram.png", "confidence.png", "umap.png", "density_1.png", "density_2.png"}
    assert names == whole | montages
    assert {path.name for path in (run.path / "figures").iterdir()} == names
    assert seen[-1].done == seen[-1].total == len(drawn)
    assert all(min(_rgb(path).shape[:2]) > 300 for path in drawn)
    for name in ("map.png", "histogram.png", "confidence.png", "umap.png"):
        picture = _rgb(run.path / "figures" / name)
        assert all(_has_colour(picture, cluster.colour) for cluster in run.clusters)


def test_without_images_all_but_the_montages_is_drawn(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", um_per_px=None)
    names = {path.name for path in drive(draw_figures(run))}
    assert names == {"map.png", "histogram.png", "confidence.png", "density.png"}


def test_slides_without_images_are_left_out_of_the_montages(tmp_path: Path) -> None:
    images = [tmp_path / "gone", write_stack(tmp_path / "images", side_px=512)]
    run = make_run(tmp_path / "run", rows=14, cols=14, slides=2, paths=images)
    assert (run.path / "figures" / "montage_1.png") in drive(draw_figures(run))


@pytest.mark.parametrize("clusters", [1, 2, 40])
def test_few_and_many_clusters_fit(tmp_path: Path, clusters: int) -> None:
    run = make_run(tmp_path / "run", clusters=clusters, embedding=True)
    drawn = drive(draw_figures(run))
    assert all(path.stat().st_size > 3000 for path in drawn)


def test_an_empty_cluster_and_a_long_name_are_no_trouble(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", embedding=True)
    named = (*run.clusters, Cluster(5, "Desmoplastic stroma around the tumour, loose", "#112233"))
    drawn = drive(draw_figures(replace(run, clusters=named), file_format="pdf"))
    assert all(path.read_bytes().startswith(b"%PDF") for path in drawn)


def test_one_patch_is_enough(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", rows=1, cols=1, clusters=2, embedding=True)
    assert len(run) == 1
    assert len(drive(draw_figures(run))) == 5


def test_figures_are_the_same_in_any_thread_and_settings_stay_untouched(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", embedding=True)
    before = dict(rcParams)
    drive(draw_figures(run, tmp_path / "here"))
    thread = threading.Thread(target=lambda: drive(draw_figures(run, tmp_path / "there")))
    thread.start()
    thread.join()
    assert dict(rcParams) == before
    here, there = (sorted((tmp_path / name).iterdir()) for name in ("here", "there"))
    assert [path.read_bytes() for path in here] == [path.read_bytes() for path in there] != []


def test_the_map_alone_goes_where_it_is_asked_for(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    assert write_map(run, tmp_path / "map.svg").read_text().lstrip().startswith("<?xml")


def test_the_map_puts_patches_where_they_lie() -> None:
    """The coloured patch must lie at the same place of the figure as its mark in the thumbnail."""
    labels = np.zeros((10, 10), np.int32)
    labels[7, 2] = 1
    labels[0, 0] = labels[9, 9] = 2
    thumbnail = np.full((500, 500, 3), 255, np.uint8)
    thumbnail[350:400, 100:150] = (0, 200, 0)
    panel = MapPanel("s", labels, grid_extent_px(_grid(10, 10)), (160, 160), None, thumbnail)
    clusters = (Cluster(1, "a", "#c80000"), Cluster(2, "b", "#0000c8"))
    figure = draw_map([panel], clusters, np.array([1, 2]))
    figure.canvas.draw()
    left, right = (axes.transData.transform((2.5 * 16, 7.5 * 16)) for axes in figure.axes)
    picture = np.asarray(figure.canvas.buffer_rgba())[::-1]
    assert tuple(picture[int(left[1]), int(left[0]), :3]) == (0, 200, 0)
    assert tuple(picture[int(right[1]), int(right[0]), :3]) == (200, 0, 0)


def test_thumbnails_read_the_smallest_level_that_is_enough(tmp_path: Path) -> None:
    stack = open_stack(write_stack(tmp_path / "s", side_px=600))
    whole = stack.read(0, 0, 0, 600, 600, ["HE"])[0]
    assert (read_thumbnail(stack, "HE") == whole).all()
    assert (read_thumbnail(stack, "HE", 200) == whole[::3, ::3]).all()
    assert (read_thumbnail(stack, "HE", 70) == whole[::8, ::8]).all()


def test_montage_patches_are_the_stack_s(tmp_path: Path) -> None:
    stack = open_stack(write_stack(tmp_path / "s", side_px=256))
    patch = read_patch(stack, _grid(16, 16), 35, STAINS)
    assert (patch == stack.read(0, 32, 48, 16, 16, STAINS)).all()


def test_top_rows_are_the_most_confident_of_their_cluster() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(1, 6, 400)
    confidence = rng.integers(0, 20, 400).astype(np.float32) / 20
    entropy = rng.random(400, dtype=np.float32)
    top = top_rows(labels, confidence, entropy, [1, 2, 3, 4, 5, 6], 8)
    for i in range(1, 6):
        literal = sorted(np.flatnonzero(labels == i), key=lambda row: (-confidence[row], entropy[row]))[:8]
        assert list(top[i]) == literal
    assert len(top[6]) == 0


def test_an_empty_montage_says_so() -> None:
    none = np.zeros((0, 2, 8, 8, 3), np.uint8)
    figure = draw_montage(
        Montage(default_clusters(1)[0], 0, 9, none, np.zeros(0, np.float32), ("HE", "MT"), 8, None)
    )
    assert any(text.get_text() == "no patches" for text in figure.axes[0].texts)


def test_montages_name_stains_confidence_and_scale() -> None:
    pixels = np.zeros((2, 3, 8, 8, 3), np.uint8)
    confidence = np.array([1.0, 0.999], np.float32)
    cluster = default_clusters(1)[0]
    figure = draw_montage(Montage(cluster, 2, 8, pixels, confidence, ("HE", "MT", "CD31"), 128, 0.5))
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"HE", "MT", "CD31", "1.00", "> 0.99", "50 µm", "Cluster 1", "2 patches, 25 %"} <= texts


def test_points_that_overlap_show_their_mean_colour_not_the_last() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(0, 1, (200_000, 2)).astype(np.float32)
    rgb = np.where(np.arange(200_000)[:, None] % 2, [200, 0, 0], [0, 0, 200]).astype(np.uint8)
    picture = paint_points(points, rgb, np.array([-6.0, -6.0]), np.array([6.0, 6.0]))
    middle = picture[600:800, 600:800].reshape(-1, 3).mean(0)
    assert middle == pytest.approx([100, 0, 100], abs=20)
    assert (picture[:50, :50] == 255).mean() > 0.98


def test_a_point_is_painted_where_it_lies() -> None:
    points, rgb = np.array([[0.25, 0.75]], np.float32), np.array([[10, 20, 30]], np.uint8)
    picture = paint_points(points, rgb, np.zeros(2), np.ones(2))
    y, x = np.nonzero((picture != 255).any(-1))
    assert (x.mean() / 1399, y.mean() / 1399) == pytest.approx((0.25, 0.75), abs=2e-3)
    assert tuple(picture[round(y.mean()), round(x.mean())]) == (10, 20, 30)


def test_no_points_at_all_give_an_empty_scatter(tmp_path: Path) -> None:
    figure = draw_scatter(np.zeros((0, 2), np.float32), np.zeros(0, np.int16), default_clusters(2))
    assert save(figure, tmp_path / "umap.png").stat().st_size > 1000


def test_densities_are_shares_of_the_patches_nearby() -> None:
    grid = _grid(60, 40)
    labels = np.where(grid.row < 30, 1, 2)
    shares, tissue = densities(grid, labels, [1, 2, 3])
    assert shares.shape == (3, 60, 40)
    assert tissue.all()
    assert np.allclose(shares.sum(0), 1)
    assert shares[0, :20].min() > 0.99
    assert shares[0, 29:31].mean() == pytest.approx(0.5, abs=0.01)
    assert not shares[2].any()


def test_large_lattices_are_thinned_and_cut_to_the_tissue() -> None:
    grid = _grid(900, 900)
    inside = (grid.row >= 300) & (grid.row < 600) & (grid.col >= 88) & (grid.col < 808)
    part = replace(grid, row=grid.row[inside], col=grid.col[inside])
    shares, tissue = densities(part, np.ones(len(part.row), np.int16), [1])
    assert shares.shape == (1, 75, 180)
    assert tissue.all()
    assert shares.min() > 0.99
    figure = draw_density("s", shares, tissue, default_clusters(1), np.array([5]))
    assert figure.axes[0].images[0].get_array().shape == (75, 180)


def test_bars_are_as_high_as_the_counts() -> None:
    count = np.array([30, 0, 70])
    figure = draw_histogram(default_clusters(3), count)
    assert [bar.get_height() for bar in figure.axes[0].patches] == [30, 70]  # an empty cluster has no bar
    assert {"30 %", "70 %"} <= {text.get_text() for text in figure.axes[0].texts}


def test_the_learning_curve_draws_each_part_that_was_recorded() -> None:
    history = [
        {"epoch": float(e), "loss": 1 / e, "held_out_loss": 2 / e, "marginal": 2.0} for e in range(1, 9)
    ]
    figure = draw_learning_curve(history)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 2
    training, held_out = shown[0].lines
    assert list(training.get_ydata()) == [record["loss"] for record in history]
    assert list(held_out.get_ydata()) == [record["held_out_loss"] for record in history]
    assert draw_learning_curve([]).texts[0].get_text() == "no learning history"


def _choice(**values: list[float | None]) -> KChoice:
    ks = (8, 9, 10)
    figures = [
        Figure(k, series, "dunn", mean, None if mean is None else 0.1, 3)
        for series, means in values.items()
        for k, mean in zip(ks, means, strict=True)
    ]
    return KChoice(ks, (1, 2, 3), 500, tuple(figures))


def test_the_reliability_curve_draws_the_bins_that_hold_patches() -> None:
    bins = [[0, 0.0, 0.0]] * 13 + [[40, 0.9, 0.8], [160, 0.98, 0.97]]
    figure = draw_reliability({"expected_calibration_error": 0.028, "bins": bins})
    curve, bars = figure.axes
    np.testing.assert_allclose(curve.lines[1].get_xydata(), [[0.9, 0.8], [0.98, 0.97]])
    assert [bar.get_height() for bar in bars.patches] == [n for n, *_ in bins]
    assert "calibration error 0.028" in [text.get_text() for text in curve.texts]


def test_the_choice_of_k_is_drawn_with_its_gaps(tmp_path: Path) -> None:
    path = draw_choice(
        _choice(own=[1.0, 2.0, 3.0], common=[1.0, None, 2.0], null=[None] * 3), tmp_path / "indices.png"
    )
    assert min(_rgb(path).shape[:2]) > 300
    assert draw_choice(_choice(own=[None] * 3), tmp_path / "none.png").is_file()


def test_index_curves_have_a_band_of_their_spread() -> None:
    curve = Curve("a", np.array([8.0, 9.0]), np.array([1.0, 2.0]), np.array([0.5, np.nan]))
    figure = draw_indices([IndexPanel("Dunn", "high", [curve])])
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.5, 2.0)
    assert "higher is better" in figure.axes[0].get_title(loc="left")
    shaded = draw_indices([IndexPanel("Dunn", "high", [curve])], shaded=(8, 9)).axes[0]
    (shade,) = shaded.patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (7.5, 9.5)
    assert shaded.get_xlim() == pytest.approx(figure.axes[0].get_xlim())


@pytest.mark.parametrize(
    ("longest", "expected"), [(1, 1), (1.9, 1), (2, 2), (49.9, 20), (50, 50), (0.3, 0.2), (99_999, 50_000)]
)
def test_scale_bars_have_round_lengths(longest: float, expected: float) -> None:
    assert nice_length(longest) == pytest.approx(expected)


def test_lengths_and_shares_are_written_as_people_read_them() -> None:
    assert [length_text(500, None), length_text(50, 0.5), length_text(2000, 1.0)] == [
        "500 px",
        "50 µm",
        "2 mm",
    ]
    assert [percent(1, 5000), percent(5, 100), percent(50, 100), percent(0, 0)] == [
        "< 0.1 %",
        "5.0 %",
        "50 %",
        "0.0 %",
    ]


def test_counts_follow_the_order_of_the_clusters() -> None:
    clusters = (Cluster(3, "c", "#000000"), Cluster(1, "a", "#000000"), Cluster(9, "i", "#000000"))
    assert list(counts(np.array([1, 1, 3, 2]), clusters)) == [1, 2, 0]
