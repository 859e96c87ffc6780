"""Which cluster a place in the metric belongs to, and how surely.

The same numbers come out wherever they are asked for: a mapping asks for a few patches at a time, a change of
K for all at once, without PyTorch. Sums run over clusters and axes one by one, so that a patch's numbers do
not depend, by a single bit, on its neighbours in an array. n patches, d axes, K clusters.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.model.confidence import Confidence

Float32 = NDArray[np.float32]

_LEAST = np.float32(1e-8)  # added before the logarithm of a probability


class Scores(NamedTuple):
    """What is stored of each patch.

    Attributes
    ----------
    labels : (n,) int16
        The most probable cluster, 1..K.
    confidence : (n,) float32
        Its probability.
    entropy : (n,) float32
        Entropy of the probabilities, natural logarithm.
    """

    labels: NDArray[np.int16]
    confidence: Float32
    entropy: Float32


def probabilities_of(places: Float32, centres: Float32, confidence: Confidence) -> Float32:
    """Return the (n, K) probabilities of the clusters; each row sums to 1.

    The noise is the unit matrix in the metric: as `Confidence.probabilities`, in 32 bits.

    Parameters
    ----------
    places : (n, d) float32
    centres : (K, d) float32
    confidence : Confidence
    """
    p = np.zeros((len(centres), len(places)), np.float32)
    for axis in range(places.shape[1]):
        difference = np.ascontiguousarray(places[:, axis]) - centres[:, axis, None]
        difference *= difference
        p += difference
    p *= np.float32(-0.5 / confidence.temperature)
    p -= p.max(axis=0)
    np.exp(p, out=p)
    p /= _sum(p)
    p *= np.float32(1 - confidence.lapse)
    p += np.float32(confidence.lapse / len(p))
    return p.T


def scores_of(probabilities: Float32) -> Scores:
    """Return labels, confidence and entropy of (n, K) probabilities."""
    p = np.ascontiguousarray(probabilities.T)
    labels = (p.argmax(axis=0) + 1).astype(np.int16)
    return Scores(labels, p.max(axis=0), _entropy(p))


def _entropy(p: Float32) -> Float32:
    return -_sum(p * np.log(p + _LEAST))


def _sum(rows: Float32) -> Float32:
    """Add (K, n) rows in their order, which numpy's own sum does not promise."""
    total: Float32 = rows[0].copy()
    for row in rows[1:]:
        total += row
    return total
