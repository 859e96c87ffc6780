"""napari's read-out under the mouse, off while a job runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from napari.settings import get_settings

from napari_histoclust.viewer.quiet import QuietStatus


@pytest.fixture(autouse=True)
def settings_file(tmp_path: Path) -> Iterator[Path]:
    """napari's settings, kept in a file of the test's own."""
    settings, path = get_settings(), tmp_path / "settings.yaml"
    before = settings.config_path, settings.appearance.update_status_based_on_layer
    settings.config_path = path
    settings.appearance.update_status_based_on_layer = True
    yield path
    settings.appearance.update_status_based_on_layer = before[1]
    settings.config_path = before[0]


def is_on() -> bool:
    return bool(get_settings().appearance.update_status_based_on_layer)


def test_off_and_on_again() -> None:
    quiet = QuietStatus()
    assert not is_on()
    quiet.end()
    assert is_on()


def test_what_the_user_has_off_stays_off() -> None:
    get_settings().appearance.update_status_based_on_layer = False
    QuietStatus().end()
    assert not is_on()


def test_a_second_end_leaves_the_user_the_word() -> None:
    quiet = QuietStatus()
    quiet.end()
    get_settings().appearance.update_status_based_on_layer = False
    quiet.end()
    assert not is_on()


def test_a_crash_does_not_make_it_lasting(settings_file: Path) -> None:
    """What napari reads at its next start, if it never comes to `end`."""
    QuietStatus()
    written = yaml.safe_load(settings_file.read_text()) or {}
    assert "update_status_based_on_layer" not in written.get("appearance", {})
