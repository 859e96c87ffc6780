"""The first look at a file whose decoder is a C library, in a process that may die of it.

Only files that openslide reads are looked at like this: a child that opens the slide and decodes the middle
of each level costs about a fifth of a second, once a file.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from napari_histoclust.core.errors import HistoclustError

SECONDS = 20
_BYTES = 4 * 2**30
# The child knows nothing of this package, so that it starts at once.
_LOOK = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
except (ImportError, ValueError, OSError):
    pass
import openslide
try:
    with openslide.OpenSlide(sys.argv[1]) as slide:
        for level, (width, height) in enumerate(slide.level_dimensions):
            step = slide.level_downsamples[level]
            place = int(width / 2 * step), int(height / 2 * step)
            slide.read_region(place, level, (min(width, 64), min(height, 64)))
except (openslide.OpenSlideError, OSError, MemoryError, ValueError) as error:
    print(str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__)
    sys.exit(3)
"""

_passed: set[tuple[str, int, int]] = set()
_lock = threading.Lock()


def first_contact(path: Path, file: Path) -> None:
    """Open `file` in another process, and remember that it went well.

    Parameters
    ----------
    path : Path
        What the user gave, for the sentence.
    file : Path
        The file to open.

    Raises
    ------
    HistoclustError
        If it cannot be opened, takes too long or brings its decoder down.
    """
    stat = file.stat()
    key = str(file.resolve()), stat.st_size, stat.st_mtime_ns
    with _lock:
        if key in _passed:
            return
    fault = _fault(file)
    if fault:
        raise HistoclustError(
            f"{path}: is not a slide that can be read ({fault.rstrip('.')}): the file is damaged or parts of "
            "it are missing, copy or export it again."
        )
    with _lock:
        _passed.add(key)


def _fault(file: Path) -> str:
    command = [sys.executable, "-W", "ignore", "-c", _LOOK, str(file), str(_BYTES)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"its decoder did not come to an end in {SECONDS} s"
    except OSError:
        return ""  # no other process can be started here: openslide itself must do
    if done.returncode == 0:
        return ""
    said = "".join(filter(str.isprintable, done.stdout.strip()))
    return said if done.returncode == 3 and said else "it brings its decoder down"
