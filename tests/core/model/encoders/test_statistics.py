"""Statistics of the density against sums written out, and what they do not see."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_histoclust.core.model.encoders.statistics import DensityStatistics


def _pictures(n: int = 4) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).gamma(2.0, 0.5, (n, 6, 64, 64))).float()


def _literal(picture: np.ndarray) -> list[float]:
    """Statistics of one (i, i, 3) stain: mean, spread, mean absolute gradient, spread of block means."""
    side = len(picture)
    numbers = []
    for colour in range(3):
        numbers.append(float(np.mean(picture[..., colour])))
    for colour in range(3):
        mean = np.mean(picture[..., colour])
        numbers.append(float(np.sqrt(np.mean((picture[..., colour] - mean) ** 2))))
    for colour in range(3):
        down = [
            abs(picture[y + 1, x, colour] - picture[y, x, colour])
            for y in range(side - 1)
            for x in range(side)
        ]
        across = [
            abs(picture[y, x + 1, colour] - picture[y, x, colour])
            for y in range(side)
            for x in range(side - 1)
        ]
        numbers.append(float((np.mean(down) + np.mean(across)) / 2))
    for colour in range(3):
        blocks = [
            np.mean(picture[y : y + 8, x : x + 8, colour])
            for y in range(0, side, 8)
            for x in range(0, side, 8)
        ]
        numbers.append(float(np.std(blocks)))
    return numbers


def test_against_the_literal_sums() -> None:
    pictures = _pictures()
    measured = DensityStatistics(2).measure(pictures).numpy()
    assert measured.shape == (4, 24)
    for n in range(4):
        for stain in range(2):
            one = pictures[n, 3 * stain : 3 * stain + 3].permute(1, 2, 0).numpy()
            np.testing.assert_allclose(measured[n, 12 * stain : 12 * stain + 12], _literal(one), rtol=1e-4)


def test_turned_and_mirrored_patches_have_the_same_statistics() -> None:
    pictures, encoder = _pictures(), DensityStatistics(2)
    for changed in (pictures.flip(2), pictures.flip(3), torch.rot90(pictures, 1, (2, 3))):
        torch.testing.assert_close(encoder.measure(changed), encoder.measure(pictures))
    shuffled = pictures[..., torch.randperm(64, generator=torch.Generator().manual_seed(0)), :]
    assert not torch.allclose(encoder.measure(shuffled)[:, 9:12], encoder.measure(pictures)[:, 9:12])


def test_features_are_in_units_of_their_spread() -> None:
    encoder = DensityStatistics(2)
    measured = encoder.measure(_pictures(50))
    encoder.learn(measured)
    features = encoder.condense(measured)
    torch.testing.assert_close(features.mean(dim=0), torch.zeros(24), atol=1e-4, rtol=0)
    torch.testing.assert_close(features.std(dim=0, correction=0), torch.ones(24), atol=1e-3, rtol=0)


def test_a_stain_that_is_one_grey_divides_by_nothing() -> None:
    pictures = _pictures()
    pictures[:, :3] = 0.5
    encoder = DensityStatistics(2)
    encoder.learn(encoder.measure(pictures))
    assert torch.isfinite(encoder(pictures)).all()
    assert encoder(pictures).abs().max() < 100


@pytest.mark.parametrize("stains", [1, 5])
def test_width_follows_the_stains(stains: int) -> None:
    encoder = DensityStatistics(stains)
    assert encoder(torch.rand(2, 3 * stains, 64, 64)).shape == (2, encoder.width) == (2, 12 * stains)
