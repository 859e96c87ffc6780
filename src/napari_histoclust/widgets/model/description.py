"""A model in words. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from napari_histoclust.session.forms.quantities import scale_in_words, side_in_words

if TYPE_CHECKING:
    from napari_histoclust.core.model.bundle import ModelSpec


def model_lines(spec: ModelSpec) -> Mapping[str, str]:
    """Return what there is to know of a model, caption and text, in the order of importance."""
    files = len(spec.trained_on)
    source = spec.source if not files else f"{files} image{'s' if files > 1 else ''}"
    return {
        "Stains": ", ".join(spec.stains),
        "Clusters": str(spec.clusters),
        "Patch": side_in_words(spec.patch_px, spec.um_per_px),
        "Scale": scale_in_words(spec.um_per_px),
        "Trained on": source,
        "Epochs": f"{_epochs(spec):,}",
        "Made": spec.created.replace("T", " ")[:16],
    }


def _epochs(spec: ModelSpec) -> int:
    return int(spec.history[-1]["epoch"]) if spec.history else spec.settings.epochs
