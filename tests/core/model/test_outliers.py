from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_histoclust.core.jobs import drive
from napari_histoclust.core.model import outliers as o


def _tissue(n: int, seed: int) -> np.ndarray:
    """(n, 6, 32, 32) codes of two stains: nuclei on a ground that differs from patch to patch."""
    rng = np.random.default_rng(seed)
    ground = rng.uniform(15, 40, (n, 6, 1, 1))
    grain = gaussian_filter(rng.normal(0, 1, (n, 6, 32, 32)), (0, 0, 1, 1)) * 40
    return np.clip(ground + grain, 0, 255).astype(np.uint8)


def test_a_patch_is_described_by_density_and_detail() -> None:
    codes = _tissue(3, 0)
    described = o.describe_pixels(torch.from_numpy(codes)).numpy()
    x = codes.astype(float) / 40
    for i in range(3):
        for channel in range(6):
            detail = [
                abs(4 * x[i, channel, a, b] - sum(x[i, channel, a + s, b + t] for s, t in _STEPS))
                for a in range(1, 31)
                for b in range(1, 31)
            ]
            assert described[i, channel] == pytest.approx(x[i, channel].mean(), rel=1e-4)
            assert described[i, 6 + channel] == pytest.approx(np.log(np.mean(detail) + 0.01), rel=1e-4)


_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def test_the_distance_is_that_of_mahalanobis() -> None:
    rng = np.random.default_rng(1)
    described = rng.normal(size=(4000, 5)) @ rng.normal(size=(5, 5)) + 3
    mean, axes = o.whiten(described)
    inverse = np.linalg.inv(np.cov(described.T, bias=True))
    for row in described[:20]:
        literal = np.sqrt((row - mean) @ inverse @ (row - mean) / 5)
        assert np.linalg.norm((row - mean) @ axes) == pytest.approx(literal, rel=1e-6)
    assert (((described - mean) @ axes) ** 2).sum(axis=1).mean() == pytest.approx(1)


def test_a_channel_without_variance_says_nothing() -> None:
    described = np.random.default_rng(2).normal(size=(100, 3))
    described[:, 1] = 7.0
    mean, axes = o.whiten(described)
    assert np.isfinite(axes).all()
    moved = described + np.array([0, 5, 0])
    far = np.linalg.norm((moved - mean) @ axes, axis=1)
    np.testing.assert_allclose(far, np.linalg.norm((described - mean) @ axes, axis=1))


@pytest.mark.parametrize("what", ["pen", "fold", "blur", "bubble"])
def test_what_does_not_belong_is_far(what: str) -> None:
    taught = torch.from_numpy(_tissue(400, 3))
    found, own = drive(o.learn_familiar(taught, np.arange(400), 32))
    np.testing.assert_allclose(own, found.distance(taught), rtol=1e-3)
    assert (own > found.farthest).mean() < 0.01
    fresh = _tissue(60, 4)
    odd = fresh.copy()
    if what == "pen":
        odd[:, :3] = np.clip(odd[:, :3].astype(int) + np.array([90, 60, 20])[:, None, None], 0, 255)
    elif what == "fold":
        odd[:, :3] = np.clip(odd[:, :3].astype(int) + odd[::-1, :3], 0, 255)
    elif what == "blur":
        odd[:, :3] = gaussian_filter(odd[:, :3].astype(float), (0, 0, 3, 3))
    else:
        odd[:, :3] = 1
    assert (found.distance(torch.from_numpy(fresh)) > found.farthest).mean() < 0.02
    assert (found.distance(torch.from_numpy(odd)) > found.farthest).mean() > 0.8


def test_pen_among_the_training_patches_does_not_hide_itself() -> None:
    rng = np.random.default_rng(7)
    described = rng.normal(size=(1000, 12))
    described[:20, 0] += 12
    described[:20, 1] -= 12
    mean, axes = o.whiten(described)
    hidden = np.linalg.norm((described - mean) @ axes, axis=1)
    assert (hidden > o.fence(hidden))[:20].mean() < 0.5
    _, _, found = o.settle(described)
    np.testing.assert_array_equal(np.flatnonzero(found > o.fence(found)), np.arange(20))


def test_what_is_a_twentieth_of_the_tissue_is_tissue() -> None:
    rng = np.random.default_rng(8)
    described = rng.normal(size=(1000, 12))
    described[:80, :2] += 15
    mean, axes, far = o.settle(described)
    assert (far <= o.fence(far)).all()
    np.testing.assert_array_equal(mean, described.mean(axis=0))
    np.testing.assert_array_equal(axes, o.whiten(described)[1])


def test_only_the_patch_counts_not_what_lies_around_it() -> None:
    inner = _tissue(50, 5)
    around = np.full((50, 6, 64, 64), 255, np.uint8)
    around[..., 16:48, 16:48] = inner
    found, own = drive(o.learn_familiar(torch.from_numpy(around), np.arange(50)[::-1].copy(), 32))
    np.testing.assert_allclose(own[::-1], found.distance(torch.from_numpy(inner)), rtol=1e-3)


def test_the_fence_is_tukey_s_with_four_ranges() -> None:
    assert o.fence(np.array([0.0, 1.0, 2.0, 3.0, 4.0])) == pytest.approx(3 + 4 * 2)
    few, many = (np.append(np.linspace(1, 2, 100), np.full(n, 50.0)) for n in (4, 10))
    assert o.fence(few) < 10
    assert o.fence(many) == 50


def test_a_model_of_an_earlier_version_knows_nothing_of_it() -> None:
    assert o.Familiar.of({"mean": torch.zeros(3)}) is None


def test_without_a_stain_the_distance_is_that_of_the_others_alone() -> None:
    """Against the literal definition: the Mahalanobis distance in what is left of the numbers."""
    rng = np.random.default_rng(8)
    described = rng.normal(size=(500, 18)) @ rng.normal(size=(18, 18))
    mean, axes, _ = o.settle(described)
    blind = o.Familiar(torch.from_numpy(mean), torch.from_numpy(axes), 3.0).blind_to([1])
    left = [channel for channel in range(18) if channel % 9 not in (3, 4, 5)]
    part = (described - mean)[:, left]
    inverse = np.linalg.inv(np.linalg.inv(axes @ axes.T)[np.ix_(left, left)] / 18)
    literal = np.sqrt(np.einsum("ij,jk,ik->i", part, inverse, part) / len(left))
    changed = described.copy()
    changed[:, [3, 4, 5, 12, 13, 14]] = 99
    found = np.linalg.norm((changed - mean) @ blind.axes.double().numpy(), axis=1)
    np.testing.assert_allclose(found, literal, rtol=1e-3)
    assert np.mean(literal**2) == pytest.approx(1, abs=0.1)
