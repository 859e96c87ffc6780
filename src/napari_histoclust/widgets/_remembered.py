"""What was typed into a dock, kept for as long as its session: a dock opened again shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from napari_histoclust.session import Session

_NOTES: WeakKeyDictionary[Session, dict[str, Any]] = WeakKeyDictionary()


def remembered(session: Session) -> dict[str, Any]:
    """Return the notes of a session, to be read and written; nothing of a result belongs here."""
    return _NOTES.setdefault(session, {})
