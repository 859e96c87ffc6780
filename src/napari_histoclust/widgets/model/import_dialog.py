"""What the authors' checkpoint files do not say."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QLineEdit, QWidget

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.slides.names import canonical_stain
from napari_histoclust.session.forms.number_range import ranges_of
from napari_histoclust.session.forms.titles import title_of
from napari_histoclust.widgets._dialogs import AskingDialog
from napari_histoclust.widgets._number_box import NumberBox

_OWN = ("HE", "CD31", "CK19", "Ki67", "MT")
_SIDE = title_of("patch_px")
_WORDS = (
    "The checkpoint files do not say which stains they were trained on, nor how large a patch was. The "
    "authors' own model takes HE, CD31, CK19, Ki67, MT and patches of 128 px."
)


class ImportDialog(AskingDialog):
    """Asks for the stains, in the order of the network's channels, and the patch side.

    Parameters
    ----------
    stains : sequence of str
        Of the slides at hand; the authors' own where there are none.
    """

    def __init__(self, stains: Sequence[str] = (), parent: QWidget | None = None) -> None:
        super().__init__("Import the authors' checkpoint", _WORDS, parent)
        self._stains = QLineEdit(", ".join(stains or _OWN))
        self._stains.setToolTip("In the order in which the network was trained, with commas.")
        field = FitSettings.model_fields["patch_px"]
        self.side = NumberBox(ranges_of(FitSettings)["patch_px"], field.default, field.description or "")
        self.ask("Stains", self._stains)
        self.ask(_SIDE, self.side)

    def check(self) -> None:
        """Raise HistoclustError if the patch side is out of its range."""
        self.patch_px()

    def stains(self) -> tuple[str, ...]:
        """Return the stains that are typed, by the names that slides have."""
        return tuple(canonical_stain(name.strip()) for name in self._stains.text().split(",") if name.strip())

    def patch_px(self) -> int:
        """Return the patch side in px of full resolution.

        Raises
        ------
        HistoclustError
            If it is out of its range.
        """
        return int(self.side.checked(_SIDE))
