"""The tree across K in a window of its own: a click on a column sets the number of clusters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPalette, QPen
from qtpy.QtWidgets import QDialog, QLabel, QToolTip, QVBoxLayout, QWidget

from napari_histoclust.core.statistics.k_tree import Band, KTree, Node, count_tree
from napari_histoclust.session.session import Aspect
from napari_histoclust.session.summary import counted
from napari_histoclust.widgets._controls import prose
from napari_histoclust.widgets._lifetime import follow
from napari_histoclust.widgets._reading import BackgroundReader

if TYPE_CHECKING:
    from napari_histoclust.core.run.lineage import Looks
    from napari_histoclust.core.run.recluster import EveryK
    from napari_histoclust.session import Session
    from napari_histoclust.widgets.clusters.k_slider import KSlider

_HINT = (
    "One column for each number of clusters (K): bars are as high as their share of the patches, bands show "
    "where the patches go. Click a column to show that number; rest on a bar to read what it is."
)
_COUNTING = "The patches are being counted for every number of clusters…"
_NODE, _SHADE = 0.36, 90  # width of a bar in columns; opacity of a band, of 255
_TITLE_PX, _MARGIN_PX = 18, 8


class TreeView(QWidget):
    """Paints the tree.

    Signals
    -------
    clicked : int
        The number of clusters whose column was clicked.
    """

    clicked = Signal(int)

    def __init__(self, tree: KTree, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tree = tree
        self._looks: Mapping[int, Looks] = {}
        self._k = 0
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_looks(self, looks: Mapping[int, Looks], k: int) -> None:
        """Paint names and colours for each K, and mark the one that is shown."""
        self._looks, self._k = looks, k
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a size at which every bar is seen."""
        return QSize(26 * len(self.tree.ks) + 2 * _MARGIN_PX, 520)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the smallest size."""
        return QSize(12 * len(self.tree.ks), 200)

    def place_of(self, k: int) -> QRectF:
        """Return the place of a column."""
        width = (self.width() - 2 * _MARGIN_PX) / len(self.tree.ks)
        left = _MARGIN_PX + (k - self.tree.ks.start) * width
        return QRectF(left, _TITLE_PX, width, self.height() - _TITLE_PX - _MARGIN_PX)

    def _k_at(self, x: float) -> int:
        width = (self.width() - 2 * _MARGIN_PX) / len(self.tree.ks)
        place = int((x - _MARGIN_PX) // width)
        return self.tree.ks[min(max(place, 0), len(self.tree.ks) - 1)]

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Ask for the number whose column was clicked."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit(self._k_at(event.position().x()))

    def event(self, event: QEvent) -> bool:
        """Tell what lies under the mouse where it rests."""
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.describe(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def describe(self, place: QPointF) -> str:
        """Return what stands at a place."""
        k = self._k_at(place.x())
        column = self.place_of(k)
        node = self.tree.node_at(k, (place.y() - column.top()) / column.height())
        if node is None or not self._looks:
            return f"{k} clusters"
        sources = self.tree.sources(k, node.number)[:3]
        origin = ", ".join(f"{share:.0%} from {self._looks[k - 1].names[one - 1]}" for one, share in sources)
        name, patches = self._looks[k].names[node.number - 1], counted(node.patches, "patch", "patches")
        return f"{k} clusters: {name}\n{patches}" + (f"\n{origin}" if origin else "")

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint bands, bars, and the column that is shown."""
        if not self._looks:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for band in self.tree.bands:
            colour = QColor(self._looks[band.k + 1].colours[band.target - 1])
            colour.setAlpha(_SHADE)
            painter.fillPath(self._outline(band), colour)
        for node in self.tree.nodes:
            painter.fillRect(self._bar(node), QColor(self._looks[node.k].colours[node.number - 1]))
        self._write_numbers(painter)
        painter.end()

    def _write_numbers(self, painter: QPainter) -> None:
        """Write K over each column, every other one where they are narrow, and frame the one shown."""
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        painter.setPen(ink)
        needed = painter.fontMetrics().horizontalAdvance("40 ")
        step = 1 if self.place_of(self.tree.ks.start).width() >= needed else 2
        for k in self.tree.ks:
            column = self.place_of(k)
            if k % step == 0 or k == self._k:
                title = QRectF(column.left() - 8, 0, column.width() + 16, _TITLE_PX)
                painter.drawText(title, Qt.AlignmentFlag.AlignCenter, str(k))
        if self._k in self.tree.ks:
            painter.setPen(QPen(ink, 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.place_of(self._k).adjusted(0.5, -1, -0.5, 2))

    def _bar(self, node: Node) -> QRectF:
        column = self.place_of(node.k)
        y = column.top() + node.top * column.height()
        height = max(1.0, (node.bottom - node.top) * column.height())
        return QRectF(column.left() + (1 - _NODE) / 2 * column.width(), y, _NODE * column.width(), height)

    def _outline(self, band: Band) -> QPainterPath:
        """Return the outline of a band, which leaves and enters its bars level."""
        one, other = self.place_of(band.k), self.place_of(band.k + 1)
        x, end = one.left() + (1 + _NODE) / 2 * one.width(), other.left() + (1 - _NODE) / 2 * other.width()
        middle = (x + end) / 2
        ys = [one.top() + part * one.height() for part in (*band.left, *band.right)]
        path = QPainterPath(QPointF(x, ys[0]))
        path.cubicTo(QPointF(middle, ys[0]), QPointF(middle, ys[2]), QPointF(end, ys[2]))
        path.lineTo(QPointF(end, ys[3]))
        path.cubicTo(QPointF(middle, ys[3]), QPointF(middle, ys[1]), QPointF(x, ys[1]))
        path.closeSubpath()
        return path


class TreeDialog(QDialog):
    """Counts in the background, then shows the tree; follows the session until it is closed.

    Parameters
    ----------
    session : Session
    every : EveryK
        Of the session's run.
    slider : KSlider
        Sets the number of clusters.

    Attributes
    ----------
    view : TreeView or None
        None until all is counted.
    """

    def __init__(self, session: Session, every: EveryK, slider: KSlider) -> None:
        super().__init__(slider)
        self._session, self._every, self._slider = session, every, slider
        self.view: TreeView | None = None
        self.setWindowTitle("Clusters for every K")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._note: QLabel = prose(_COUNTING)
        self._column = QVBoxLayout(self)
        self._column.addWidget(self._note)
        self._reader = BackgroundReader(self)
        self._reader.arrived.connect(self._on_reader_arrived)
        follow(self, session.changed, self._on_session_changed)
        self._reader.ask([("tree", partial(count_tree, every))])
        self.resize(1060, 600)

    def _on_reader_arrived(self, _: object, tree: KTree) -> None:
        self._note.setText(_HINT)
        self.view = TreeView(tree)
        self.view.clicked.connect(self._slider.want)
        self._column.addWidget(self.view, 1)
        self._show_looks()

    def _on_session_changed(self, changed: frozenset[Aspect]) -> None:
        if Aspect.RUN in changed and self._session.run is not self._every.run:
            self.close()
        elif Aspect.PALETTE in changed:
            self._show_looks()

    def _show_looks(self) -> None:
        if self.view is not None:
            self.view.show_looks(self._every.looks(self._session.palette.state), self._slider.shown)
