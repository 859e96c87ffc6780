"""Look at several aligned stains of one tissue at once and let the tissue sort itself.

>>> import napari_histoclust as hc
>>> stack = hc.open_stack("slides/")
>>> model = hc.fit(stack, preset="robust", clusters=14, progress=print)
>>> run = hc.map(stack, model, out="run")
>>> adata = run.to_anndata()
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from napari_histoclust.environment import prepare

prepare()  # before numba is imported, which reads its settings once

# Loaded when first asked for: torch alone takes seconds, and napari imports this package at its start.
_MODULES = {
    "open_stack": "napari_histoclust.core.slides.stack",
    "open_run": "napari_histoclust.core.run.reader",
    "load_model": "napari_histoclust.core.model.bundle",
    "save_model": "napari_histoclust.core.model.bundle",
    "fit": "napari_histoclust.api",
    "map": "napari_histoclust.api",
    "run": "napari_histoclust.api",
    "HistoclustError": "napari_histoclust.core.errors",
}

__all__ = [
    "HistoclustError",
    "__version__",
    "fit",
    "load_model",
    "map",
    "open_run",
    "open_stack",
    "run",
    "save_model",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def _version() -> str:
    """Return the version that was installed, made from the git tag; "0" where nothing was installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("napari-histoclust")
    except PackageNotFoundError:
        return "0"
