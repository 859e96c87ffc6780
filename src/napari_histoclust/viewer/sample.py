"""Sample data: a made-up five-stain slide, written once into the user's cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils import progress as napari_progress
from platformdirs import user_cache_path

from napari_histoclust import __version__
from napari_histoclust.core.atomic import atomic_path
from napari_histoclust.core.jobs import drive
from napari_histoclust.viewer.reading import read_layers

if TYPE_CHECKING:
    from pathlib import Path

    from napari_histoclust.viewer.layers import LayerData

SIZE_PX = 2048
SEED = 1


def five_stain_phantom() -> list[LayerData]:
    """Return the stains of a phantom of 2,048 px; the first call writes it.

    Raises
    ------
    HistoclustError
        If the cache cannot be written.
    """
    return read_layers(phantom_folder())


def phantom_folder() -> Path:
    """Return the folder of the phantom in the user's cache; it is written if this version never did."""
    folder = user_cache_path("napari-histoclust", appauthor=False) / f"phantom-{SIZE_PX}-{SEED}-{__version__}"
    if not folder.is_dir():
        from napari_histoclust.core.phantom import write_phantom

        with (
            atomic_path(folder) as partial,
            napari_progress(desc="Five-stain phantom", total=0),
        ):
            drive(write_phantom(partial, size_px=SIZE_PX, seed=SEED))
    return folder
