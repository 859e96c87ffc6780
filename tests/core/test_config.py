"""Presets, and what a user may put in their place."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from napari_histoclust.core import config
from napari_histoclust.core.config import PRESETS, FitSettings, MapSettings, RunSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.settings import checked


def test_the_paper_preset_holds_the_published_numbers() -> None:
    paper = PRESETS["paper"].settings
    assert (paper.patches, paper.patches * paper.train_share) == (20_000, 15_000)
    assert (paper.patch_px, paper.input_px, paper.clusters) == (128, 64, 14)
    assert (paper.epochs, paper.batch, paper.seed) == (4000, 100, 765)
    assert (paper.optimiser, paper.learning_rate, paper.schedule) == ("adadelta", 0.003, "joint")
    weights = (paper.weight_marginal, paper.weight_conditional, paper.weight_consistency)
    assert weights == (0.10, 0.03, 0.03)
    assert (paper.rotation_deg, paper.shift, paper.scale) == (5.0, 0.05, 0.05)
    assert paper.per_stain_affine
    assert not paper.flips
    assert paper.od_jitter == 0


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_is_consistent(name: str) -> None:
    PRESETS[name].settings.check()
    assert FitSettings.model_validate(PRESETS[name].settings.model_dump()) == PRESETS[name].settings


def test_only_what_the_user_gave_replaces_the_preset() -> None:
    given = FitSettings(clusters=5, seed=765)
    resolved, quick = FitSettings.resolve("quick", given), PRESETS["quick"].settings
    assert resolved.clusters == 5
    assert resolved.epochs == quick.epochs
    assert resolved.model_copy(update={"clusters": quick.clusters}) == quick


def test_the_settings_of_the_whole_job_split_in_two() -> None:
    given = RunSettings(clusters=5, stride_px=7, min_tissue=0.25)
    fit = FitSettings.resolve("quick", given)
    assert type(fit) is FitSettings
    assert (fit.clusters, fit.min_tissue) == (5, 0.25)
    assert given.for_map() == MapSettings(stride_px=7, min_tissue=0.25)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"clusters": 1}, "clusters=1: .*greater than or equal to 2"),
        ({"patch_px": 0}, "patch_px=0"),
        ({"epochs": "many"}, "epochs='many'"),
        ({"colour": "red"}, "colour='red'"),
    ],
)
def test_values_out_of_range_are_named(values: dict[str, object], words: str) -> None:
    with pytest.raises(HistoclustError, match=words):
        checked(FitSettings, values)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (FitSettings(patches=50), "--patches 50: .*fewer than one batch"),
        (FitSettings(patches=200, batch=50, clusters=100), "--clusters 100"),
    ],
)
def test_contradictions_are_refused_before_any_work(given: FitSettings, words: str) -> None:
    with pytest.raises(HistoclustError, match=words):
        FitSettings.resolve("paper", given)


def test_the_mapping_s_settings_come_from_the_preset_too() -> None:
    given = RunSettings(stride_px=7, min_valid=0.5)
    resolved = RunSettings.resolve("quick", given)
    assert resolved.for_map() == MapSettings(stride_px=7, min_valid=0.5)
    assert resolved.epochs == PRESETS["quick"].settings.epochs


def test_each_preset_is_a_choice_of_the_command_line_and_in_its_help() -> None:
    assert get_args(config.Preset) == tuple(PRESETS)
    assert all(f"{name}: {preset.help}" in config.PRESET_HELP for name, preset in PRESETS.items())


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        FitSettings().clusters = 3  # type: ignore[misc]
