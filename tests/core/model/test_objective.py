from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.model.objective import (
    assignment_parts,
    conditional_entropy,
    divergence,
    marginal_entropy,
    probabilities,
    reconstruction_error,
    weighted_loss,
)


def _slow_entropy(p: list[float]) -> float:
    return -sum(v * math.log(v + 1e-8) for v in p)


def _slow_loss(
    x: NDArray[np.float64], rebuilt: NDArray[np.float64], p: list[list[float]], q: list[list[float]]
) -> float:
    """Write out the formula of the paper, one number at a time."""
    n, k = len(p), len(p[0])
    mse = (
        sum((a - b) ** 2 for a, b in zip(x.ravel().tolist(), rebuilt.ravel().tolist(), strict=True)) / x.size
    )
    mean = [sum(row[c] for row in p) / n for c in range(k)]
    conditional = sum(_slow_entropy(row) for row in p) / n
    kl = 0.0
    for a, b in zip(p, q, strict=True):
        kl += sum(a[c] * (math.log(a[c] + 1e-8) - math.log(b[c] + 1e-8)) for c in range(k)) / n
    return mse - 0.10 * _slow_entropy(mean) + 0.03 * conditional + 0.03 * kl


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 6), k=st.integers(2, 9), spread=st.floats(0, 30), seed=st.integers(0, 2**16))
def test_loss_of_the_paper_against_a_literal_version(n: int, k: int, spread: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, rebuilt = rng.random((2, n, 6, 4, 4))
    p, q = probabilities(torch.from_numpy(rng.normal(0, spread, (2 * n, k, 1, 1)))).chunk(2)
    parts = {"reconstruction": reconstruction_error(torch.tensor(x), torch.tensor(rebuilt).double())}
    loss = weighted_loss(parts | assignment_parts(p, q), FitSettings())
    assert float(loss) == pytest.approx(_slow_loss(x, rebuilt, p.tolist(), q.tolist()), abs=2e-5)


def test_entropies_at_their_ends() -> None:
    decided = torch.eye(4)
    assert float(marginal_entropy(decided)) == pytest.approx(math.log(4), abs=1e-5)
    assert float(conditional_entropy(decided)) == pytest.approx(0, abs=1e-6)
    undecided = torch.full((3, 4), 0.25)
    assert float(conditional_entropy(undecided)) == pytest.approx(math.log(4), abs=1e-5)
    assert float(marginal_entropy(decided[[0, 0, 0]])) == pytest.approx(0, abs=1e-6)


def test_gradients_pass_through_both_sides_of_the_divergence() -> None:
    p, q = (torch.tensor([row], requires_grad=True) for row in ([0.7, 0.2, 0.1], [0.2, 0.5, 0.3]))
    divergence(p, q).backward()
    torch.testing.assert_close(q.grad, -(p / q).detach())
    torch.testing.assert_close(p.grad, (torch.log(p) - torch.log(q) + 1).detach())


def test_a_missing_part_adds_nothing() -> None:
    parts = {
        "marginal": torch.tensor(2.0),
        "conditional": torch.tensor(1.0),
        "consistency": torch.tensor(0.5),
    }
    weights = FitSettings(weight_marginal=0.4, weight_conditional=0.1, weight_consistency=1.0)
    assert float(weighted_loss(parts, weights)) == pytest.approx(-0.8 + 0.1 + 0.5)
