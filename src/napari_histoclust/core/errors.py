"""The errors that a user can answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import Formatter
from typing import Any


class HistoclustError(Exception):
    """A fault that the user can mend.

    The message is one sentence that names the file or the setting and says what to do. The command line
    prints it alone and exits with 2; the window shows it as a notification.
    """

    def sentence(self, name_of: Callable[[str], str]) -> str:
        """Return the message with each setting called as `name_of` says; here it names none."""
        return str(self)


def flag_of(setting: str) -> str:
    """Return the command line's name of a setting: "patch_px" -> "--patch-px"."""
    return f"--{setting.replace('_', '-')}"


class SettingError(HistoclustError):
    """A fault that lies in a setting: the command line names its flag, the window the title in its form.

    Parameters
    ----------
    template : str
        The message, with settings as named fields and values as numbered ones: "{patch_px} {}: too large."
    *values : object
        What stands in the numbered fields.
    """

    def __init__(self, template: str, *values: object) -> None:
        super().__init__(template, *values)

    def __str__(self) -> str:
        return self.sentence(flag_of)

    def sentence(self, name_of: Callable[[str], str]) -> str:
        """Return the message with each setting called as `name_of` says."""
        template, *values = self.args
        return _Named(name_of).vformat(template, values, {})


class _Named(Formatter):
    """Formats named fields by what `name_of` calls them."""

    def __init__(self, name_of: Callable[[str], str]) -> None:
        self._name_of = name_of

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return args[key] if isinstance(key, int) else self._name_of(key)


class Cancelled(Exception):  # noqa: N818 - not a fault: the user asked for it
    """Raised by `napari_histoclust.core.jobs.drive` when the caller asked a job to stop."""
