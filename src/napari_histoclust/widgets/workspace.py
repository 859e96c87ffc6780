"""All docks in their places, and what holds them together."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_histoclust.viewer.gestures import Gestures
from napari_histoclust.viewer.window import add_dock, remove_dock
from napari_histoclust.widgets._lifetime import when_deleted
from napari_histoclust.widgets.saving import may_leave
from napari_histoclust.widgets.view import ViewBar

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_histoclust.viewer.scene import Viewer
    from napari_histoclust.widgets.context import Context

WORKSPACE = "Workspace"
TABS = ("Slides", "Model", "Clusters", "Validation", "Results")
SCATTER, GALLERY = "UMAP", "Gallery"

_RIGHT_SHARE = 0.28  # of the window's width; not under what the table of clusters needs
_RIGHT_LEAST_PX = 380
_TABS_SHARE, _GALLERY_SHARE = 0.45, 0.36  # of the window's height


class Workspace(ViewBar):
    """The bar above the canvas, which brings all other docks and the gestures on the canvas with it."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._is_arranged = False
        self._gestures = Gestures(context.scene)
        self.region_wanted.connect(self._gestures.draw_region)
        when_deleted(self, context.host.close)
        # Once napari has put this bar into its window, in case the Plugins menu asked for it.
        self._later(self.arrange)

    def fit_later(self) -> None:
        """Fit the slide into the canvas when the docks around it have their sizes."""
        self._later(self._context.scene.fit)

    def _later(self, call: Callable[[], None]) -> None:
        timer = QTimer(self, singleShot=True, interval=0)
        timer.timeout.connect(call)
        timer.start()

    def arrange(self) -> None:
        """Open the other docks and put all of them in their places; a second time does nothing."""
        viewer = self._context.scene.viewer
        window = self.window()
        if self._is_arranged or viewer is None or not isinstance(window, QMainWindow):
            return
        self._is_arranged = True
        self._context.host.open_workspace(window, self._gestures, partial(may_leave, self._context))
        _lay_out(viewer, window)


def open_workspace(viewer: Viewer) -> Workspace:
    """Open every dock in its place around a viewer; what is open already stays."""
    _, workspace = add_dock(viewer, WORKSPACE)
    workspace.arrange()
    found: Workspace = workspace
    return found


def close_workspace(viewer: Viewer) -> None:
    """Take every dock away again."""
    for title in (GALLERY, SCATTER, *reversed(TABS), WORKSPACE):
        remove_dock(viewer, title)


def _lay_out(viewer: Viewer, window: Any) -> None:
    """Bar on top, tabs over the plot on the right, gallery below."""
    right, down = Qt.DockWidgetArea.RightDockWidgetArea, Qt.Orientation.Vertical
    bar, *_ = add_dock(viewer, WORKSPACE)
    tabs = [add_dock(viewer, title)[0] for title in TABS]
    scatter, gallery = (add_dock(viewer, title)[0] for title in (SCATTER, GALLERY))
    window.addDockWidget(Qt.DockWidgetArea.TopDockWidgetArea, bar)
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, gallery)
    window.addDockWidget(right, tabs[0])
    window.splitDockWidget(tabs[0], scatter, down)  # before the others join: a tab cannot be split
    for dock in tabs[1:]:
        window.tabifyDockWidget(tabs[0], dock)
    for title, dock in zip(TABS, tabs, strict=True):
        dock.setWindowTitle(title)  # what the tab says
    tabs[0].raise_()
    _size(window, tabs[0], scatter, gallery)


def _size(window: Any, tabs: QWidget, scatter: QWidget, gallery: QWidget) -> None:
    height = window.height()
    width = max(_RIGHT_LEAST_PX, round(window.width() * _RIGHT_SHARE))
    window.resizeDocks([tabs], [width], Qt.Orientation.Horizontal)
    shares = [round(height * _TABS_SHARE), round(height * (1 - _TABS_SHARE))]
    window.resizeDocks([tabs, scatter], shares, Qt.Orientation.Vertical)
    window.resizeDocks([gallery], [round(height * _GALLERY_SHARE)], Qt.Orientation.Vertical)
