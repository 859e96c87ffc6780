"""Which numbers a setting takes, read from its declaration: what a box checks, steps by and describes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.settings import Settings
from napari_histoclust.session.forms.numbers import Number, Typed, decimal_number, whole_number, written

_UNBOUNDED = 10**9  # of a whole number whose declaration knows no end
_UNITS = {"_px": ("px",), "_deg": ("°", "degrees", "deg"), "_mib": ("MiB",)}


@dataclass(frozen=True)
class NumberRange:
    """The numbers from `low` to `high`.

    Parameters
    ----------
    low, high : int or float
    is_whole : bool
    multiple : int
        Of which whole numbers must be multiples.
    without_low, without_high : bool
        Whether the end itself does not belong to a range of decimals.
    is_optional : bool
        Whether None is a value, too.
    units : tuple of str
        What may be typed behind a number.
    """

    low: Number = -math.inf
    high: Number = math.inf
    is_whole: bool = False
    multiple: int = 1
    without_low: bool = False
    without_high: bool = False
    is_optional: bool = False
    units: tuple[str, ...] = ()

    def read(self, text: str) -> Number | None:
        """Return the number that is typed, inside or not; None where it is none (yet)."""
        whole = whole_number(text, self.units) if self.is_whole else None
        return decimal_number(text, self.units) if whole is None else whole

    def allows(self, value: Typed) -> bool:
        """Whether a value may be used."""
        if value is None or isinstance(value, str):
            return value is None and self.is_optional
        return self._is_within(value) and not (self.is_whole and value % self.multiple)

    def checked(self, value: Typed, caption: str) -> Number | None:
        """Return a value that may be used.

        Raises
        ------
        HistoclustError
            If it may not; names the field by its caption.
        """
        if isinstance(value, str) or not self.allows(value):
            wanted = self._limits() if isinstance(value, int) else self.description()
            raise HistoclustError(f'"{caption}" is {_as_typed(value)}: it must be {wanted}.')
        return value

    def stepped(self, value: Number | None, steps: int) -> Number | None:
        """Return what the arrows make of a value: always one that may be used, None below the smallest."""
        if value is None:
            return self._start() if steps > 0 else None
        if self.is_optional and steps < 0 and value <= self.low:
            return None
        if not self._is_within(value):  # a step leads to the end that was passed
            end = self._bounded(value)
            return end if self.allows(end) else self._moved(end, 1 if end == self.low else -1)
        moved = self._bounded(self._moved(value, steps))
        return moved if self.allows(moved) else value

    def _is_within(self, value: Number) -> bool:
        is_above = value > self.low if self.without_low else value >= self.low
        return is_above and (value < self.high if self.without_high else value <= self.high)

    def _bounded(self, value: Number) -> Number:
        return min(max(value, self.low), self.high)

    def _moved(self, value: Number, steps: int) -> Number:
        return self._whole_step(value, steps) if self.is_whole else _decimal_step(value, steps)

    def description(self) -> str:
        """Return "a whole number, 4 to 4,096", "more than 0", "0 to less than 0.5"."""
        return f"a whole number, {self._limits()}" if self.is_whole else self._limits()

    def _limits(self) -> str:
        low, high = (f"{end:,}" if self.is_whole else written(end) for end in (self.low, self.high))
        below = f"less than {high}" if self.without_high else high
        if self.multiple > 1:
            return f"{low} to {high}, a multiple of {self.multiple}"
        if math.isinf(self.high):
            return f"more than {low}" if self.without_low else f"{low} or more"
        return f"more than {low}, up to {below}" if self.without_low else f"{low} to {below}"

    def _start(self) -> Number:
        return self.low if math.isfinite(self.low) else 0

    def _whole_step(self, value: Number, steps: int) -> Number:
        """Go to the next multiples; a number between two of them comes to the nearer end of its gap."""
        at = math.floor(value / self.multiple) if steps > 0 else math.ceil(value / self.multiple)
        return (at + steps) * self.multiple


def _as_typed(value: Typed) -> str:
    if isinstance(value, str):
        return f'"{value}"' if value else "empty"
    return "empty" if value is None else written(value)


@cache
def ranges_of(cls: type[Settings]) -> Mapping[str, NumberRange]:
    """Return what each setting of a class takes that is a number, by name."""
    declared = cls.model_json_schema()["properties"]
    ranges = {name: range_of(name, line) for name, line in declared.items()}
    return MappingProxyType({name: numbers for name, numbers in ranges.items() if numbers is not None})


def range_of(name: str, declared: Mapping[str, Any]) -> NumberRange | None:
    """Return what a setting takes, None where it is no number.

    Parameters
    ----------
    name : str
        Of the setting; its end tells the unit.
    declared : Mapping
        The setting's part of the JSON schema of its model.
    """
    choices = declared.get("anyOf", [declared])
    number = next((choice for choice in choices if choice.get("type") in ("integer", "number")), None)
    if number is None or "enum" in number:
        return None
    ends = _whole_limits(number) if number["type"] == "integer" else _decimal_limits(number)
    units = next((units for end, units in _UNITS.items() if name.endswith(end)), ())
    return NumberRange(**ends, is_optional=len(choices) > 1, units=units)


def _whole_limits(declared: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "low": declared.get("minimum", declared.get("exclusiveMinimum", -_UNBOUNDED - 1) + 1),
        "high": declared.get("maximum", declared.get("exclusiveMaximum", _UNBOUNDED + 1) - 1),
        "is_whole": True,
        "multiple": declared.get("multipleOf", 1),
    }


def _decimal_limits(declared: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "low": declared.get("minimum", declared.get("exclusiveMinimum", -math.inf)),
        "high": declared.get("maximum", declared.get("exclusiveMaximum", math.inf)),
        "without_low": "exclusiveMinimum" in declared,
        "without_high": "exclusiveMaximum" in declared,
    }


def _decimal_step(value: Number, steps: int) -> float:
    """Step in the second digit, as a rate of 0.003 and a weight of 20 need steps of their own."""
    size = abs(value) or 0.1
    step = 10.0 ** (math.floor(math.log10(size)) - 1)
    return float(f"{value + steps * step:.6g}")
