"""`napari-histoclust open` as a process of its own: keys go in at the keyboard, px come out on the screen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from core.models import write_model
from core.runs import STAINS, make_run
from viewer.pyramids import plain, write_stack
from widgets.hands import needs_hands, screen, windows_called, xdotool

pytestmark = [pytest.mark.gui, pytest.mark.pixels, pytest.mark.slow, needs_hands]

COLOURS = {"HE": (200, 60, 120), "CD31": (40, 160, 60), "MT": (50, 80, 200)}
TITLE = "seen run - napari-histoclust"
MANY_PX = 5_000
QUIET = "application:\n  confirm_close_window: false\n  first_time: false\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    stack = write_stack(tmp_path / "block", {stain: plain(400, 500, rgb) for stain, rgb in COLOURS.items()})
    made = make_run(tmp_path / "seen run", paths=[stack])
    write_model(made.path / "model", STAINS)
    return made.path


def px_of(stain: str) -> int:
    """How many px of the screen have the colour of a stain that nothing covers."""
    return int((np.abs(screen().astype(int) - COLOURS[stain]).max(axis=-1) <= 3).sum())


@contextmanager
def opened(run: Path, config: Path) -> Iterator[subprocess.Popen[str]]:
    (config / "settings.yaml").write_text(QUIET)
    process = subprocess.Popen(
        [sys.executable, "-m", "napari_histoclust", "open", str(run)],
        env=os.environ | {"NAPARI_CONFIG": str(config / "settings.yaml")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_digits_change_what_is_on_the_screen(run: Path, tmp_path: Path, qtbot: QtBot) -> None:
    with opened(run, tmp_path) as process:
        qtbot.waitUntil(lambda: bool(windows_called(TITLE)))
        (window,) = windows_called(TITLE)
        qtbot.waitUntil(lambda: px_of("HE") > MANY_PX)
        xdotool("windowfocus", "--sync", window)
        for key, stain in {"2": "CD31", "3": "MT", "1": "HE"}.items():
            before = px_of(stain)  # what the gallery shows of it
            xdotool("key", "9", "key", key)  # there is no ninth stain
            qtbot.waitUntil(lambda stain=stain, before=before: px_of(stain) > before + MANY_PX)
        xdotool("key", "ctrl+q")
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in output + errors
    assert "Error" not in output + errors
