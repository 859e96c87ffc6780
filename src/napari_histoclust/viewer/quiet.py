"""napari's read-out of what lies under the mouse, switched off while a job needs the processor.

napari computes it in a thread of its own at each move of the mouse, and that thread and a training share one
interpreter lock: 38 training steps a second fall to 13-20 while the mouse moves, and to 30-37 without it.
"""

from __future__ import annotations

from napari.settings import get_settings

_FIELD = "update_status_based_on_layer"


class QuietStatus:
    """Switches the read-out off, until `end`; where the user has it off, it stays off."""

    def __init__(self) -> None:
        self._is_mine = bool(get_settings().appearance.update_status_based_on_layer)
        if self._is_mine:
            get_settings().appearance.update_status_based_on_layer = False
            _write_without_it()

    def end(self, *_: object) -> None:
        """Switch it on again, if it was on; a second time does nothing."""
        if self._is_mine:
            self._is_mine = False
            get_settings().appearance.update_status_based_on_layer = True


def _write_without_it() -> None:
    """Leave the file of settings as it was: napari wrote it, and a crash must not make this lasting."""
    settings = get_settings()
    if settings.config_path:
        settings.save(exclude={"appearance": {_FIELD}})
