"""What the program needs of the machine: told at the door and by `doctor`, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_histoclust import environment


def python(code: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process whose environment is changed; None takes a variable away."""
    changed = {**os.environ, **variables}
    kept = {name: value for name, value in changed.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        encoding=variables.get("PYTHONIOENCODING") or "utf-8",
        env=kept,
        check=False,
        timeout=120,
    )


COMPILE = "import napari_histoclust, numba; print(numba.config.CACHE_DIR)"


@pytest.mark.skipif(sys.platform == "win32", reason="caches lie elsewhere on Windows")
def test_numba_gets_a_cache_where_none_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder can be made below")
    nowhere = str(tmp_path / "file" / "below")
    done = python(COMPILE, HOME=nowhere, XDG_CACHE_HOME=nowhere, NUMBA_CACHE_DIR=None)
    assert done.returncode == 0, done.stderr
    folder = done.stdout.strip()
    assert "histoclust-numba-" in folder
    assert not Path(folder).exists()  # it goes with the process: nobody else is to put anything there


def test_a_cache_that_is_stated_or_can_be_written_stays(tmp_path: Path) -> None:
    assert python(COMPILE, NUMBA_CACHE_DIR=str(tmp_path)).stdout.strip() == str(tmp_path)
    assert python(COMPILE, NUMBA_CACHE_DIR=None, XDG_CACHE_HOME=str(tmp_path)).stdout.strip() == ""


OPEN = "import sys; from napari_histoclust.cli import run; sys.exit(run(['open', sys.argv[1]]))"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a screen")
@pytest.mark.parametrize("display", [None, "", ":987"])
def test_a_window_without_a_screen_is_refused_in_a_sentence(display: str | None) -> None:
    code = OPEN.replace("sys.argv[1]", "'nowhere'")
    done = python(code, DISPLAY=display, WAYLAND_DISPLAY=None, QT_QPA_PLATFORM=None)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "screen" in line
    assert "xvfb-run" in line


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a screen")
def test_platforms_without_a_screen_need_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert environment.missing_display() == ""
    monkeypatch.delenv("QT_QPA_PLATFORM")
    assert "neither" in environment.missing_display()


SAY = """
import sys
from napari_histoclust.cli.console import complain, print_json, say
from napari_histoclust.environment import speak_any_language
speak_any_language()
say("Größe β 染色"); complain("β 染色"); print_json({"name": "β 染色"})
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_every_letter_can_be_said(encoding: str) -> None:
    done = python(SAY, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    said, *document = done.stdout.splitlines()
    assert said == {"ascii": "Gr??e ? ??", "latin-1": "Größe ? ??", "utf-8": "Größe β 染色"}[encoding]
    assert json.loads("\n".join(document)) == {"name": "β 染色"}


FILES = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 900))
import napari_histoclust
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_as_many_files_may_be_open_as_the_user_may_have() -> None:
    assert python(FILES).stdout.strip() == "900"


MANY = """
import resource, sys
import napari_histoclust as hc
resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
kept = []
try:
    while True:
        kept.append(hc.open_stack(sys.argv[1]))
except hc.HistoclustError as error:
    print(len(kept), error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_too_many_open_files_are_said(tmp_path: Path) -> None:
    import numpy as np
    import tifffile

    tifffile.imwrite(tmp_path / "HE.tif", np.full((64, 64, 3), 200, np.uint8), photometric="rgb")
    said = python(MANY.replace("sys.argv[1]", repr(str(tmp_path)))).stdout
    assert "too many files are open" in said
    assert int(said.split()[0]) > 10
