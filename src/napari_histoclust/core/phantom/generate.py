"""Write the phantom: five stained sections and the truth, as a stack folder."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from napari_histoclust.core.atomic import atomic_folder, check_place, write_json
from napari_histoclust.core.errors import HistoclustError, SettingError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.phantom.layout import CLASSES
from napari_histoclust.core.phantom.pyramid import BLOCK_PX, Picture, write_pyramid
from napari_histoclust.core.phantom.section import Section, make_section
from napari_histoclust.core.phantom.stains import STAINS

SMALLEST_PX, LARGEST_PX = 256, 100_000
FINEST_UM, COARSEST_UM = 0.2, 4.0

TRUTH_NAME = "truth.ome.tif"
_TRUTH_JSON = "truth.json"
_STACK_YAML = "stack.yaml"


def image_name(stain: str) -> str:
    """Return the file name of a stain's image."""
    return f"phantom_{stain}.ome.tif"


def write_phantom(folder: Path, size_px: int = 4096, seed: int = 0, um_per_px: float = 0.5) -> Job[Path]:
    """Write a five-stain slide of invented tissue, whose truth is known.

    The folder holds `phantom_<stain>.ome.tif` for HE, CD31, CK19, Ki67 and MT (pyramidal, tiled, JPEG),
    `truth.ome.tif` (class of each px, 0 = no tissue, lossless), `truth.json` (names and shares of
    the classes) and `stack.yaml`, so that it opens as a stack. It appears whole or not at all; an earlier
    phantom there is replaced if nobody has changed it. Memory does not grow with the size.

    Parameters
    ----------
    folder : Path
        Where to write.
    size_px : int
        Side of the slide, 256..100,000 px. The plan of tissues scales with it; cells do not.
    seed : int
        Start of every random choice; the same seed gives the same px.
    um_per_px : float
        Size of a px, 0.2..4 um.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    HistoclustError
        If the size, seed or scale is out of range, or the folder holds something else.
    """
    _check(size_px, seed, um_per_px)
    _refuse_foreign(folder)
    with atomic_folder(folder) as partial:
        partial.mkdir()
        shares = yield from _write_pictures(partial, size_px, seed, um_per_px)
        write_json(partial / _TRUTH_JSON, _truth(shares, size_px, seed, um_per_px))
        _write_stack(partial / _STACK_YAML, size_px, seed, um_per_px)
    return folder


def _check(size_px: int, seed: int, um_per_px: float) -> None:
    if not SMALLEST_PX <= size_px <= LARGEST_PX:
        raise SettingError("{size} {}: choose a side from {} to {:,} px.", size_px, SMALLEST_PX, LARGEST_PX)
    if not 0 <= seed < 2**32:
        raise SettingError("{seed} {}: choose a number from 0 to {}.", seed, 2**32 - 1)
    if not FINEST_UM <= um_per_px <= COARSEST_UM:
        raise HistoclustError(
            f"um_per_px {um_per_px}: choose a pixel size from {FINEST_UM} to {COARSEST_UM:g} um."
        )


def _refuse_foreign(folder: Path) -> None:
    """Raise HistoclustError if anything but an earlier phantom stands at `folder`."""
    check_place(folder)
    if not folder.exists():
        return
    if not folder.is_dir():
        raise HistoclustError(f"{folder}: is a file: choose a folder.")
    own = {_TRUTH_JSON, _STACK_YAML, TRUTH_NAME, *(image_name(stain.name) for stain in STAINS)}
    foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in own)
    if foreign:
        raise HistoclustError(
            f"{folder}: holds something else ({foreign[0]}): choose an empty or a new folder."
        )


class _ClassCount:
    """Counts the px of each class while the blocks pass by in several threads."""

    def __init__(self, section: Section, size_px: int) -> None:
        self._section, self._size_px = section, size_px
        self._lock = Lock()
        self.pixels = np.zeros(len(CLASSES), np.int64)

    def block(self, y: int, x: int) -> NDArray[np.uint8]:
        """Return a block of classes, counted as far as it lies inside the slide."""
        classes = self._section.classes(y, x, BLOCK_PX)
        inside = classes[: max(0, self._size_px - y), : max(0, self._size_px - x)]
        count = np.bincount(inside.ravel(), minlength=len(CLASSES))
        with self._lock:
            self.pixels += count
        return classes


def _write_pictures(
    folder: Path, size_px: int, seed: int, um_per_px: float
) -> Generator[Progress, None, NDArray[np.int64]]:
    """Write the truth and the five stains; return the px of each class."""
    count = _ClassCount(make_section(seed, 0, size_px, um_per_px), size_px)
    classes = "; ".join(f"{value} {name}" for value, name in enumerate(CLASSES))
    truth = Picture(size_px, count.block, False, "truth", classes, um_per_px)
    jobs = [("truth", folder / TRUTH_NAME, truth), *_stain_pictures(folder, size_px, seed, um_per_px)]
    done, total = 0, (len(STAINS) + 1) * truth.blocks**2
    for name, path, picture in jobs:
        for _ in write_pyramid(path, picture):
            done += 1
            yield Progress(f"Generating {name}", done, total)
    return count.pixels


def _stain_pictures(
    folder: Path, size_px: int, seed: int, um_per_px: float
) -> Iterator[tuple[str, Path, Picture]]:
    for index, stain in enumerate(STAINS):
        section = make_section(seed, index, size_px, um_per_px)
        description = f"Generated section, stain {stain.name}, seed {seed}"
        picture = Picture(size_px, section.block, True, stain.name, description, um_per_px)
        yield stain.name, folder / image_name(stain.name), picture


def _truth(pixels: NDArray[np.int64], size_px: int, seed: int, um_per_px: float) -> dict[str, Any]:
    """Return the document in truth.json."""
    tissue = max(1, int(pixels[1:].sum()))
    return {
        "program": "napari-histoclust phantom",
        "format": 1,
        "size_px": size_px,
        "seed": seed,
        "um_per_px": um_per_px,
        "reference": STAINS[0].name,
        "tissue_share": round(tissue / int(pixels.sum()), 5),
        "classes": [
            {
                "value": value,
                "name": name,
                "share_of_tissue": round(int(pixels[value]) / tissue, 5) if value else 0,
            }
            for value, name in enumerate(CLASSES)
        ],
    }


def _write_stack(path: Path, size_px: int, seed: int, um_per_px: float) -> None:
    """Write stack.yaml, which says what the folder holds."""
    document = {
        "name": f"phantom-{size_px}-seed{seed}",
        "um_per_px": um_per_px,
        "stains": {stain.name: {"path": image_name(stain.name)} for stain in STAINS},
        "reference": STAINS[0].name,
    }
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
