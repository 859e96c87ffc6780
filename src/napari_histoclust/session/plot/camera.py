"""Which part of the plane the canvas shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

_MARGIN = 0.05
"""Share of the canvas that `fitted` leaves free at each edge."""
CLOSEST = 2_000.0
FARTHEST = 0.2
"""How far one may zoom, as multiples of the scale at which all points fit."""


@dataclass(frozen=True)
class Camera:
    """A rectangle of the plane on a canvas; canvas px count from its top left corner, y of the plane goes up.

    Parameters
    ----------
    x, y : float
        Point of the plane in the middle of the canvas.
    scale : float
        Canvas px per unit of the plane.
    width, height : float
        Of the canvas, px.
    ratio : float
        Device px per px, where all the others count device px.
    """

    x: float
    y: float
    scale: float
    width: float
    height: float
    ratio: float = 1.0

    def to_canvas(self, x: float, y: float) -> tuple[float, float]:
        """Return the canvas px (column, row) of a point of the plane."""
        return (x - self.x) * self.scale + self.width / 2, (self.y - y) * self.scale + self.height / 2

    def to_plane(self, column: float, row: float) -> tuple[float, float]:
        """Return the point of the plane at a canvas px."""
        x = self.x + (column - self.width / 2) / self.scale
        return x, self.y - (row - self.height / 2) / self.scale

    def moved(self, columns: float, rows: float) -> Camera:
        """Drag the points along by so many px."""
        return replace(self, x=self.x - columns / self.scale, y=self.y + rows / self.scale)

    def zoomed(self, factor: float, column: float, row: float) -> Camera:
        """Enlarge by `factor`; the point at this px stays where it is."""
        x, y = self.to_plane(column, row)
        closer = replace(self, scale=self.scale * factor)
        there = closer.to_canvas(x, y)
        return closer.moved(column - there[0], row - there[1])

    def resized(self, width: float, height: float) -> Camera:
        """Give the canvas another size; middle and scale stay."""
        return replace(self, width=width, height=height)

    def in_device_px(self, ratio: float) -> Camera:
        """Return the same view on a screen with `ratio` device px per px."""
        width, height = round(self.width * ratio), round(self.height * ratio)
        return Camera(self.x, self.y, self.scale * ratio, width, height, ratio)


def fitted(bounds: tuple[float, float, float, float], width: float, height: float) -> Camera:
    """Return the view of a whole rectangle (x0, y0, x1, y1) of the plane."""
    x0, y0, x1, y1 = bounds
    free = 1 - 2 * _MARGIN
    scale = min(free * width / max(x1 - x0, 1e-6), free * height / max(y1 - y0, 1e-6))
    return Camera((x0 + x1) / 2, (y0 + y1) / 2, max(scale, 1e-6), width, height)
