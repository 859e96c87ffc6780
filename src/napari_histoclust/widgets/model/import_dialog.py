"""What the authors' checkpoint files do not say."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QWidget

from napari_histoclust.core.config import FitSettings, spoken
from napari_histoclust.core.slides.names import canonical_stain
from napari_histoclust.widgets._editors import editor_of

_OWN = ("HE", "CD31", "CK19", "Ki67", "MT")
_WORDS = (
    "The checkpoint files do not say which stains they were trained on, nor how large a patch was. The "
    "authors' own model takes HE, CD31, CK19, Ki67, MT and patches of 128 px."
)


class ImportDialog(QDialog):
    """Asks for the stains, in the order of the network's channels, and the patch side.

    Parameters
    ----------
    stains : sequence of str
        Of the slides at hand; the authors' own where there are none.
    parent : QWidget, optional
    """

    def __init__(self, stains: Sequence[str] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import the authors' checkpoint")
        self._stains = QLineEdit(", ".join(stains or _OWN), self)
        self._stains.setToolTip("In the order in which the network was trained, with commas.")
        declared = FitSettings.model_json_schema()["properties"]["patch_px"]
        self._side = editor_of("patch_px", declared)
        self._side.value = FitSettings().patch_px
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.addRow(QLabel(_WORDS, self, wordWrap=True))
        form.addRow("Stains", self._stains)
        form.addRow(spoken("patch_px"), self._side.native)
        form.addRow(buttons)

    def stains(self) -> tuple[str, ...]:
        """Return the stains that are typed, by the names that slides have."""
        return tuple(canonical_stain(name.strip()) for name in self._stains.text().split(",") if name.strip())

    def patch_px(self) -> int:
        """Return the patch side in px of full resolution."""
        return int(self._side.value)
