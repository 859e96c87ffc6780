"""What the mouse draws on the plot, and what it means for the selection."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_histoclust.session import Selection

_CLICK_PX = 4.0  # a hand that clicks moves by less
_STEP_PX = 1.5  # corners of a lasso are no nearer to each other


class Tool(Enum):
    """What a drag with the left button does."""

    LASSO = "lasso"
    RECTANGLE = "rectangle"
    CLICK = "click"


class Combine(Enum):
    """What new patches do to those that are selected."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"

    def apply(self, selection: Selection, patches: NDArray[np.generic] | list[int]) -> None:
        """Change the selection by these patches."""
        changes = {
            Combine.REPLACE: selection.set,
            Combine.ADD: selection.add,
            Combine.REMOVE: selection.remove,
        }
        changes[self](patches)


class Outline:
    """A lasso or a rectangle that is being drawn.

    Parameters
    ----------
    tool : Tool
        Which of them.
    column, row : float
        Where the button went down, px.
    """

    def __init__(self, tool: Tool, column: float, row: float) -> None:
        self.tool = tool
        self._corners = [(column, row)]
        self._end = (column, row)
        self._is_drag = False

    @property
    def is_click(self) -> bool:
        """Whether the mouse has stayed where it was."""
        return not self._is_drag

    def extend(self, column: float, row: float) -> None:
        """Go on to another px."""
        self._end = (column, row)
        self._is_drag |= _distance(self._end, self._corners[0]) >= _CLICK_PX
        if self.tool is Tool.LASSO and _distance(self._end, self._corners[-1]) >= _STEP_PX:
            self._corners.append(self._end)

    def corners(self) -> NDArray[np.float64]:
        """Return the (k, 2) columns and rows of the polygon, px."""
        if self.tool is Tool.LASSO:
            return np.array([*self._corners, self._end])
        (x0, y0), (x1, y1) = self._corners[0], self._end
        return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def _distance(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(np.hypot(a[0] - b[0], a[1] - b[1]))
