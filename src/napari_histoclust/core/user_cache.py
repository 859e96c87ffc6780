"""Where what can be computed again is kept between sessions, and how much of it: the user's cache folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from napari_histoclust.core.errors import HistoclustError


@dataclass(frozen=True)
class UserCache:
    """One of the folders, which environment variables may move and bound.

    Parameters
    ----------
    name : str
        Of the folder; NAME in HISTOCLUST_NAME, which moves it, and in HISTOCLUST_NAME_GIB.
    default_gib : float
        GiB that it may take unless the variable says otherwise; 0 keeps nothing.
    """

    name: str
    default_gib: float

    @property
    def folder_variable(self) -> str:
        """Name of the variable that moves the folder."""
        return f"HISTOCLUST_{self.name.upper()}"

    @property
    def gib_variable(self) -> str:
        """Name of the variable that bounds what it holds."""
        return f"{self.folder_variable}_GIB"

    def folder(self) -> Path:
        """Return where it lies."""
        stated = os.environ.get(self.folder_variable)
        if stated:
            return Path(stated)
        from platformdirs import user_cache_path

        return user_cache_path("napari-histoclust") / self.name

    def most_bytes(self) -> float:
        """Return the bytes that all in it may take.

        Raises
        ------
        HistoclustError
            If the variable is no number.
        """
        stated = os.environ.get(self.gib_variable, self.default_gib)
        try:
            return float(stated) * 2**30
        except ValueError as error:
            raise HistoclustError(
                f"{self.gib_variable}={stated}: is no number of GiB: correct or unset it."
            ) from error
