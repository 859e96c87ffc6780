"""Several stains of one piece of tissue, in one frame of pixels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.reading import check_name, unreadable
from napari_histoclust.core.slides.fingerprint import placement_of, sampled_sha256
from napari_histoclust.core.slides.folder import stains_in_file, stains_in_folder
from napari_histoclust.core.slides.formats.ome_zarr import is_zarr
from napari_histoclust.core.slides.levels import common_levels
from napari_histoclust.core.slides.listing import description_in
from napari_histoclust.core.slides.names import in_order
from napari_histoclust.core.slides.placed.position import placed_by_coordinates
from napari_histoclust.core.slides.protocol import Slide, StackContents, UInt8
from napari_histoclust.core.slides.stack_yaml import stains_in_yaml

if TYPE_CHECKING:
    import dask.array as da

HEADER_BYTES = 64 * 1024
_METADATA = ("zarr.json", ".zattrs", ".zgroup")


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads that decode single stains; their tasks wait for no other task, so the pool cannot lock up."""
    return ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="stain")


@dataclass(frozen=True, eq=False)
class Stack:
    """Aligned stains of one piece of tissue.

    Parameters
    ----------
    name : str
        Name of the stack.
    path : Path
        The folder or file that was opened.
    stains : tuple of str
        Canonical names: HE, CD31, CK19, Ki67, MT first as far as present, the others by alphabet.
    reference : str
        Stain whose level-0 px are the frame of everything.
    shapes : tuple of (int, int)
        Height and width in px of the levels that all stains have, level 0 first.
    downsamples : tuple of float
        Level-0 px per px of each level.
    um_per_px : float or None
        Physical size of a level-0 px, None where it is unknown.
    warnings : tuple of str
        What the user should know, one sentence each.
    slides : Mapping[str, Slide]
        The slide of each stain.
    slide_levels : Mapping[str, tuple of int]
        For each stain, the slide's own level that stands for each level of the stack.
    """

    name: str
    path: Path
    stains: tuple[str, ...]
    reference: str
    shapes: tuple[tuple[int, int], ...]
    downsamples: tuple[float, ...]
    um_per_px: float | None
    warnings: tuple[str, ...]
    slides: Mapping[str, Slide]
    slide_levels: Mapping[str, tuple[int, ...]]

    def read(self, level: int, y: int, x: int, height: int, width: int, stains: Sequence[str]) -> UInt8:
        """Read one window of several stains, each in its own thread; white outside the picture.

        Parameters
        ----------
        level : int
            Level of the stack.
        y, x, height, width : int
            Window in px of `level`.
        stains : sequence of str
            Stains wanted, in the order wanted.

        Returns
        -------
        (len(stains), height, width, 3) uint8 array

        Raises
        ------
        HistoclustError
            If a file cannot be decoded there.
        """
        out = np.empty((len(stains), height, width, 3), np.uint8)

        def fill(index: int) -> None:
            stain = stains[index]
            own = self.slide_levels[stain][level]
            self.slides[stain].read(own, y, x, height, width, out[index])

        if len(stains) == 1:
            fill(0)
        else:
            list(_threads().map(fill, range(len(stains))))
        return out

    def dask_levels(self, stain: str) -> list[da.Array]:
        """Return the levels of one stain as lazy (y, x, 3) uint8 arrays, as the file holds them."""
        self.require([stain])
        return self.slides[stain].dask_levels()

    def valid(self, stain: str, shape: tuple[int, int], downsample: float) -> NDArray[np.bool_] | None:
        """Return where a stain shows its own picture, None where it does everywhere.

        What was laid into the frame ends somewhere; files may have holes.

        Parameters
        ----------
        shape : (height, width)
            Of a small picture of the whole slide.
        downsample : float
            Level-0 px per px of it.
        """
        return self.slides[stain].valid(shape, downsample)

    def require(self, stains: Sequence[str]) -> None:
        """Raise HistoclustError where one of `stains` is missing; it names those at hand."""
        missing = [stain for stain in stains if stain not in self.slides]
        if missing:
            raise HistoclustError(
                f"{self.path}: stain {', '.join(missing)} is missing, it has {', '.join(self.stains)}: add "
                "the image or name it in a stack.yaml."
            )

    def inputs(self) -> list[dict[str, Any]]:
        """Describe the files for a run's manifest; see `InputFile` there."""
        checksums = {path: sampled_sha256(path) for path in {slide.path for slide in self.slides.values()}}
        return [
            {
                "stain": stain,
                **file_facts(slide.path),
                "content_sha256": checksums[slide.path],
                "placement": placement_of(slide, self.shapes[0]),
                "reader": slide.reader,
            }
            for stain, slide in self.slides.items()
        ]


def file_facts(path: Path) -> dict[str, Any]:
    """Return path, size, mtime and sha256 of the header of an image file, or of the metadata of a store."""
    header = next((path / name for name in _METADATA if (path / name).is_file()), path)
    with header.open("rb") as file:
        checksum = hashlib.sha256(file.read(HEADER_BYTES)).hexdigest()
    stat = header.stat()
    return {
        "path": str(path.resolve()),
        "size": stat.st_size,
        "mtime": stat.st_mtime,
        "header_sha256": checksum,
    }


def open_stack(path: str | Path) -> Stack:
    """Open the aligned stains of one piece of tissue, lazily.

    Parameters
    ----------
    path : str or Path
        A folder with one image a stain, a stack.yaml (or a folder that holds one), or one multichannel
        OME-TIFF or OME-Zarr.

    Raises
    ------
    HistoclustError
        If the path, its files or their sizes do not make a stack; one sentence that says what to do.
    """
    path = Path(path)
    try:
        contents = _contents(path)
    except OSError as error:
        raise unreadable(path, error) from error
    for name in (contents.name, *contents.slides):
        check_name(str(path), name)
    return _checked(path, contents)


def _contents(path: Path) -> StackContents:
    if not path.exists():
        raise HistoclustError(f"{path}: no such file or folder.")
    if path.suffix.lower() in (".yaml", ".yml"):
        return stains_in_yaml(path)
    if path.is_dir() and not is_zarr(path):
        described = description_in(path)
        return stains_in_folder(path) if described is None else stains_in_yaml(described)
    return stains_in_file(path)


def _checked(path: Path, contents: StackContents) -> Stack:
    """Check that the stains share one frame and put them together."""
    stains = in_order(contents.slides)
    reference = contents.reference or stains[0]
    slides, moved = placed_by_coordinates(path, contents.slides, reference)
    _check_sizes(path, slides, stains, reference)
    levels = common_levels(slides, stains, reference)
    scale, warnings = _scale(replace(contents, slides=slides), stains, reference)
    own = [*moved, *(warning for stain in stains for warning in slides[stain].warnings)]
    return Stack(
        name=contents.name,
        path=path,
        stains=stains,
        reference=reference,
        shapes=levels.shapes,
        downsamples=levels.downsamples,
        um_per_px=scale,
        warnings=tuple(dict.fromkeys((*contents.warnings, *own, *warnings))),
        slides={stain: slides[stain] for stain in stains},
        slide_levels=levels.own,
    )


def _check_sizes(path: Path, slides: Mapping[str, Slide], stains: Sequence[str], reference: str) -> None:
    height, width = slides[reference].shapes[0]
    for stain in stains:
        own = slides[stain].shapes[0]
        if own != (height, width):
            raise HistoclustError(
                f"{path}: {stain} is {own[0]} x {own[1]} px but {reference} is {height} x {width} px: "
                "register them first, or give affines in a stack.yaml."
            )


def _scale(contents: StackContents, stains: Sequence[str], reference: str) -> tuple[float | None, list[str]]:
    """Return the size of a px, stated by the stack.yaml, the reference or any other stain, and warnings."""
    if contents.um_per_px is not None:
        return contents.um_per_px, []
    stated = {s: contents.slides[s].um_per_px for s in (reference, *stains) if contents.slides[s].um_per_px}
    if not stated:
        return None, ["The physical size of a px is not stated in the files, so lengths are given in px."]
    first, scale = next(iter(stated.items()))
    assert scale is not None
    others = [s for s, value in stated.items() if value is not None and abs(value / scale - 1) > 0.02]
    if not others:
        return scale, []
    return scale, [
        f"{first} states {scale:g} um per px but {others[0]} states {stated[others[0]]:g}; {first} is "
        "believed."
    ]
