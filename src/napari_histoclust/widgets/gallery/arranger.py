"""Which patches the gallery shows, and in which order; sorted in the background."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_histoclust.core.run.reader import LatentSpace
from napari_histoclust.session.gallery.arrangement import (
    NO_RUN,
    NOTHING_CHOSEN,
    Arrangement,
    Order,
    arrange_chosen,
    arrange_nearest,
)
from napari_histoclust.session.session import Aspect
from napari_histoclust.widgets._lifetime import follow
from napari_histoclust.widgets._reading import BackgroundReader

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.session import Session


_PATIENCE_MS = 150
_QUICK = 100_000  # patches; the latent space of so many is read in a quarter of a second


class Arranger(QObject):
    """Follows the selection, and the patch that is pointed at where nothing is selected.

    Signals
    -------
    arranged : Arrangement
        What to show.
    delayed : str
        The next arrangement takes a moment.
    failed : Exception
        There will be none.
    """

    arranged = Signal(object)
    delayed = Signal(str)
    failed = Signal(object)

    def __init__(self, session: Session, order: Order, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._order = order
        self._is_own_pointing = False
        self._patience = QTimer(self, interval=_PATIENCE_MS, singleShot=True)
        self._patience.timeout.connect(self._on_patience_timeout)
        self._latent: LatentSpace | None = None
        self._scores: Run | None = None
        self._reader = BackgroundReader(self)
        self._reader.arrived.connect(self._on_reader_arrived)
        self._reader.failed.connect(self._on_reader_failed)
        follow(self, session.changed, self._on_session_changed)

    @property
    def is_busy(self) -> bool:
        """Whether an arrangement is to follow."""
        return bool(self._reader.waiting)

    @property
    def order(self) -> Order:
        """How the chosen patches are sorted."""
        return self._order

    def set_order(self, order: Order) -> None:
        """Sort the chosen patches in another way."""
        if order is not self._order:
            self._order = order
            self.arrange()

    def point_at(self, patch: int) -> None:
        """Point at one of the patches that are shown; they stay, though others may be nearer to it."""
        self._is_own_pointing = True
        self._session.set_focus(patch)
        self._is_own_pointing = False

    def arrange(self) -> None:
        """Sort what is to be shown now; `arranged` follows."""
        session, run = self._session, self._session.run
        ids = session.selection.ids
        if run is not None and len(ids):
            self._patience.start()
            orders = self._orders(run)
            space = self._latent_of(run)
            self._scores = session.scored_run
            self._reader.ask(
                (_name(order), partial(arrange_chosen, space, ids, order, self._scores)) for order in orders
            )
        elif run is not None and session.focus is not None:
            self._patience.start()
            self._reader.ask(
                [(_name("neighbours"), partial(arrange_nearest, self._latent_of(run), session.focus))]
            )
        else:
            self._reader.ask(())
            self._patience.stop()
            self.arranged.emit(Arrangement(np.zeros(0, np.intp), NO_RUN if run is None else NOTHING_CHOSEN))

    def _latent_of(self, run: Run) -> LatentSpace:
        """Return the latent space of the run, which is read once and kept as long as the run is shown."""
        if self._latent is None or self._latent.run is not run:
            self._latent = LatentSpace(run)
        return self._latent

    def _orders(self, run: Run) -> list[Order]:
        """Sort by confidence first where the latent space would take long to read."""
        if self._order is Order.TYPICAL and not self._latent_of(run).is_loaded and len(run) > _QUICK:
            return [Order.CONFIDENT, self._order]
        return [self._order]

    def _on_session_changed(self, changed: frozenset[Aspect]) -> None:
        is_neighbourhood = not self._is_own_pointing and not len(self._session.selection)
        is_other_choice = bool(changed & {Aspect.RUN, Aspect.SELECTION})
        is_other_focus = Aspect.FOCUS in changed and is_neighbourhood
        if is_other_choice or is_other_focus or (Aspect.PALETTE in changed and self._is_out_of_order()):
            self.arrange()

    def _is_out_of_order(self) -> bool:
        """Whether the order is that of a confidence which another number of clusters has changed."""
        is_other = self._session.scored_run is not self._scores
        is_by_confidence = self._order in (Order.CONFIDENT, Order.DOUBTFUL)
        return is_other and is_by_confidence and len(self._session.selection) > 0

    def _on_reader_arrived(self, name: object, arrangement: Arrangement) -> None:
        if not self._reader.waiting:
            self._patience.stop()
        self.arranged.emit(arrangement)

    def _on_reader_failed(self, name: object, error: Exception) -> None:
        self._patience.stop()
        self.failed.emit(error)

    def _on_patience_timeout(self) -> None:
        self.delayed.emit("Reading the latent space and sorting…")


def _name(what: str) -> tuple[str, object]:
    """Name a request like no other: one that has begun for another selection must not go on under it."""
    return what, object()
