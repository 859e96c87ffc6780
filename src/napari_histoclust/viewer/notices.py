"""Progress and errors as napari shows them: activity dock and notifications. Does without Qt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from napari import current_viewer
from napari.utils import progress as napari_progress
from napari.utils.notifications import notification_manager, show_error, show_info, show_warning

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.session.forms.titles import in_window

if TYPE_CHECKING:
    from napari_histoclust.core.jobs import Progress


class ActivityBar:
    """A bar in the activity dock of the present viewer; nothing where there is none.

    napari's bar runs the event loop each time it changes. While it does, the job may go on, end and close
    this bar, so that every step looks whether there still is one.

    Parameters
    ----------
    title : str
        What is being done.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar = None if current_viewer() is None else napari_progress(desc=title, total=0)
        self._is_moving = False

    def show(self, progress: Progress) -> None:
        """Move the bar. A new total starts it, and its estimate of the remaining time, anew."""
        if self._bar is None or self._is_moving:
            return
        self._is_moving = True
        try:
            if progress.total != self._bar.total or progress.done < self._bar.n:
                _restart(self._bar, progress)
            self._bar.update(progress.done - self._bar.n)
            if self._bar is not None:
                self._bar.set_description(f"{self._title}: {progress.text}")
        finally:
            self._is_moving = False

    def close(self) -> None:
        """Take the bar away; a second time does nothing."""
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close()


def _restart(bar: Any, progress: Progress) -> None:
    bar.reset(progress.total)
    bar.initial = progress.done  # done by an earlier start, so not at this pace
    bar.n = progress.done


def tell(sentence: str) -> None:
    """Notify of something good to know."""
    show_info(sentence)


def warn(sentence: str) -> None:
    """Notify of something that the user should look at."""
    show_warning(sentence)


def show_failure(error: Exception) -> None:
    """Notify: the sentence alone where the user can mend it, the whole error with its traceback elsewhere."""
    if isinstance(error, HistoclustError):
        show_error(in_window(error))
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)


@contextmanager
def sentences_shown() -> Iterator[None]:
    """Turn a HistoclustError raised by a gesture into a notification; anything else goes on to napari."""
    try:
        yield
    except HistoclustError as error:
        show_failure(error)
