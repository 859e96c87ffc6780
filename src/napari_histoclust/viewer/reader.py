"""The npe2 reader. It claims what is ours and leaves every other folder and file to the rest of napari."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_histoclust.viewer.layers import LayerData

    Paths = str | Sequence[str]

_MAX_ENTRIES = 2000  # listing a folder this long takes 3 ms; a folder of slides holds fewer


def get_reader(path: Paths) -> Callable[[Paths], list[LayerData]] | None:
    """Return the reader where `path` is a run folder, a stack.yaml or a folder of stains, else None.

    Looks at names and at most one small file; no image is opened.
    """
    single = _single(path)
    return read if single is not None and _is_ours(single) else None


def read(path: Paths) -> list[LayerData]:
    """Return the layers of a path that `get_reader` claimed.

    Raises
    ------
    HistoclustError
        If it cannot be opened after all; napari shows the sentence.
    """
    from napari_histoclust.viewer.reading import read_layers

    single = _single(path)
    if single is None:
        raise ValueError(f"one path at a time, not {len(path)}")
    return read_layers(single)


def _single(path: Paths) -> Path | None:
    """Return the one path; several files are to be stacked, which is not ours."""
    if isinstance(path, str):
        return Path(path)
    return Path(path[0]) if len(path) == 1 else None


def _is_ours(path: Path) -> bool:
    from napari_histoclust.viewer.reading import run_folder

    if path.is_file():
        return path.name.lower().endswith(("stack.yaml", "stack.yml"))
    return path.is_dir() and (run_folder(path) is not None or _is_stack_folder(path))


def _is_stack_folder(folder: Path) -> bool:
    """Whether the folder holds a stack.yaml, or images of at least two stains that we know by name."""
    from napari_histoclust.core.slides.formats.ome_zarr import is_zarr
    from napari_histoclust.core.slides.listing import DESCRIPTIONS
    from napari_histoclust.core.slides.names import is_no_stain, recognise_stain, stem
    from napari_histoclust.core.slides.registry import is_image

    if is_zarr(folder):
        return False
    entries = list(islice(folder.iterdir(), _MAX_ENTRIES))
    if any(entry.name.lower() in DESCRIPTIONS for entry in entries):
        return True
    names = [stem(entry) for entry in entries if is_image(entry)]
    return len({recognise_stain(name) for name in names if not is_no_stain(name)} - {None}) >= 2
