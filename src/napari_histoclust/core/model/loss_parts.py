"""The parts of the training loss in words, as figures and the live curve call them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

HELD_OUT = "held_out_"
"""What stands before the name of a part where it was measured on patches that do not train."""

PARTS: Mapping[str, str] = MappingProxyType(
    {
        "loss": "Loss",
        "reconstruction": "Reconstruction\n(mean square error)",
        "marginal": "Entropy of the mean\nassignment (nat)",
        "conditional": "Mean entropy of the\nassignments (nat)",
        "consistency": "Divergence between\ntwo views (nat)",
        "invariance": "Mean square difference\nbetween neighbours",
        "spread": "Lack of spread\nof the numbers",
        "covariance": "Covariance\nof the numbers",
    }
)
