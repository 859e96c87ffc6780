"""Where the eye was and what was chosen: RUN/session/view.json and selection.npy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from napari_histoclust.core.atomic import atomic_file, read_json, write_json
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.reading import load_npy
from napari_histoclust.core.settings import Settings
from napari_histoclust.session.session import CLUSTER

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

_VIEW, _SELECTION = "session/view.json", "session/selection.npy"


class ViewState(Settings):
    """What is seen of a run. The camera is in world units (um, or level-0 px without a scale), y first."""

    format: Literal[1] = 1
    fingerprint: str = ""
    slide: int = 0
    stain: str = ""
    blended: str = ""
    share: float = 0.0
    colour_by: str = CLUSTER
    focus: int | None = None
    overlay_opacity: float = 0.5
    overlay_visible: bool = True
    centre: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0


def save_view(folder: Path, view: ViewState, selection: NDArray[np.bool_]) -> None:
    """Write the view and the (n,) chosen patches into a run folder, each file whole or not at all."""
    with atomic_file(folder / _SELECTION, own=True) as partial:
        np.save(partial, np.packbits(selection))
    write_json(folder / _VIEW, view.model_dump(mode="json"))


def load_view(run: Run) -> ViewState | None:
    """Return the view of a run, None where none was saved or the folder has been mapped anew since.

    Raises
    ------
    HistoclustError
        If the file is damaged.
    """
    file = run.path / _VIEW
    if not file.is_file():
        return None
    try:
        view = ViewState.model_validate(read_json(file))
    except ValidationError as error:
        raise HistoclustError(f"{file}: is damaged, delete it to open the run without its view.") from error
    return view if view.fingerprint == run.manifest.fingerprint else None


def load_selection(run: Run) -> NDArray[np.bool_]:
    """Return the (n,) patches that were chosen when the run was saved; none where that is not known.

    Raises
    ------
    HistoclustError
        If the file is damaged.
    """
    file = run.path / _SELECTION
    if not file.exists():
        return np.zeros(len(run), bool)
    try:
        bits = load_npy(file)
    except HistoclustError as error:
        raise HistoclustError(
            f"{file}: is damaged, delete it to open the run without its selection."
        ) from error
    if bits.dtype != np.uint8 or bits.shape != (-(-len(run) // 8),):
        return np.zeros(len(run), bool)  # of another mapping
    return np.unpackbits(bits, count=len(run)).view(bool)
