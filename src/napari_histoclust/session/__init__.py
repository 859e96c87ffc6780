"""What the window works on, as plain Python: no Qt, no napari.

Views ask and listen: a gesture calls one method here, and the signal that follows calls one repaint; a
repaint never writes. Signals come in the thread that made the change, which in the window is the GUI thread.
"""

from __future__ import annotations

from napari_histoclust.session.palette import Palette
from napari_histoclust.session.selection import Selection
from napari_histoclust.session.session import Session

__all__ = ["Palette", "Selection", "Session"]
