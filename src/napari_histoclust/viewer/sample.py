"""Sample data: a made-up five-stain slide, written once into the user's cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from napari_histoclust import __version__
from napari_histoclust.core.jobs import Job, drive
from napari_histoclust.viewer.notices import ActivityBar
from napari_histoclust.viewer.reading import read_layers

if TYPE_CHECKING:
    from pathlib import Path

    from napari_histoclust.viewer.layers import LayerData

SIZE_PX = 2048  # 1 mm; two cores write it in 4 s
SEED = 1


def five_stain_phantom() -> list[LayerData]:
    """Return the stains of a phantom of 2,048 px.

    The first call writes it while napari waits: `Viewer.open_sample` takes no sample that comes later.

    Raises
    ------
    HistoclustError
        If the cache cannot be written.
    """
    bar = ActivityBar("Five-stain phantom")
    try:
        return read_layers(drive(phantom_folder(), bar.show))
    finally:
        bar.close()


def phantom_folder() -> Job[Path]:
    """Return the phantom in the user's cache, written now if this version has not written it before.

    Raises
    ------
    HistoclustError
        If the cache cannot be written.
    """
    folder = user_cache_path("napari-histoclust", appauthor=False) / f"phantom-{SIZE_PX}-{SEED}-{__version__}"
    if not folder.is_dir():
        from napari_histoclust.core.phantom import write_phantom

        yield from write_phantom(folder, size_px=SIZE_PX, seed=SEED)
    return folder
