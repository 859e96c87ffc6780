"""The dock of the gallery."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QFileDialog, QLabel, QMenu, QVBoxLayout, QWidget

from napari_histoclust.session.dock_states import GalleryState, resolve_gallery
from napari_histoclust.session.forms.number_range import NumberRange
from napari_histoclust.session.gallery.arrangement import Arrangement, Order
from napari_histoclust.session.gallery.columns import Columns
from napari_histoclust.session.gallery.images import SlideImages
from napari_histoclust.session.gallery.sheet import MOST, USUAL, SheetRequest, write_sheet
from napari_histoclust.session.shown import ShowsState
from napari_histoclust.viewer.notices import sentences_shown, show_failure
from napari_histoclust.widgets._dialogs import ask_number
from napari_histoclust.widgets._lifetime import follow
from napari_histoclust.widgets.gallery.arranger import Arranger
from napari_histoclust.widgets.gallery.bar import GalleryBar
from napari_histoclust.widgets.gallery.loader import ThumbnailLoader
from napari_histoclust.widgets.gallery.view import GalleryView

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.widgets._jobs import RunningJob
    from napari_histoclust.widgets.context import Context


_USUAL_SIDE = 96
_SHEET = "Patches on the sheet, the first ones of the present order."


class GalleryDock(ShowsState, QWidget):
    """Patches of the selection, or those most like the one that is pointed at, every stain of each.

    Parameters
    ----------
    context : Context
        What all docks share.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._images: SlideImages | None = None
        self._arrangement: Arrangement | None = None
        self._has_failed = False
        self._notes = context.session.notes
        order = Order(self._notes.gallery_order)
        self.loader = ThumbnailLoader(self)
        self.view = GalleryView(self.loader)
        self.bar = GalleryBar(order, self._notes.gallery_side or _USUAL_SIDE)
        self.note = QLabel(wordWrap=True)
        self.note.setVisible(False)
        self.arranger = Arranger(context.session, order, self)
        self._lay_out()
        self._connect()
        self._refresh()
        self.arranger.arrange()

    @property
    def is_settled(self) -> bool:
        """Whether all that is in sight is sorted and read."""
        return not (self.arranger.is_busy or self.view.is_looking or self.loader.waiting)

    def save_sheet(self, path: Path, count: int) -> RunningJob | None:
        """Save the first patches, in the present order, as a PNG.

        Parameters
        ----------
        path : Path
            Gets the suffix .png if it has another one.
        count : int
            How many; all if there are fewer.

        Raises
        ------
        HistoclustError
            If another job is running.
        """
        session, shown = self._context.session, self._arrangement
        if session.run is None or shown is None or not len(shown.ids):
            return None
        ids = shown.ids[:count]
        title = shown.title if len(ids) == len(shown.ids) else f"{shown.title}: the first {len(ids)}"
        images = SlideImages(session.run, session.stacks)
        request = SheetRequest(images, session.palette.state, ids, title)
        path = path if path.suffix.lower() == ".png" else path.with_name(f"{path.name}.png")
        job = self._context.runner.start("Saving the sheet", write_sheet(request, path))
        job.finished.connect(self._on_sheet_finished)
        return job

    def _lay_out(self) -> None:
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 4, 6, 4)
        box.setSpacing(4)
        for widget, stretch in ((self.bar, 0), (self.view, 1), (self.note, 0)):
            box.addWidget(widget, stretch)
        self.view.set_side(self._notes.gallery_side or _USUAL_SIDE)

    def _connect(self) -> None:
        session = self._context.session
        follow(self, session.changed, self._on_session_changed)
        self.arranger.arranged.connect(self._on_arranger_arranged)
        self.arranger.delayed.connect(self._on_arranger_delayed)
        self.arranger.failed.connect(self._on_reading_failed)
        self.loader.problem_found.connect(self._show_note)
        self.loader.failed.connect(self._on_reading_failed)
        self.bar.order_chosen.connect(self._on_bar_order_chosen)
        self.bar.side_chosen.connect(self._on_bar_side_chosen)
        self.bar.save_clicked.connect(self._on_bar_save_clicked)
        self.view.pointed.connect(self.arranger.point_at)
        self.view.opened.connect(self._go_to)
        self.view.menu_asked.connect(self._on_view_menu_asked)
        self.view.size_asked.connect(self.bar.choose_side)
        self.view.resized.connect(self._fit)

    def _show_note(self, text: str) -> None:
        self.note.setText(text)
        self.note.setVisible(bool(text))

    # -- the session and the background ----------------------------------------------------------------------

    def _resolve(self) -> GalleryState:
        return resolve_gallery(self._context.session)

    def _show_run(self, run: Run | None) -> None:
        self._images = None if run is None else SlideImages(run, self._context.session.stacks)
        self.view.show_columns(None)  # its patches are of another run
        self.loader.look_at(self._images)
        self._has_failed = False
        self._show_note("")
        self._fit()

    def _fit(self) -> None:
        """Make the thumbnails small enough for all stains to be seen, until the user chooses a size."""
        if self._notes.gallery_side is None and self._images is not None:
            side = self.view.fitting_side(len(self._images.stains), _USUAL_SIDE)
            self.bar.set_side(side)
            self.view.set_side(side)

    def _show_colours(self, _: object) -> None:
        self.view.viewport().update()

    def _show_focus(self, focus: int | None) -> None:
        self.view.set_focus(focus)

    def _on_arranger_arranged(self, arrangement: Arrangement) -> None:
        session = self._context.session
        self._arrangement = arrangement
        has_patches = len(arrangement.ids) > 0
        self.bar.show_title(arrangement.title, has_patches and arrangement.of_selection, has_patches)
        if session.run is None or self._images is None or not has_patches:
            self.view.show_columns(None)
            self.view.show_hint(arrangement.title)
            return
        self.view.show_columns(
            Columns(session.run, session.palette, self._images.stains, arrangement.ids), session.focus
        )

    def _on_arranger_delayed(self, text: str) -> None:
        self.bar.title.setText(text)
        self.view.show_hint(text)

    def _on_reading_failed(self, error: Exception) -> None:
        """Tell of the first fault alone: each group of columns may meet the same one."""
        if not self._has_failed:
            self._has_failed = True
            show_failure(error)

    def _on_sheet_finished(self, path: Path) -> None:
        self._show_note(f"Saved {path}")

    # -- gestures --------------------------------------------------------------------------------------------

    def _on_bar_order_chosen(self, order: Order) -> None:
        self._notes.gallery_order = order
        self.arranger.set_order(order)

    def _on_bar_side_chosen(self, side: int) -> None:
        self._notes.gallery_side = side
        self.view.set_side(side)

    def _on_bar_save_clicked(self) -> None:
        run, shown = self._context.session.run, self._arrangement
        if run is None or shown is None:
            return
        most = min(MOST, len(shown.ids))
        numbers = NumberRange(1, most, is_whole=True)
        count = ask_number("Save sheet", _SHEET, "Patches", numbers, min(USUAL, most), self)
        if count is None:
            return
        proposed = run.path.parent / f"{run.path.name}_gallery.png"
        name = QFileDialog.getSaveFileName(self, "Save sheet", str(proposed), "PNG picture (*.png)")[0]
        if name:
            with sentences_shown():
                self.save_sheet(Path(name), count)

    def _on_view_menu_asked(self, patch: int, place: QPoint) -> None:
        self.menu(patch).popup(place)

    def menu(self, patch: int) -> QMenu:
        """Return what can be done with a patch that is shown."""
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        for text, act in (
            ("Go there", self._go_to),
            ("Select its cluster", self._select_cluster),
            ("Show those most like it", self._show_neighbours),
        ):
            action = menu.addAction(text)
            action.triggered.connect(partial(_call, act, patch))
        menu.addSeparator()
        menu.addAction("Save sheet…").triggered.connect(self._on_bar_save_clicked)
        return menu

    def _go_to(self, patch: int) -> None:
        self.arranger.point_at(patch)
        with sentences_shown():
            self._context.scene.go_to(patch)

    def _select_cluster(self, patch: int) -> None:
        session = self._context.session
        shown = session.palette.shown_labels
        session.selection.set(shown == shown[patch])

    def _show_neighbours(self, patch: int) -> None:
        session = self._context.session
        session.set_focus(patch)
        session.selection.clear()
        self.arranger.arrange()


def _call(act: Callable[[int], None], patch: int, *_: object) -> None:
    """Leave out whether the action is checked, which not every binding of Qt passes on."""
    act(patch)
