"""Another colour for a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QWidget

from napari_histoclust.viewer.notices import sentences_shown

if TYPE_CHECKING:
    from napari_histoclust.session import Palette


class ColourChoice(QColorDialog):
    """Asks for a colour and gives it to the cluster when OK is pressed.

    Parameters
    ----------
    palette : Palette
    cluster : int
        A shown id.
    parent : QWidget
    """

    def __init__(self, palette: Palette, cluster: int, parent: QWidget) -> None:
        super().__init__(QColor(palette.state.colours[cluster - 1]), parent)
        self._palette, self._cluster = palette, cluster
        self.setWindowTitle(f"Colour of {palette.state.names[cluster - 1]}")
        self.setOption(
            QColorDialog.ColorDialogOption.DontUseNativeDialog
        )  # some native ones ignore the theme
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.colorSelected.connect(self._on_self_color_selected)

    def _on_self_color_selected(self, colour: QColor) -> None:
        with sentences_shown():
            if self._cluster in self._palette.shown_ids:
                self._palette.recolour(self._cluster, colour.name())
