"""The canvas of the plot: a raster under a few drawn marks, and the mouse on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, Qt, Signal
from qtpy.QtGui import QImage, QPainter
from qtpy.QtWidgets import QSizePolicy, QStyle, QStyleOption, QWidget
from superqt.utils import qthrottled

from napari_histoclust.session.plot.camera import CLOSEST, FARTHEST, Camera, fitted
from napari_histoclust.session.plot.gestures import Combine, Outline, Tool
from napari_histoclust.widgets.scatter.marks import draw_names, draw_outline, draw_ring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from qtpy.QtCore import QEvent
    from qtpy.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent, QWheelEvent

    from napari_histoclust.session.plot.plot import Plot
    from napari_histoclust.widgets.scatter.marks import Name

REACH_PX = 6.0
"""How far from a point one may click."""
_ZOOM_PER_STEP = 1.25  # of the mouse wheel
_WHEEL_STEP = 120  # eighths of a degree
_ARROW_SHARE = 0.1  # of the canvas
_HOVER_MS = 30
_ARROWS: dict[int, tuple[int, int]] = {
    Qt.Key.Key_Left: (1, 0),
    Qt.Key.Key_Right: (-1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
_ZOOM_KEYS: dict[int, int] = {Qt.Key.Key_Plus: 1, Qt.Key.Key_Equal: 1, Qt.Key.Key_Minus: -1}


class ScatterCanvas(QWidget):
    """Shows a plot and tells what was drawn on it; knows no session.

    Signals
    -------
    outlined : (k, 2) array, Combine
        A polygon in px of the canvas was drawn.
    clicked, double_clicked : int or None, Combine
        On the point of this patch, or on none.
    hovered : int or None
        The mouse is over this patch, or over none.
    """

    outlined = Signal(object, object)
    clicked = Signal(object, object)
    double_clicked = Signal(object, object)
    hovered = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tool, self.combine = Tool.LASSO, Combine.REPLACE
        self._plot: Plot | None = None
        self._camera = Camera(0, 0, 1, 1, 1)
        self._is_fitted = True
        self._pixels: NDArray[np.uint32] | None = None
        self._names: Sequence[Name] = ()
        self._ring: tuple[float, float] | None = None
        self._outline: Outline | None = None
        self._dragged_from: QPointF | None = None
        self._is_space_down = False
        self._hover = qthrottled(self._emit_hovered, timeout=_HOVER_MS, parent=self)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 160)
        self._show_cursor()

    @property
    def camera(self) -> Camera:
        """What is shown, in px of the canvas."""
        return self._camera

    @property
    def is_drawing(self) -> bool:
        """Whether a lasso or a rectangle is being drawn."""
        return self._outline is not None

    def set_plot(self, plot: Plot | None) -> None:
        """Show another plot, whole."""
        self._plot, self._ring, self._names = plot, None, ()
        self.cancel_outline()
        self.fit()

    def refresh(self) -> None:
        """Draw the points again at the next turn of the event loop, however often this is called."""
        self._pixels = None
        self.update()

    def set_names(self, names: Sequence[Name]) -> None:
        """Write these texts at their places of the plane."""
        self._names = names
        self.update()

    def set_ring(self, place: tuple[float, float] | None) -> None:
        """Put a ring about a place of the plane."""
        self._ring = place
        self.update()

    def set_tool(self, tool: Tool) -> None:
        """Choose what a drag with the left button does."""
        self.tool = tool
        self._show_cursor()

    def set_combine(self, combine: Combine) -> None:
        """Choose what new patches do to the selection while no key is held."""
        self.combine = combine

    def cancel_outline(self) -> None:
        """Drop the lasso or rectangle that is being drawn."""
        self._outline = None
        self.update()

    def fit(self) -> None:
        """Show all points."""
        if self._plot is not None:
            self._camera = fitted(self._plot.points.bounds, self.width(), self.height())
        self._is_fitted = True
        self.refresh()

    def look(self, camera: Camera) -> None:
        """Show another part of the plane; at the ends of the zoom only the place changes."""
        if self._plot is None:
            return
        whole = fitted(self._plot.points.bounds, self.width(), self.height()).scale
        if FARTHEST * whole <= camera.scale <= CLOSEST * whole:
            self._camera, self._is_fitted = camera, False
            self.refresh()

    def zoom(self, steps: float, at: QPointF | None = None) -> None:
        """Enlarge by so many steps of the mouse wheel about a px, the middle if not given."""
        at = QPointF(self.width() / 2, self.height() / 2) if at is None else at
        self.look(self._camera.zoomed(_ZOOM_PER_STEP**steps, at.x(), at.y()))

    def patch_at(self, place: QPointF) -> int | None:
        """Return the patch whose point is at a px of the canvas."""
        if self._plot is None:
            return None
        return self._plot.patch_at(place.x(), place.y(), self._camera, REACH_PX)

    def device_camera(self) -> Camera:
        """Return what is shown in px of the screen."""
        return self._camera.in_device_px(self.devicePixelRatioF())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name, as those below
        """Draw the points if they have changed, then the marks."""
        painter, option = QPainter(self), QStyleOption()
        option.initFrom(self)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_Widget, option, painter, self)
        if self._plot is not None:
            painter.drawImage(0, 0, self._image(self._plot))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            draw_names(painter, self._camera, self._names, self.palette())
            draw_ring(painter, self._camera, self._ring, self.palette())
            if self._outline is not None and not self._outline.is_click:
                draw_outline(painter, self._outline.corners(), self.palette())
        painter.end()

    def _image(self, plot: Plot) -> QImage:
        """The points as an image over memory that this widget holds."""
        camera = self.device_camera()
        width, height = int(camera.width), int(camera.height)
        if self._pixels is None or self._pixels.shape != (height, width):  # or it moved to a finer screen
            self._pixels = plot.draw(camera)
        form = QImage.Format.Format_ARGB32_Premultiplied
        image = QImage(self._pixels.data, width, height, 4 * width, form)
        image.setDevicePixelRatio(camera.ratio)
        return image

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep all points in view if they were, else the middle."""
        self._camera = self._camera.resized(self.width(), self.height())
        if self._is_fitted:
            self.fit()
        self.refresh()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin to drag the plot, or an outline on it."""
        if event.button() != Qt.MouseButton.LeftButton or self._is_space_down:
            self._begin_dragging(event.position())
        elif self._plot is not None:
            self._outline = Outline(self.tool, event.position().x(), event.position().y())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go on with what the button began, or tell what is below the mouse."""
        place = event.position()
        if self._dragged_from is not None:
            by, self._dragged_from = place - self._dragged_from, place
            self.look(self._camera.moved(by.x(), by.y()))
        elif self._outline is not None:
            self._extend(self._outline, place)
        else:
            self._hover(place)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End what the button began."""
        self._dragged_from = None
        self._show_cursor()
        outline, self._outline = self._outline, None
        if outline is None or event.button() != Qt.MouseButton.LeftButton:
            return
        self.update()
        if outline.is_click:
            self.clicked.emit(self.patch_at(event.position()), self._combine(event))
        else:
            self.outlined.emit(outline.corners(), self._combine(event))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Tell which point it was."""
        if event.button() == Qt.MouseButton.LeftButton and not self._is_space_down:
            self.double_clicked.emit(self.patch_at(event.position()), self._combine(event))

    def _extend(self, outline: Outline, place: QPointF) -> None:
        """Go on with an outline; the tool for clicks has none, its drag moves the plot."""
        outline.extend(place.x(), place.y())
        if outline.tool is Tool.CLICK and not outline.is_click:
            self._outline = None
            self._begin_dragging(place)
        self.update()

    def _begin_dragging(self, place: QPointF) -> None:
        self._dragged_from = place
        self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def _combine(self, event: QMouseEvent) -> Combine:
        """What the keys that are held ask for, else what was chosen."""
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            return Combine.ADD
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            return Combine.REMOVE
        return self.combine

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom about the mouse; with Alt, Qt turns the wheel sideways."""
        angle = event.angleDelta()
        self.zoom((angle.y() or angle.x()) / _WHEEL_STEP, event.position())
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell that the mouse is over nothing."""
        self._hover(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Pan, zoom and fit."""
        key = event.key()
        if key == Qt.Key.Key_Space:
            self._is_space_down = True
            self._show_cursor()
        elif key == Qt.Key.Key_F and not event.modifiers():
            self.fit()
        elif key in _ZOOM_KEYS:
            self.zoom(_ZOOM_KEYS[key])
        elif key in _ARROWS:
            columns, rows = (_ARROW_SHARE * by * self.width() for by in _ARROWS[key])
            self.look(self._camera.moved(columns, rows))
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Let the plot go."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._is_space_down = False
            self._show_cursor()
        super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Let the plot go: where the space bar is released now is not told here."""
        self._is_space_down = False
        self._show_cursor()
        super().focusOutEvent(event)

    def _show_cursor(self) -> None:
        hand, cross = Qt.CursorShape.OpenHandCursor, Qt.CursorShape.CrossCursor
        arrow = Qt.CursorShape.PointingHandCursor
        self.setCursor(hand if self._is_space_down else arrow if self.tool is Tool.CLICK else cross)

    def _emit_hovered(self, place: QPointF | None) -> None:
        self.hovered.emit(None if place is None else self.patch_at(place))
