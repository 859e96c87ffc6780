"""Fixtures of the whole suite."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

_SHARED = "HISTOCLUST_SHARED_DATA"
PATIENCE_MS = 60_000


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real slides, weights and oracles; tests that need it skip aloud where it is not."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get(_SHARED, default))
    if not folder.is_dir():
        pytest.skip(f"real data is not here: set {_SHARED} to its folder")
    return folder


@pytest.fixture(autouse=True, scope="session")
def _records_of_the_tests_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the tests write is not noted in the state folder, or kept in the cache, of whoever runs them."""
    os.environ["HISTOCLUST_STATE"] = str(tmp_path_factory.mktemp("state"))
    os.environ["HISTOCLUST_FEATURES"] = str(tmp_path_factory.mktemp("features"))


class PatientQtBot(QtBot):
    """Waits long for what must come: a busy machine is slow, not wrong."""

    waitActive = partialmethod(QtBot.waitActive, timeout=PATIENCE_MS)  # noqa: N815  # Qt's names
    waitExposed = partialmethod(QtBot.waitExposed, timeout=PATIENCE_MS)  # noqa: N815
    waitSignal = partialmethod(QtBot.waitSignal, timeout=PATIENCE_MS)  # noqa: N815
    waitUntil = partialmethod(QtBot.waitUntil, timeout=PATIENCE_MS)  # noqa: N815


@pytest.fixture
def qtbot(qapp: Any, request: pytest.FixtureRequest) -> QtBot:
    """The qtbot of pytest-qt with patience."""
    return PatientQtBot(request)


def pytest_configure() -> None:
    """Where pytest-xvfb can make no screen, windows are made but not drawn."""
    if sys.platform.startswith("linux") and "DISPLAY" not in os.environ and shutil.which("Xvfb") is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs an NVIDIA GPU where there is none."""
    _skip_without_cuda([item for item in items if item.get_closest_marker("cuda")])


def _skip_without_cuda(marked: list[pytest.Item]) -> None:
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no NVIDIA GPU here"))


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Small networks gain nothing from threads that wait for each other on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
