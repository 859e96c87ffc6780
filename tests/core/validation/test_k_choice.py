from __future__ import annotations

import numpy as np
import pytest

from napari_histoclust.core.validation.k_choice import Clustering, KChoice, summarise
from napari_histoclust.core.validation.measures import INDICES, STABILITY

BLOCKS = np.repeat([1, 2, 3], 20)


def values(height: float) -> dict[str, float | None]:
    return dict.fromkeys(INDICES, height) | {"dunn": None}


def choice(
    heights: dict[int, tuple[float, ...]], labels: dict[int, tuple[np.ndarray, ...]] | None = None
) -> KChoice:
    clusterings = [
        Clustering(
            k, seed, labels[k][seed] if labels else BLOCKS, {"common": values(height), "own": values(-height)}
        )
        for k, row in heights.items()
        for seed, height in enumerate(row)
    ]
    clusterings += [
        Clustering(c.k, c.seed, c.labels[::-1] % (c.seed + 2), {"null": values(0)}) for c in clusterings
    ]
    return KChoice(tuple(heights), tuple(range(len(heights[min(heights)]))), 60, summarise(clusterings))


def test_mean_and_spread_over_the_seeds() -> None:
    (figure,) = choice({3: (1.0, 2.0, 6.0)}).curve("common", "silhouette")
    assert (figure.mean, figure.count) == (3.0, 3)
    assert figure.spread == pytest.approx(np.std([1, 2, 6], ddof=1))


def test_undefined_indices_are_left_out_of_the_mean() -> None:
    (figure,) = choice({3: (1.0, 2.0)}).curve("common", "dunn")
    assert (figure.mean, figure.spread, figure.count) == (None, None, 0)
    assert choice({3: (1.0, 2.0)}).best("dunn") is None


def test_one_seed_has_no_spread_and_no_stability() -> None:
    found = choice({2: (1.0,), 3: (2.0,)})
    assert found.curve("common", "silhouette")[0].spread is None
    assert found.best(STABILITY.name) is None
    assert "more seeds" in found.sentence


def test_best_is_high_or_low_as_the_index_wants() -> None:
    found = choice({2: (1.0, 1.1), 3: (4.0, 4.1), 4: (2.0, 2.1)})
    assert found.best("silhouette") == (3, (3,))
    assert found.best("c_index") == (2, (2,))


def test_a_k_within_the_spread_of_the_seeds_is_not_worse() -> None:
    found = choice({2: (1.0, 5.0), 3: (1.5, 5.5), 4: (-9.0, -8.0)})
    assert found.best("silhouette") == (3, (2, 3))
    assert "within the spread of the seeds for calinski_harabasz" in found.sentence


def test_stability_is_agreement_between_seeds_whatever_the_numbers() -> None:
    random = np.random.default_rng(0)
    labels = {2: (BLOCKS, 4 - BLOCKS, BLOCKS + 5), 3: tuple(random.integers(0, 3, 60) for _ in range(3))}
    found = choice({2: (1.0, 1.0, 1.0), 3: (1.0, 1.0, 1.0)}, labels)
    stable, random_figure = found.curve("common", STABILITY.name)
    assert (stable.mean, stable.spread, stable.count) == (1.0, 0.0, 3)
    assert abs(random_figure.mean or 0.0) < 0.1
    assert "agree most at K = 2 (mean adjusted Rand index 1.00" in found.sentence
    assert found.curve("own", STABILITY.name) == ()


def test_the_table_has_a_line_a_figure_and_empty_cells_for_the_undefined() -> None:
    found = choice({2: (1.0, 2.0)})
    lines = found.table().splitlines()
    assert lines[0] == "series,measure,k,mean,spread,count"
    assert len(lines) == 1 + len(found.figures)
    assert "common,dunn,2,,,0" in lines


def test_clusters_that_stay_empty_are_said() -> None:
    assert "Not all clusters hold a patch: 3 of 5 do" in choice({3: (1.0, 2.0), 5: (1.0, 2.0)}).sentence
    assert "Not all" not in choice({3: (1.0, 2.0)}).sentence
