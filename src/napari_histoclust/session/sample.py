"""The sample slide: five made-up stains, written once into the user's cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from napari_histoclust import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from napari_histoclust.core.jobs import Job

SIZE_PX = 2048  # 1 mm; two cores write it in 4 s
SEED = 1


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
