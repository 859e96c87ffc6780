"""The regression that takes a missing stain's place, against a literal one; which sets it is learned for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.models import robust_model
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.model.bundle import Model, load_model, save_model
from napari_histoclust.core.model.missing import gaps_of, key, ridge, without


def test_the_ridge_is_the_least_penalised_square() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(3, 2, (60, 5))
    places = features @ rng.normal(size=(5, 2)) + rng.normal(0, 0.1, (60, 2)) + 7
    mean, axes = ridge(features, places)
    found = (features - mean) @ axes

    def cost(slopes: np.ndarray, level: np.ndarray) -> float:
        spread = features.std(axis=0)
        off = (features - features.mean(axis=0)) @ slopes + level - places
        return float((off**2).sum() + 1e-3 * 60 * ((slopes * spread[:, None]) ** 2).sum())

    best = cost(axes, found.mean(axis=0))
    for _ in range(40):
        assert cost(axes + rng.normal(0, 0.01, axes.shape), found.mean(axis=0)) > best
        assert cost(axes, found.mean(axis=0) + rng.normal(0, 0.1, 2)) > best
    np.testing.assert_allclose(found.mean(axis=0), places.mean(axis=0))


def test_a_feature_that_never_changes_is_no_trouble() -> None:
    rng = np.random.default_rng(0)
    features = np.column_stack([rng.normal(size=40), np.full(40, 2.0)])
    mean, axes = ridge(features, features[:, :1] * 3)
    np.testing.assert_allclose((features - mean) @ axes, features[:, :1] * 3, atol=0.02)


def test_sets_of_one_and_two_stains_leave_one_at_least() -> None:
    assert list(gaps_of(3)) == [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
    assert list(gaps_of(2)) == [(0,), (1,)]
    assert list(gaps_of(1)) == []


def test_a_bundle_keeps_them_and_a_map_depends_on_them(tmp_path: Path) -> None:
    model = robust_model(("HE", "MT"))
    save_model(model, tmp_path / "m")
    again = load_model(tmp_path / "m")
    assert again.checksum() == model.checksum() != Model(model.spec, model.state).checksum()
    assert set(again.gaps) == set(model.gaps)
    network = without(again, ["MT"]).network()
    assert float(network.temperature) == 0.5
    assert without(again, []) is again
    with pytest.raises(HistoclustError, match="HE"):
        without(again, ["HE"])


def test_one_that_belongs_to_another_network_is_named(tmp_path: Path) -> None:
    model = robust_model(("HE", "MT"))
    odd = {**model.gaps, key((1,), "axes"): torch.zeros(3, 3)}
    save_model(Model(model.spec, model.state, gaps=odd), tmp_path / "m")
    with pytest.raises(HistoclustError, match=r"without_1\.axes"):
        load_model(tmp_path / "m")
