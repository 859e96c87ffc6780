"""The scrolled columns: paints what is in sight and says what is pointed at."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent, QMouseEvent, QPainter
from qtpy.QtWidgets import QAbstractScrollArea, QToolTip, QWidget
from superqt.utils import QSignalThrottler

from napari_histoclust.session.gallery.columns import GAP, Columns, GalleryLayout, groups
from napari_histoclust.widgets.gallery.keys import column_of_key
from napari_histoclust.widgets.gallery.loader import TOGETHER, ThumbnailLoader
from napari_histoclust.widgets.gallery.painting import ColumnPainter, captions_height, headings_width

SIDES = (48, 192)
_ASK_MS = 40
_WHEEL_STEP = 120


class GalleryView(QAbstractScrollArea):
    """One column a patch, one row a stain. A custom area: item views lay out every item, also the millionth.

    Signals
    -------
    pointed, opened : int
        A patch was clicked, or double-clicked; by keyboard: gone to, or Return.
    menu_asked : int, QPoint
        What can be done with this patch; at this place of the screen.
    size_asked : int
        Another size of the thumbnails, by Ctrl and the wheel.
    resized
        There is another room for columns and rows.
    """

    pointed = Signal(int)
    opened = Signal(int)
    menu_asked = Signal(int, QPoint)
    size_asked = Signal(int)
    resized = Signal()

    def __init__(self, loader: ThumbnailLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self._columns: Columns | None = None
        self._side = 96
        self._focus: int | None = None
        self._pressed: int | None = None
        self._hint = ""
        self._is_looking = False
        self._asked_from = 0
        self._ask = QSignalThrottler(parent=self)
        self._ask.setTimeout(_ASK_MS)
        self._ask.triggered.connect(self._on_ask_triggered)
        loader.loaded.connect(self.viewport().update)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Gallery of patches")

    @property
    def columns(self) -> Columns | None:
        """What is shown."""
        return self._columns

    @property
    def is_looking(self) -> bool:
        """Whether it is about to ask for what has come into sight."""
        return self._is_looking

    @property
    def side_px(self) -> int:
        """Side of a thumbnail in px of the screen."""
        return round(self._side * self.devicePixelRatioF())

    @property
    def layout_now(self) -> GalleryLayout:
        """Where everything lies."""
        metrics, stains = self.fontMetrics(), self._columns.stains if self._columns else ()
        return GalleryLayout(
            columns=len(self._columns) if self._columns else 0,
            stains=len(stains),
            side=self.side_px / self.devicePixelRatioF(),
            left=headings_width(metrics, stains),
            top=captions_height(metrics),
        )

    @property
    def seen(self) -> range:
        """Columns in sight."""
        layout, left = self.layout_now, self.horizontalScrollBar().value()
        return layout.within(left, left + self.viewport().width() - layout.left)

    def fitting_side(self, stains: int, most: int) -> int:
        """Return the side with which that many rows fit into the height, if the smallest one does."""
        room = self.maximumViewportSize().height() - self.horizontalScrollBar().sizeHint().height()
        side = (room - captions_height(self.fontMetrics()) - GAP) // max(1, stains) - GAP
        return min(max(side, SIDES[0]), most)

    def show_columns(self, columns: Columns | None, focus: int | None = None) -> None:
        """Show other patches, from the first one on, with a frame around one of them if it is there."""
        self._columns = columns
        self._focus = None if columns is None else columns.column(focus)
        self._place_bars()
        self.horizontalScrollBar().setValue(0)
        self._look()

    def show_hint(self, hint: str) -> None:
        """Write this where there are no patches."""
        self._hint = hint
        self.viewport().update()

    def set_side(self, side: int) -> None:
        """Show thumbnails of another size; the first column in sight stays there."""
        if side == self._side:
            return
        first = self.seen.start
        self._side = side
        self._place_bars()
        self.horizontalScrollBar().setValue(int(first * self.layout_now.pitch))
        self._look()

    def set_focus(self, patch: int | None) -> None:
        """Frame a patch and bring it into sight."""
        self._focus = None if self._columns is None else self._columns.column(patch)
        if self._focus is not None:
            self._bring(self._focus)
        self.viewport().update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide enough for six columns, high enough for the rows."""
        layout = self.layout_now
        return QSize(
            int(layout.left + 6 * layout.pitch), int(layout.top + max(3 * layout.pitch, layout.height))
        )

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Captions and one row."""
        return QSize(200, captions_height(self.fontMetrics()) + SIDES[0] + 24)

    # -- what Qt calls ---------------------------------------------------------------------------------------

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        """Paint the columns in sight."""
        painter = QPainter(self.viewport())
        columns, layout = self._columns, self.layout_now
        if columns is None or not len(columns):
            self._paint_hint(painter)
            return
        width, height = self.viewport().width(), self.viewport().height()
        scrolled = self.horizontalScrollBar().value(), self.verticalScrollBar().value()
        brush = ColumnPainter(painter, self.palette(), layout, scrolled)
        right = QRectF(layout.left, 0, width - layout.left, height)
        brush.cells(columns, self.seen, self._loader, right.adjusted(0, layout.top, 0, 0))
        brush.captions(columns, self.seen, QRectF(layout.left, 0, width - layout.left, layout.top))
        brush.headings(columns.stains, QRectF(0, layout.top, layout.left, height))
        brush.corner()
        if self._focus is not None:
            brush.frame(self._focus, right)

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """Show more or fewer columns."""
        self._place_bars()
        self._look()
        self.resized.emit()

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: N802
        """Show other columns."""
        self._look()

    def changeEvent(self, event: Any) -> None:  # noqa: N802
        """Make room for another font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._place_bars()

    def wheelEvent(self, event: Any) -> None:  # noqa: N802
        """The wheel goes along the columns, with Shift along the stains, with Ctrl it changes the size."""
        turned = event.angleDelta()
        modifiers = event.modifiers()
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            self.size_asked.emit(self._side + 8 * turned.y() // _WHEEL_STEP)
        elif modifiers & Qt.KeyboardModifier.ShiftModifier:
            _scroll(self.verticalScrollBar(), turned.x() or turned.y(), self._side)
        else:
            _scroll(self.horizontalScrollBar(), turned.x() or turned.y(), self._side)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Point at a patch."""
        column = self._column_at(event.position().toPoint())
        self._pressed = None if column is None else self._patch(column)
        if self._pressed is not None and event.button() == Qt.MouseButton.LeftButton:
            self.pointed.emit(self._pressed)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Open what the first click hit: it may have moved since."""
        if self._pressed is not None and event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit(self._pressed)

    def contextMenuEvent(self, event: Any) -> None:  # noqa: N802
        """Ask for the menu of the patch under the mouse, or in the frame."""
        by_mouse = event.reason() == event.Reason.Mouse
        column = self._column_at(event.pos()) if by_mouse else self._focus
        if column is not None:
            self.menu_asked.emit(self._patch(column), event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows, Home, End and page keys go along the columns, Return opens."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._focus is not None:
            self.opened.emit(self._patch(self._focus))
            return
        target = column_of_key(event.key(), self._focus, self.seen, self.layout_now.columns)
        if target is None:
            super().keyPressEvent(event)
        else:
            self.pointed.emit(self._patch(target))

    def viewportEvent(self, event: Any) -> bool:  # noqa: N802
        """Show what there is to say of the patch under the mouse."""
        if event.type() == QEvent.Type.ToolTip and self._columns is not None:
            column = self._column_at(event.pos())
            text = (
                "" if column is None else self._columns.tip(self._patch(column), self._stain_at(event.pos()))
            )
            QToolTip.showText(event.globalPos(), text, self.viewport())
            return True
        return bool(super().viewportEvent(event))

    # --------------------------------------------------------------------------------------------------------

    def _on_ask_triggered(self) -> None:
        """Ask for what is in sight now, and no longer for what is not; for nothing while it rushes by."""
        self._is_looking = False
        first, before, self._asked_from = self.seen.start, self._asked_from, self.seen.start
        if self.horizontalScrollBar().isSliderDown() and abs(first - before) > len(self.seen):
            self._loader.ask((), self.side_px)
            self._look()
        elif self._columns is not None:
            ids = self._columns.ids
            wanted = groups(len(ids), self.seen, TOGETHER)
            self._loader.ask((ids[group.start : group.stop] for group in wanted), self.side_px)

    def _look(self) -> None:
        self.viewport().update()
        self._is_looking = True
        self._ask.throttle()

    def _place_bars(self) -> None:
        layout, size = self.layout_now, self.viewport().size()
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        across.setRange(0, max(0, layout.width - size.width() + layout.left))
        across.setPageStep(max(1, size.width() - layout.left))
        across.setSingleStep(max(1, int(layout.pitch)))
        down.setRange(0, max(0, layout.height - size.height() + layout.top))
        down.setPageStep(max(1, size.height() - layout.top))
        down.setSingleStep(max(1, int(layout.pitch / 2)))

    def _bring(self, column: int) -> None:
        layout, bar = self.layout_now, self.horizontalScrollBar()
        start, room = layout.x(column), self.viewport().width() - layout.left
        if start < bar.value():
            bar.setValue(int(start) - 2)
        elif start + layout.pitch > bar.value() + room:
            bar.setValue(int(start + layout.pitch - room) + 2)

    def _patch(self, column: int) -> int:
        assert self._columns is not None
        return self._columns.patch(column)

    def _column_at(self, place: QPoint) -> int | None:
        layout = self.layout_now
        if place.x() < layout.left:
            return None
        return layout.column_at(place.x() - layout.left + self.horizontalScrollBar().value())

    def _stain_at(self, place: QPoint) -> str | None:
        layout = self.layout_now
        if self._columns is None or place.y() < layout.top:
            return None
        row = int((place.y() - layout.top + self.verticalScrollBar().value()) // layout.pitch)
        return self._columns.stains[row] if row < layout.stains else None

    def _paint_hint(self, painter: QPainter) -> None:
        room = QRectF(self.viewport().rect()).adjusted(16, 8, -16, -8)
        painter.setPen(self.palette().text().color())
        flags = Qt.AlignmentFlag.AlignCenter.value | Qt.TextFlag.TextWordWrap.value
        painter.drawText(room, flags, self._hint)


def _scroll(bar: Any, turned: int, side: int) -> None:
    bar.setValue(bar.value() - turned * max(1, side) // _WHEEL_STEP)
