"""Thumbnails of the columns in sight, decoded in the background and kept while there is room."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from qtpy.QtGui import QImage

from napari_histoclust.core.jobs import Job
from napari_histoclust.session.gallery.images import MAX_BYTES, Ids, Pictures, RecentlyUsed, SlideImages
from napari_histoclust.widgets._reading import BackgroundReader

TOGETHER = 8
"""Columns of one request: few, so that the first ones are there at once and a scroll drops the others."""


class Thumbnail:
    """A patch in every stain, ready to be drawn.

    Parameters
    ----------
    pixels : (stains, side, side, 4) uint8
        Blue, green, red and a byte without meaning: what a screen takes without conversion.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._pixels = np.ascontiguousarray(pixels)  # the images look into it
        self.side_px = pixels.shape[1]
        self.nbytes = pixels.nbytes
        self.images = [
            QImage(plane.data, self.side_px, self.side_px, 4 * self.side_px, QImage.Format.Format_RGB32)
            for plane in self._pixels
        ]


class ThumbnailLoader(QObject):
    """Knows the thumbnails of a run.

    Signals
    -------
    loaded
        There are new ones.
    problem_found : str
        Some cannot be read, and why; told once.
    failed : Exception
        The reading itself broke.
    """

    loaded = Signal()
    problem_found = Signal(str)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None, max_bytes: int = MAX_BYTES) -> None:
        super().__init__(parent)
        self._images: SlideImages | None = None
        self._thumbnails: RecentlyUsed[Thumbnail] = RecentlyUsed(max_bytes)
        self._unreadable: set[int] = set()
        self._problem = ""
        self._reader = BackgroundReader(self)
        self._reader.arrived.connect(self._on_reader_arrived)
        self._reader.failed.connect(self._on_reader_failed)

    @property
    def waiting(self) -> tuple[int, ...]:
        """Patches that were asked for and have not come, in the order in which they will."""
        return tuple(patch for name in self._reader.waiting for patch in name[1])  # type: ignore[index]

    @property
    def nbytes(self) -> int:
        """Bytes of the thumbnails that are kept."""
        return self._thumbnails.nbytes

    def look_at(self, images: SlideImages | None) -> None:
        """Take up another run, or none."""
        self._reader.ask(())
        self._images, self._problem = images, ""
        self._thumbnails.clear()
        self._unreadable.clear()

    def get(self, patch: int) -> Thumbnail | None:
        """Return the thumbnail of a patch, of the present or an earlier size; None if it is not there yet."""
        return self._thumbnails.get(patch)

    def is_unreadable(self, patch: int) -> bool:
        """Whether the picture of this patch was looked for in vain."""
        return patch in self._unreadable

    def ask(self, groups: Iterable[Ids], side_px: int) -> None:
        """Ask for the patches in sight, those wanted first in front; what was asked for before is dropped.

        Parameters
        ----------
        groups : arrays of patch ids
            Each is read at once; the same groups asked for again go on being read.
        side_px : int
            Side of a thumbnail in px of the screen.
        """
        images = self._images
        if images is None:
            return
        missing = (self._missing(group, side_px) for group in groups)
        self._reader.ask(
            ((side_px, tuple(ids.tolist())), partial(_thumbnails, images, ids, side_px))
            for ids in missing
            if len(ids)
        )

    def _missing(self, ids: Ids, side_px: int) -> Ids:
        return np.array([patch for patch in ids.tolist() if not self._is_there(patch, side_px)], np.intp)

    def _is_there(self, patch: int, side_px: int) -> bool:
        thumbnail = self._thumbnails.get(patch)
        return patch in self._unreadable or (thumbnail is not None and thumbnail.side_px == side_px)

    def _on_reader_arrived(self, name: tuple[int, tuple[int, ...]], pictures: Pictures) -> None:
        for patch, pixels in pictures.pixels.items():
            self._thumbnails.put(patch, Thumbnail(pixels))
        self._unreadable.update(patch for patch in name[1] if patch not in pictures.pixels)
        if pictures.problem and pictures.problem != self._problem:
            self._problem = pictures.problem
            self.problem_found.emit(pictures.problem)
        self.loaded.emit()

    def _on_reader_failed(self, name: tuple[int, tuple[int, ...]], error: Exception) -> None:
        self._unreadable.update(name[1])  # else it would be tried again at each scroll
        self.failed.emit(error)


def _thumbnails(images: SlideImages, ids: Ids, side_px: int) -> Job[Pictures]:
    pictures = yield from images.read(ids, side_px)
    pictures.pixels = {patch: _for_screen(pixels) for patch, pixels in pictures.pixels.items()}
    return pictures


def _for_screen(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    screen = np.full((*pixels.shape[:-1], 4), 255, np.uint8)
    screen[..., :3] = pixels[..., ::-1]
    return screen
