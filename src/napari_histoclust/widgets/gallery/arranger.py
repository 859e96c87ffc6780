"""Which patches the gallery shows, and in which order; sorted in the background."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_histoclust.core.jobs import Job
from napari_histoclust.core.run.reader import LatentSpace
from napari_histoclust.session.gallery.ordering import NEIGHBOURS, Order, neighbours, ordered
from napari_histoclust.session.session import Aspect
from napari_histoclust.widgets._follow import follow
from napari_histoclust.widgets._reading import BackgroundReader

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.session import Session

NAMES = {
    Order.TYPICAL: "Most typical",
    Order.CONFIDENT: "Most confident",
    Order.DOUBTFUL: "Most doubtful",
    Order.RANDOM: "Random",
}
TIPS = {
    Order.TYPICAL: "Nearest to the middle (medoid) of the chosen patches in latent space first",
    Order.CONFIDENT: "Largest probability of its own cluster first",
    Order.DOUBTFUL: "Smallest probability of its own cluster first: between two clusters",
    Order.RANDOM: "Shuffled, the same way each time: a fair sample of what was chosen",
}
NO_RUN = "Map a slide or open a run: the patches that you choose are shown here, every stain of each."
NOTHING_CHOSEN = (
    "Choose patches in the plot, on the tissue or in the table of clusters, or click on a single one to see "
    "those that are most like it."
)

_PATIENCE_MS = 150
_QUICK = 100_000  # patches; the latent space of so many is read in a quarter of a second


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Patches in order.

    Parameters
    ----------
    ids : (n,) patch ids
    title : str
        What they are; where there are none, what to do.
    of_selection : bool
        Whether they are the chosen ones, which have an order; else the neighbours of one.
    """

    ids: NDArray[np.intp]
    title: str
    of_selection: bool = True


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
            self._reader.ask((_name(order), partial(_chosen, space, ids, order)) for order in orders)
        elif run is not None and session.focus is not None:
            self._patience.start()
            self._reader.ask([(_name("neighbours"), partial(_nearest, self._latent_of(run), session.focus))])
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
        if changed & {Aspect.RUN, Aspect.SELECTION} or (Aspect.FOCUS in changed and is_neighbourhood):
            self.arrange()

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


def _chosen(space: LatentSpace, ids: NDArray[np.intp], order: Order) -> Job[Arrangement]:
    sorted_ids = yield from ordered(space, ids, order)
    return Arrangement(sorted_ids, title_of(len(ids), order))


def _nearest(space: LatentSpace, patch: int) -> Job[Arrangement]:
    ids = yield from neighbours(space, patch)
    count = min(NEIGHBOURS, len(ids) - 1)
    return Arrangement(ids, f"Patch {patch} and the {count} nearest to it in latent space", False)


def title_of(count: int, order: Order) -> str:
    """Say how many patches there are, and in which order."""
    patches = "chosen patch" if count == 1 else "chosen patches"
    first = "in random order" if order is Order.RANDOM else f"{NAMES[order].lower()} first"
    return f"{count:,} {patches}, {first}"
