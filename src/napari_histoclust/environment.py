"""What the program needs of the machine around it, looked at before the first work and told by `doctor`.

Imported by the package itself, so that it holds for the command line, for Python and inside napari; nothing
heavy is imported here.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

_NUMBA_CACHE = "NUMBA_CACHE_DIR"
# Platforms on which Qt needs no display server.
_WITHOUT_DISPLAY = ("offscreen", "minimal", "vnc", "eglfs", "linuxfb", "vkkhrdisplay")
_NO_DISPLAY = (
    "use `ssh -X`, `xvfb-run`, or a desktop session; everything but the window works without a screen"
)
WANTED_FILES = 16_384
_OPEN_MAX = 10_240  # what macOS gives where it states no limit


def prepare() -> None:
    """Give numba a cache that can be written, and the process as many open files as it may have."""
    _give_numba_a_cache()
    raise_file_limit()


def _give_numba_a_cache() -> None:
    """Numba gives up where neither the package nor the user's cache can be written: so in containers."""
    if os.environ.get(_NUMBA_CACHE) or _can_be_made(_users_cache() / "numba"):
        return
    # a folder of one's own: numba unpickles what lies in its cache
    with suppress(OSError):
        folder = tempfile.mkdtemp(prefix="histoclust-numba-")
        os.environ[_NUMBA_CACHE] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


def numba_cache() -> tuple[bool, str]:
    """Return whether numba finds a place to keep what it has compiled, and which."""
    stated = os.environ.get(_NUMBA_CACHE)
    folder = Path(stated) if stated else _users_cache() / "numba"
    return _can_be_made(folder), str(folder)


def _users_cache() -> Path:
    """Folder of the user's caches as numba takes it."""
    with suppress(RuntimeError):  # nobody's home can be told
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches"
        if os.name == "nt":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.sep) / "nonexistent"


def _can_be_made(folder: Path) -> bool:
    try:
        while not folder.exists():
            if folder == folder.parent:
                return False
            folder = folder.parent
        return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        return False


def raise_file_limit() -> int:
    """Raise the number of files that may be open as far as the user may, and return it; 0 if unknown.

    A stack keeps a file a stain open, and the usual limits are 1024 on Linux and 256 on macOS.
    """
    try:
        import resource
    except ImportError:  # Windows
        return 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return WANTED_FILES
    for wanted in (WANTED_FILES, _OPEN_MAX):
        most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        if soft >= most:
            return soft
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return most
    return soft


def missing_display() -> str:
    """Return what is missing for a window and what to do, empty where there is a display.

    Qt ends the whole process where it finds none, so that it is asked for beforehand.
    """
    platform = os.environ.get("QT_QPA_PLATFORM", "").split(":")[0]
    if not sys.platform.startswith("linux") or platform in _WITHOUT_DISPLAY:
        return ""
    display, wayland = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if not display and not wayland:
        return f"there is no screen (neither DISPLAY nor WAYLAND_DISPLAY is set): {_NO_DISPLAY}"
    if display and not wayland and not _answers():
        return f"the screen {display} does not answer: {_NO_DISPLAY}"
    return ""


def _answers() -> bool:
    """Whether the X server of DISPLAY takes a connection; True where that cannot be asked."""
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        return True
    x11.XOpenDisplay.restype = ctypes.c_void_p
    opened = x11.XOpenDisplay(None)
    if not opened:
        return False
    x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    x11.XCloseDisplay(opened)
    return True


def speak_any_language() -> None:
    """Let standard output and error take every letter, also where they are not UTF-8: others become "?"."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            with suppress(OSError, ValueError):
                stream.reconfigure(errors="replace")


def is_utf8(encoding: str | None) -> bool:
    """Whether an encoding has every letter."""
    return (encoding or "").lower().replace("-", "").replace("_", "") in ("utf8", "utf16", "utf32", "cp65001")
