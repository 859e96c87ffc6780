"""Of two jobs of one identity the second resumes the first: what decides, and what does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from napari_histoclust.core.config import PRESETS, FitSettings, MapSettings, RunSettings
from napari_histoclust.core.model.devices import choose_device, choose_precision
from napari_histoclust.core.model.identity import checksum_of_pixels, settings_identity, slide_identity
from napari_histoclust.core.settings import ComputeSettings

FREE = {"device": "cpu", "cache_mib": 300, "allow_missing": True, "card": False}
OTHER: dict[str, Any] = {
    "patch_px": 77, "stride_px": 9, "patches": 4321, "train_share": 0.6, "clusters": 5, "epochs": 3,
    "batch": 7, "seed": 1, "schedule": "staged", "optimiser": "sgd", "learning_rate": 0.5, "cool_down": None,
    "input_px": 96, "weight_reconstruction": 2.0, "weight_marginal": 2.0, "weight_conditional": 2.0,
    "weight_consistency": 2.0, "rotation_deg": 7.0, "shift": 0.2, "surround": 0.25, "scale": 0.2,
    "per_stain_affine": None, "flips": None, "od_jitter": 0.2, "min_tissue": 0.1, "min_valid": 0.1,
    "method": "neighbours", "encoder": "statistics", "encoders": 3,
    "metric_axes": 5, "od_offset": 0.1, "stain_dropout": 0.1,
}  # fmt: skip
"""Another value of each setting that decides; None for the opposite. A new setting is put here or in FREE."""


@pytest.mark.parametrize("cls", [FitSettings, MapSettings, RunSettings])
def test_every_setting_is_one_that_decides_or_one_that_does_not(cls: type[ComputeSettings]) -> None:
    settings, identity = cls(), settings_identity(cls())
    for name in set(cls.model_fields) - {"precision"}:
        assert name in FREE or name in OTHER, f"{name}: does it decide the result? Put it in OTHER or FREE"
        value = FREE[name] if name in FREE else OTHER[name]
        value = not getattr(settings, name) if value is None else value
        changed = settings_identity(settings.model_copy(update={name: value}))
        assert (changed == identity) == (name in FREE), name


def test_a_precision_counts_where_it_is_not_what_this_processor_takes_anyway() -> None:
    settings = FitSettings(device="cpu")
    taken = str(choose_precision(settings, choose_device(settings))).removeprefix("torch.")
    for precision in ("float32", "bfloat16"):
        asked = FitSettings.model_validate({"device": "cpu", "precision": precision})
        assert (settings_identity(asked) == settings_identity(settings)) == (precision == taken)


def test_settings_that_are_free_leave_the_rest() -> None:
    quick = PRESETS["quick"].settings
    assert settings_identity(quick, "epochs") == settings_identity(
        quick.model_copy(update={"epochs": 1}), "epochs"
    )


def test_a_slide_is_known_by_size_content_and_placement_wherever_it_lies() -> None:
    line = {"stain": "HE", "path": "/a", "size": 3, "mtime": 1.0, "reader": "tiff"}
    line |= {"content_sha256": "x", "placement": ""}
    assert slide_identity([line]) == slide_identity([{**line, "path": "/b", "mtime": 2.0}])
    for other in ({"stain": "CD31"}, {"size": 4}, {"content_sha256": "y"}, {"placement": "z"}):
        assert slide_identity([line]) != slide_identity([{**line, **other}])


def test_pixels_are_known_by_values_and_shape_not_storage() -> None:
    pixels = torch.arange(2 * 3 * 4 * 4, dtype=torch.uint8).view(2, 3, 4, 4)
    same = pixels.to(memory_format=torch.channels_last)
    changed = pixels.clone()
    changed[1, 2, 3, 3] += 1
    of_pixels = checksum_of_pixels(pixels.numpy())
    assert of_pixels == checksum_of_pixels(same.numpy())
    others = [checksum_of_pixels(other.numpy()) for other in (changed, pixels.view(2, 3, 2, 8))]
    assert len({of_pixels, *others}) == 3
    assert checksum_of_pixels(np.repeat(pixels.numpy(), 200, axis=0)) != of_pixels
