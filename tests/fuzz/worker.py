"""Opens slides that may be broken, one a line of its input, and says what came of each.

Its address space may grow by 1 GiB beyond what the imports take, and no more.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
import warnings
from pathlib import Path

LIMIT_BYTES = 2**30
WINDOW_PX = 300


def _grown(limit: int) -> None:
    """Allow `limit` bytes more than what is mapped now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + limit
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def try_to_read(path: Path) -> tuple[str, str]:
    """Open a slide, read its corners and its middle; return "read", "holes" or "refused", and why."""
    from napari_histoclust.core.errors import HistoclustError
    from napari_histoclust.core.slides.registry import open_pictures

    said: tuple[str, ...] = ()
    try:
        for slide in open_pictures(path):
            for level, (height, width) in enumerate(slide.shapes):
                for share in (0, 0.5, 1):
                    y = int(share * max(0, height - WINDOW_PX))
                    x = int(share * max(0, width - WINDOW_PX))
                    window = slide.read(level, y, x, min(height, WINDOW_PX), min(width, WINDOW_PX))
                    assert window.dtype == "u1"
            said += tuple(slide.hole_warnings())
    except HistoclustError as error:
        sentence, cause = str(error), repr(error.__cause__)
        if "\n" in sentence or str(path) not in sentence:
            return "raised", f"no sentence that names the file: {sentence}"
        return "refused", f"{sentence} {cause if 'Memory' in cause else ''}"
    return ("holes" if said else "read"), " ".join(said)


def _say(what: str, why: str, seconds: float) -> None:
    sys.stdout.write(json.dumps([what, why, seconds]) + "\n")
    sys.stdout.flush()


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    try_to_read(Path(sys.argv[1]))  # all imports are made once
    for warm in sys.argv[2:]:
        try_to_read(Path(warm))
    _grown(LIMIT_BYTES)
    _say("ready", "", 0.0)
    for line in sys.stdin:
        start = time.process_time()
        try:
            what, why = try_to_read(Path(line.rstrip("\n")))
        except BaseException as error:  # noqa: BLE001 - whatever comes through is what is looked for
            what, why = "raised", f"{type(error).__name__}: {error}"
        _say(what, why, time.process_time() - start)


if __name__ == "__main__":
    main()
