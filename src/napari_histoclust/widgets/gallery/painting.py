"""How a column, its caption and the headings look."""

from __future__ import annotations

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFontMetrics, QPainter, QPalette, QPen

from napari_histoclust.session.gallery.columns import BAR, GAP, Columns, GalleryLayout
from napari_histoclust.widgets.gallery.loader import Thumbnail, ThumbnailLoader

_CAPTIONS = ("Patch", "Confidence")
_CROSSED, _EMPTY = 0.45, 0.11  # shares of the text's colour in the background's


def captions_height(metrics: QFontMetrics) -> int:
    """Return the height of two lines and the coloured strip."""
    return 2 * metrics.height() + BAR + 3 * GAP


def headings_width(metrics: QFontMetrics, stains: tuple[str, ...]) -> int:
    """Return the width of the longest heading."""
    return max(metrics.horizontalAdvance(heading) for heading in (*stains, *_CAPTIONS)) + 3 * GAP


class ColumnPainter:
    """Paints what is in sight.

    Parameters
    ----------
    painter : QPainter
        Of the viewport.
    palette : QPalette
        Colours of the theme.
    layout : GalleryLayout
        Where everything lies.
    scrolled : (int, int)
        Px that are scrolled past, x and y.
    """

    def __init__(
        self, painter: QPainter, palette: QPalette, layout: GalleryLayout, scrolled: tuple[int, int]
    ) -> None:
        self._painter = painter
        self._layout = layout
        self._scrolled = scrolled
        self._text = palette.color(QPalette.ColorRole.Text)
        self._empty, self._crossed = (_mixed(palette, share) for share in (_EMPTY, _CROSSED))
        self._dpr = painter.device().devicePixelRatioF()

    def cells(self, columns: Columns, seen: range, loader: ThumbnailLoader, clip: QRectF) -> None:
        """Paint the thumbnails."""
        self._painter.setClipRect(clip)
        for column in seen:
            patch = columns.patch(column)
            thumbnail = loader.get(patch)
            for stain in range(self._layout.stains):
                cell = self._cell(column, stain)
                if thumbnail is None:
                    self._gap(cell, loader.is_unreadable(patch))
                else:
                    self._thumbnail(cell, thumbnail, stain)

    def captions(self, columns: Columns, seen: range, clip: QRectF) -> None:
        """Paint number, confidence and the strip in the cluster's colour above each column."""
        self._painter.setClipRect(clip)
        line = self._line
        for column in seen:
            patch = columns.patch(column)
            x = self._x(column)
            for row, text in enumerate(columns.caption(patch)):
                place = QRectF(x - GAP, GAP + row * line, self._layout.side + 2 * GAP, line)
                self._painter.setPen(self._text)
                self._painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)
            strip = QRectF(x, self._layout.top - BAR, self._layout.side, BAR)
            self._painter.fillRect(strip, QColor(columns.colour(patch)))

    def headings(self, stains: tuple[str, ...], clip: QRectF) -> None:
        """Paint the stains' names."""
        self._painter.setClipRect(clip)
        for stain, name in enumerate(stains):
            self._heading(self._y(stain), self._layout.side, name)

    def corner(self) -> None:
        """Paint what the captions are."""
        self._painter.setClipping(False)
        for row, text in enumerate(_CAPTIONS):
            self._heading(GAP + row * self._line, self._line, text)

    def _heading(self, y: float, height: float, text: str) -> None:
        self._painter.setPen(self._text)
        place = QRectF(0, y, self._layout.left - 2 * GAP, height)
        self._painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    @property
    def _line(self) -> float:
        """Height of a line of the captions."""
        return (self._layout.top - BAR - 3 * GAP) / 2

    def frame(self, column: int, clip: QRectF) -> None:
        """Paint a frame around the column that is pointed at."""
        self._painter.setClipRect(clip)
        pen = QPen(self._text, 2)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        self._painter.setPen(pen)
        height = self._layout.top + self._layout.height - self._scrolled[1]
        around = QRectF(self._x(column), 1, self._layout.side, height - 2)
        self._painter.drawRect(around.adjusted(-GAP / 2, 0, GAP / 2, 0))

    def _x(self, column: int) -> float:
        return self._layout.left + self._layout.x(column) - self._scrolled[0]

    def _y(self, stain: int) -> float:
        return self._layout.top + self._layout.y(stain) - self._scrolled[1]

    def _cell(self, column: int, stain: int) -> QRectF:
        """Place of a thumbnail in px of the screen, whole ones: anything else would blur it."""
        side = round(self._layout.side * self._dpr)
        return QRectF(round(self._x(column) * self._dpr), round(self._y(stain) * self._dpr), side, side)

    def _thumbnail(self, cell: QRectF, thumbnail: Thumbnail, stain: int) -> None:
        self._painter.save()
        self._painter.scale(1 / self._dpr, 1 / self._dpr)
        if thumbnail.side_px == cell.width():
            self._painter.drawImage(QPointF(cell.x(), cell.y()), thumbnail.images[stain])
        else:  # of the size before, until the new one is there
            self._painter.drawImage(cell, thumbnail.images[stain])
        self._painter.restore()

    def _gap(self, cell: QRectF, is_unreadable: bool) -> None:
        """Paint a thumbnail that is not there yet, or crossed out one that will never be."""
        place = QRectF(
            cell.x() / self._dpr, cell.y() / self._dpr, cell.width() / self._dpr, cell.height() / self._dpr
        )
        self._painter.fillRect(place, self._empty)
        if is_unreadable:
            self._painter.setPen(self._crossed)
            self._painter.drawLine(place.topLeft(), place.bottomRight())


def _mixed(palette: QPalette, share: float) -> QColor:
    """Mix the text's colour into the background; a transparent one costs 25 times the time (83 us a cell)."""
    text, ground = palette.color(QPalette.ColorRole.Text), palette.color(QPalette.ColorRole.Window)
    red, green, blue = (
        round(share * front + (1 - share) * back)
        for front, back in (
            (text.red(), ground.red()), (text.green(), ground.green()), (text.blue(), ground.blue())
        )
    )  # fmt: skip
    return QColor(red, green, blue)
