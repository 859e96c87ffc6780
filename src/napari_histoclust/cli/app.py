"""The application: which commands there are, and what an error becomes."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from napari_histoclust import __version__
from napari_histoclust.cli.console import complain
from napari_histoclust.core.errors import HistoclustError, flag_of
from napari_histoclust.environment import speak_any_language

USER_CAN_FIX = 2
INTERRUPTED = 130

Quiet = Annotated[bool, Parameter(name="--quiet", negative=(), help="Show no progress.")]
Json = Annotated[
    bool, Parameter(name="--json", negative=(), help="Print one JSON document on standard output.")
]

app = App(
    name="napari-histoclust",
    help="Several aligned stains of one tissue, sorted into clusters by the tissue itself.",
    version=__version__,
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,  # cyclopts would leave without a word
)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    Returns
    -------
    int
        0 done; 2 something the user can fix, said in one line on standard error; 130 interrupted.
    """
    speak_any_language()
    for module in ("training", "analysis", "system", "caches"):  # each adds its commands to `app`
        import_module(f"napari_histoclust.cli.{module}")
    _silence_libraries()
    try:
        app(list(arguments), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        complain(_sentence(error))
        return USER_CAN_FIX
    except HistoclustError as error:
        complain(str(error))
        return USER_CAN_FIX
    except OSError as error:
        # what no step has put into words of its own: a disk that goes, a file that may not be read
        where = f"{error.filename}: " if error.filename else ""
        complain(f"{where}{error.strerror or error}: check the disk, its free space and your permissions.")
        return USER_CAN_FIX
    except MemoryError:
        complain("The memory does not suffice: close other programs, or take a smaller --cache-mib.")
        return USER_CAN_FIX
    except KeyboardInterrupt:
        complain("Interrupted: the same command goes on where it stopped.")
        return INTERRUPTED
    return 0


def _silence_libraries() -> None:
    """Keep standard error for our one sentence; -W and PYTHONWARNINGS bring the warnings back."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def _sentence(error: CycloptsError) -> str:
    """One line from a fault in the options; pydantic's own text has several and a web address."""
    from pydantic import ValidationError

    cause = error.__cause__
    if isinstance(cause, ValidationError):
        first: Any = cause.errors()[0]
        option = flag_of("-".join(str(part) for part in first["loc"]))
        return f"{option} {first['input']}: {first['msg'].lower()}; see --help."
    return f"{str(error).rstrip('.')}; see napari-histoclust --help."
