"""Which numbers a setting takes, beside what pydantic says of the same declaration."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from napari_histoclust.core.config import FitSettings, MapSettings, RunSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.export.options import ExportOptions
from napari_histoclust.session.forms.number_range import NumberRange, ranges_of

CLASSES = (FitSettings, MapSettings, RunSettings, ExportOptions)
FIELDS = sorted(
    {(cls, name) for cls in CLASSES for name in ranges_of(cls)},
    key=lambda field: (field[0].__name__, field[1]),
)
NUMBERS = st.one_of(
    st.none(),
    st.integers(-1000, 10**9),
    st.floats(-10, 10),
    st.sampled_from([0, 0.5, 1, 2, 4, 32, 40, 64, 96, 180, 200, 201, 4096, 4097, 2**32 - 1, 2**32, 1e-300]),
)


def test_every_number_has_a_range_and_nothing_else_has() -> None:
    assert set(ranges_of(ExportOptions)) == {"opacity", "simplify_px", "permutations"}
    assert not {"device", "flips", "preset"} & set(ranges_of(RunSettings))
    assert {"cache_mib", "stride_px", "seed", "shift"} <= set(ranges_of(RunSettings))


@given(st.sampled_from(FIELDS), NUMBERS)
def test_a_value_is_allowed_where_the_declaration_allows_it(field: tuple[Any, str], value: Any) -> None:
    cls, name = field
    numbers = ranges_of(cls)[name]
    if numbers.high == 10**9 and value is not None and value > 10**9:
        return  # beyond what a form takes where the declaration knows no end
    assert numbers.allows(value) == is_valid(cls, name, value)


def is_valid(cls: Any, name: str, value: Any) -> bool:
    try:
        cls.model_validate({name: value})
    except ValidationError:
        return False
    return True


@given(st.sampled_from(FIELDS), NUMBERS, st.sampled_from([-10, -1, 1, 10]))
def test_a_step_leads_to_what_may_be_used(field: tuple[Any, str], value: Any, steps: int) -> None:
    numbers = ranges_of(field[0])[field[1]]
    assume(value is not None or numbers.is_optional)
    stepped = numbers.stepped(value, steps)
    assert numbers.allows(stepped)
    if numbers.allows(value) and None not in (value, stepped):
        assert (stepped - value) * steps >= 0


@pytest.mark.parametrize(
    ("name", "value", "steps", "after"),
    [
        ("clusters", 14, 1, 15), ("clusters", 200, 1, 200), ("clusters", 2, -1, 2), ("clusters", 3, -10, 2),
        ("clusters", 300, 1, 200), ("clusters", 300, -1, 200), ("clusters", 0, -1, 2),
        ("clusters", 16.5, 1, 17), ("clusters", 16.5, -1, 16), ("input_px", 32, 1, 64),
        ("input_px", 40, 1, 64), ("input_px", 40, -1, 32), ("input_px", 64, 1, 64),
        ("learning_rate", 0.003, 1, 0.0031), ("learning_rate", 0.001, -1, 0.0009),
        ("learning_rate", -1, 1, 0.01), ("scale", 0.49, 1, 0.49), ("scale", 0.7, -1, 0.49),
        ("scale", 0.5, 1, 0.49),
        ("min_tissue", 0.99, 10, 1.0), ("min_tissue", 0.0, 1, 0.01), ("min_tissue", 0.0, -1, 0.0),
        ("cache_mib", None, 1, 1), ("cache_mib", 1, -1, None), ("cache_mib", None, -1, None),
        ("stride_px", 5, -1, 4),
    ],
)  # fmt: skip
def test_steps(name: str, value: Any, steps: int, after: Any) -> None:
    assert ranges_of(RunSettings)[name].stepped(value, steps) == after


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("patch_px", "a whole number, 4 to 4,096"),
        ("patches", "a whole number, 10 to 1,000,000,000"),
        ("input_px", "a whole number, 32 to 64, a multiple of 32"),
        ("learning_rate", "more than 0"),
        ("train_share", "more than 0, up to 1"),
        ("weight_marginal", "0 or more"),
        ("scale", "0 to less than 0.5"),
        ("min_tissue", "0 to 1"),
    ],
)
def test_a_range_in_words(name: str, words: str) -> None:
    assert ranges_of(FitSettings)[name].description() == words


def test_a_sentence_names_field_value_and_range() -> None:
    with pytest.raises(HistoclustError, match=r'^"Patch side" is 3: it must be 4 to 4,096\.$'):
        ranges_of(FitSettings)["patch_px"].checked(3, "Patch side")
    with pytest.raises(HistoclustError, match=r'"Parts" is empty'):
        NumberRange(2, 8, is_whole=True).checked(None, "Parts")
