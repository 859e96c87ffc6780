"""The pictures of patches: opened when first looked at, read in a thread, the last ones kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.patches.thumbnails import read_thumbnails
from napari_histoclust.session.forms.titles import in_window

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.stack import Stack

Ids = NDArray[np.integer]


@dataclass(eq=False)
class Pictures:
    """What was read of some patches.

    Attributes
    ----------
    pixels : dict of (stains, side, side, 3) uint8 by patch id
        Patches that cannot be read are missing.
    problem : str
        Why they are missing, one sentence; empty if none is.
    """

    pixels: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    problem: str = ""


class SlideImages:
    """The images of a run.

    Parameters
    ----------
    run : Run
        The labelled patches.
    stacks : sequence of Stack
        Its slides, if they are open already; else each is opened when a patch of it is read.
    """

    def __init__(self, run: Run, stacks: Sequence[Stack] = ()) -> None:
        self.run = run
        known: Sequence[Stack] = stacks if len(stacks) == len(run.grids) else ()
        self._opened: dict[int, Stack | HistoclustError] = dict(enumerate(known))
        self.stains = _stains_of_all(run, known)

    def read(self, ids: Ids, side_px: int) -> Job[Pictures]:
        """Read patches of a run, slide by slide, as squares of `side_px`; what cannot be read is left out."""
        found = Pictures()
        slides = self.run.slide_index[ids]
        for slide in np.unique(slides).tolist():
            members = ids[slides == slide]
            try:
                yield from self._read_slide(slide, members, side_px, found)
            except HistoclustError as error:
                found.problem = in_window(error)
        return found

    def _read_slide(self, slide: int, ids: Ids, side_px: int, found: Pictures) -> Job[None]:
        stack, grid = self._open(slide), self.run.grids[slide]
        yield Progress("Opening the images")
        rows = ids - self.run.rows(slide).start
        for places, pixels in read_thumbnails(stack, grid, rows, side_px, self.stains):
            found.pixels.update(zip(ids[places].tolist(), pixels, strict=True))
            yield Progress("Reading patches")

    def _open(self, slide: int) -> Stack:
        """Open a slide once, and fail on it once: a drive that is gone may take long to say so."""
        if slide not in self._opened:
            try:
                self._opened[slide] = self.run.open_stack(slide)
            except HistoclustError as error:
                self._opened[slide] = error
        stack = self._opened[slide]
        if isinstance(stack, HistoclustError):
            raise stack
        return stack


def _stains_of_all(run: Run, stacks: Sequence[Stack]) -> tuple[str, ...]:
    """Stains that every slide has, in the order of the first."""
    each = [stack.stains for stack in stacks] or [
        tuple(image.stain for image in slide.inputs) for slide in run.manifest.slides
    ]
    return tuple(stain for stain in each[0] if all(stain in stains for stains in each)) if each else ()


class Sized(Protocol):
    """What knows how large it is."""

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        ...


T = TypeVar("T", bound=Sized)

MAX_BYTES = 256 * 2**20
"""1,400 columns of five stains at 96 px."""


class RecentlyUsed(Generic[T]):
    """Values by patch id; the one looked at longest ago goes first.

    Parameters
    ----------
    max_bytes : int
        The last value stays, however large it is.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._values: OrderedDict[int, T] = OrderedDict()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def get(self, patch: int) -> T | None:
        """Return the value of a patch, and count it as looked at."""
        value = self._values.get(patch)
        if value is not None:
            self._values.move_to_end(patch)
        return value

    def put(self, patch: int, value: T) -> None:
        """Keep a value, in place of the one before."""
        before = self._values.pop(patch, None)
        self.nbytes += value.nbytes - (0 if before is None else before.nbytes)
        self._values[patch] = value
        while self.nbytes > self._max_bytes and len(self._values) > 1:
            _, dropped = self._values.popitem(last=False)
            self.nbytes -= dropped.nbytes

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self.nbytes = 0
