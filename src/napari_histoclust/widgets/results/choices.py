"""What to export: which patches, which formats, and what can be chosen about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QGridLayout, QVBoxLayout, QWidget

from napari_histoclust.core.export.format import Format
from napari_histoclust.core.export.options import ExportOptions
from napari_histoclust.core.export.registry import FORMATS
from napari_histoclust.widgets._controls import scrolled_past, tipped
from napari_histoclust.widgets._number_box import AUTOMATIC
from napari_histoclust.widgets.forms import SettingsForm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_histoclust.session.session import Session

ALL, SHOWN, SELECTED = "All patches", "Clusters that are shown", "Selected patches"
_SCOPES = (ALL, SHOWN, SELECTED)
_SCOPE_HINT = "All patches, those of clusters that are not hidden, or those that are selected now."


class ExportChoices(QWidget):
    """Boxes for the formats, the part of the tissue, and the rest folded below.

    Signals
    -------
    changed
        Another format or another part was chosen.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes = {name: self._box(one) for name, one in FORMATS.items() if one.caption}
        self.scope = tipped(scrolled_past(QComboBox()), _SCOPE_HINT)
        self.scope.addItems(_SCOPES)
        self.scope.currentIndexChanged.connect(self._on_choice_changed)
        self.form: SettingsForm[ExportOptions] = SettingsForm(ExportOptions(), (), "More settings")
        column, line, grid = QVBoxLayout(self), QFormLayout(), QGridLayout()
        column.setContentsMargins(0, 0, 0, 0)
        line.addRow("What", self.scope)
        for i, box in enumerate(self.boxes.values()):
            grid.addWidget(box, i // 2, i % 2)
        column.addLayout(line)
        column.addLayout(grid)
        column.addWidget(self.form)

    def formats(self) -> list[str]:
        """Return the ticked formats."""
        return [name for name, box in self.boxes.items() if box.isChecked()]

    def options(self) -> ExportOptions:
        """Return what was chosen about them."""
        return self.form.value()

    def set_stains(self, stains: Sequence[str]) -> None:
        """Offer other stains."""
        editor: Any = self.form.editors["stain"]
        editor.choices = [(AUTOMATIC, None), *((stain, stain) for stain in stains)]

    def patches(self, session: Session) -> NDArray[np.bool_] | None:
        """Return the (n,) patches that are meant, None for all."""
        import numpy as np

        scope, palette = self.scope.currentText(), session.palette
        if scope == SELECTED:
            return session.selection.mask
        if scope == SHOWN:
            return ~np.isin(palette.shown_labels, list(palette.state.hidden))
        return None

    def _box(self, of: Format) -> QCheckBox:
        box = tipped(QCheckBox(of.caption), of.hint)
        box.setChecked(of.is_usual)
        box.toggled.connect(self._on_choice_changed)
        return box

    def _on_choice_changed(self, *_: object) -> None:
        self.changed.emit()
