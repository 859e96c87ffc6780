"""The one error that a user can answer."""

from __future__ import annotations


class HistoclustError(Exception):
    """A fault that the user can mend.

    The message is one sentence that names the file or the option and says what to do. The command line
    prints it alone and exits with 2; the window shows it as a notification.
    """


class Cancelled(Exception):  # noqa: N818 - not a fault: the user asked for it
    """Raised by `napari_histoclust.core.jobs.drive` when the caller asked a job to stop."""
