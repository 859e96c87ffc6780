"""The sample slide in napari's File menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_histoclust.core.jobs import drive
from napari_histoclust.session.sample import phantom_folder
from napari_histoclust.viewer.notices import ActivityBar
from napari_histoclust.viewer.reading import read_layers

if TYPE_CHECKING:
    from napari_histoclust.viewer.layers import LayerData


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
