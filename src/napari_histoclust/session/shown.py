"""What a view shows is a frozen state: resolved anew at each change, and only what differs is painted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def differing(before: DataclassInstance | None, now: DataclassInstance) -> Mapping[str, Any]:
    """Return the fields of a dataclass that differ from those before, by name; all where there are none."""
    values = {field.name: getattr(now, field.name) for field in fields(now)}
    if before is None:
        return values
    return {name: value for name, value in values.items() if _differ(getattr(before, name), value)}


def _differ(before: Any, now: Any) -> bool:
    """Whether two values differ; arrays are told apart by identity."""
    return before is not now and (isinstance(now, np.ndarray) or bool(before != now))


class ShowsState:
    """Mixin of a view: paints the fields of its state that differ from what it shows.

    `_resolve` returns the state, a frozen dataclass; `_show_<field>` paints a field. They are called in the
    order of the fields, once `_state` is the new one.
    """

    _state: Any = None

    def _resolve(self) -> DataclassInstance:
        raise NotImplementedError

    def _refresh(self) -> None:
        before, self._state = self._state, self._resolve()
        for name, value in differing(before, self._state).items():
            getattr(self, f"_show_{name}")(value)

    def _on_session_changed(self, _: Any) -> None:
        self._refresh()
