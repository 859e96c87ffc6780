"""The paper's loss and its parts (Rumman et al. 2023, "Objective function").

    MSE(x, x') - 0.10 H(mean p) + 0.03 mean H(p) + 0.03 mean KL(p(x) || p(Tx))

Natural logarithm with 1e-8 added to its argument; gradients pass through both sides of the divergence.
n patches, K clusters.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from napari_histoclust.core.config import FitSettings

EPSILON = 1e-8


def probabilities(logits: Tensor) -> Tensor:
    """Turn (n, K, 1, 1) logits into (n, K) float32 probabilities."""
    return logits.flatten(1).float().softmax(dim=1)


def reconstruction_error(pictures: Tensor, rebuilt: Tensor) -> Tensor:
    """Mean square error over all values of (n, 3 s, i, i) pictures."""
    return torch.nn.functional.mse_loss(rebuilt.float(), pictures)


def marginal_entropy(p: Tensor) -> Tensor:
    """Entropy of the mean of (n, K) assignments; ln K when all clusters are equally large."""
    return _entropy(p.mean(dim=0))


def conditional_entropy(p: Tensor) -> Tensor:
    """Mean entropy of (n, K) assignments; 0 when each patch is wholly in one cluster."""
    return _entropy(p).mean()


def divergence(p: Tensor, q: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence of (n, K) assignments `q` of the augmented view from `p`."""
    return (p * (torch.log(p + EPSILON) - torch.log(q + EPSILON))).sum(dim=1).mean()


def assignment_parts(p: Tensor, q: Tensor) -> dict[str, Tensor]:
    """Return the three parts of the loss that look at assignments alone.

    Parameters
    ----------
    p, q : (n, K) tensors
        Assignments of the patches and of their augmented views.
    """
    return {
        "marginal": marginal_entropy(p),
        "conditional": conditional_entropy(p),
        "consistency": divergence(p, q),
    }


def weighted_loss(parts: Mapping[str, Tensor], settings: FitSettings) -> Tensor:
    """Add up the parts that are there by their weights; the marginal entropy is to grow, hence its minus."""
    weights = {
        "reconstruction": settings.weight_reconstruction,
        "marginal": -settings.weight_marginal,
        "conditional": settings.weight_conditional,
        "consistency": settings.weight_consistency,
    }
    return torch.stack([weights[name] * part for name, part in parts.items()]).sum()


def _entropy(p: Tensor) -> Tensor:
    return -(p * torch.log(p + EPSILON)).sum(dim=-1)
