"""Numbers as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_histoclust.session.forms.numbers import FIGURES, decimal_number, whole_number, written

GAPS = (",", ".", " ", "'")
ALIKE = {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2007": " ", "’": "'", "−": "-"}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("16", 16), ("016", 16), (" 16\n", 16), ("16 px", 16), ("16PX", 16), ("+16", 16), ("-3", -3),
        ("−3", -3), ("2,000", 2000), ("2.000", 2000), ("2 000", 2000), ("2'000", 2000), ("2’000", 2000),
        ("2\u00a0000", 2000), ("2\u202f000", 2000), ("2\u2009000", 2000), ("\u00a016\u202f", 16),
        ("1,234,567", 1234567), ("4.294.967.295", 2**32 - 1), ("16.0", 16), ("16,0", 16), ("16.", 16),
        ("2,000.0", 2000), ("2.000,00", 2000), ("1e4", 10_000), ("1,5e3", 1500), ("16.5", None),
        ("0,016", None), ("1 6", None), ("1.234,567", None), ("1,234.567", None), ("12,34", None),
        ("1,23,456", None), ("1,234.567.890", None), ("", None), ("-", None), ("1e", None), ("px", None),
        ("1e999999999", None), ("inf", None), ("nan", None), ("0x10", None), ("1_000", None),
        ("１６", None), ("9" * 5000, None),
    ],
)  # fmt: skip
def test_whole_numbers(text: str, number: int | None) -> None:
    assert whole_number(text, ("px",)) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.5", 0.5), ("0,5", 0.5), (",5", 0.5), (".5", 0.5), ("5.", 5), ("1e-5", 1e-5), ("1E-5", 1e-5),
        ("0.00003", 3e-5), ("1,234.5", 1234.5), ("1.234,5", 1234.5), ("1 234,5", 1234.5), ("1'234.5", 1234.5),
        ("1,234,567", 1234567), ("1.234.567", 1234567), ("1.234.567,8", 1234567.8), ("2,000", 2),
        ("2 000", 2000), ("1,234.5e1", 12345), ("5°", 5), ("5 deg", 5), ("5 Degrees", 5), ("-0", 0),
        ("007.5", 7.5), ("1,23.4", None), ("1,234.5,6", None), ("1,2,3", None), ("1.2.3", None), (".", None),
        ("", None), ("e5", None), ("1e5e", None), ("--1", None), ("inf", None), ("1e999", None),
        ("nan", None),
    ],
)  # fmt: skip
def test_decimal_numbers(text: str, number: float | None) -> None:
    assert decimal_number(text, ("°", "degrees", "deg")) == number


def test_a_minus_before_a_zero_is_none() -> None:
    assert math.copysign(1, decimal_number("-0,0") or 0.0) == 1


def slow_decimal(text: str) -> float | None:
    """All readings one by one: each mark beside each sign between thousands, a plain number first."""
    for odd, usual in ALIKE.items():
        text = text.replace(odd, usual)
    text = text.strip()
    sign = -1 if text.startswith("-") else 1
    text = text[1:] if text[:1] in ("+", "-") else text
    head, is_there, exponent = text.replace("E", "e").partition("e")
    if is_there and not is_digits(exponent[1:] if exponent[:1] in ("+", "-") else exponent):
        return None
    for gap in ("", *GAPS):
        for mark in (".", ",", ""):
            if mark != gap or mark == gap == "":
                digits = slow_digits(head, gap, mark)
                if digits is not None:
                    number = sign * float(digits + (f"e{exponent}" if is_there else ""))
                    return number if math.isfinite(number) else None
    return None


def slow_digits(head: str, gap: str, mark: str) -> str | None:
    if mark and head.count(mark) != 1:
        return None
    whole, part = head.split(mark) if mark else (head, "")
    if part and not is_digits(part):
        return None
    if not gap:
        return f"{whole or 0}.{part or 0}" if (is_digits(whole) or not whole) and whole + part else None
    first, *others = whole.split(gap)
    is_first = is_digits(first) and len(first) <= 3 and first[0] != "0"
    are_groups = others and all(is_digits(group) and len(group) == 3 for group in others)
    return f"{whole.replace(gap, '')}.{part or 0}" if is_first and are_groups else None


def is_digits(text: str) -> bool:
    return bool(text) and all(sign in "0123456789" for sign in text)


def slow_whole(text: str) -> int | None:
    """Thousands first, decimals without a part after them."""
    for odd, usual in ALIKE.items():
        text = text.replace(odd, usual)
    text = text.strip()
    sign, body = (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)
    for gap in GAPS:
        digits = slow_digits(body, gap, "")
        if digits is not None:
            return int(sign + digits.removesuffix(".0"))
    if is_digits(body):
        return int(sign + body)
    number = slow_decimal(text)
    return None if number is None or number % 1 or abs(number) > 2**53 else int(number)


PIECES = st.sampled_from(
    ["0", "1", "000", "234", "56", ",", ".", " ", "'", "\u202f", "-", "+", "e", "E", "e-3"]
)
TEXTS = st.lists(PIECES, max_size=9).map("".join)


@given(TEXTS)
def test_any_text_is_read_as_word_for_word(text: str) -> None:
    assert decimal_number(text) == slow_decimal(text)
    assert whole_number(text) == slow_whole(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_read(number: float) -> None:
    assert decimal_number(written(number)) == number


@given(st.integers(-(10**30), 10**30), st.sampled_from([*GAPS, "\u00a0", "\u202f", "’", ""]))
def test_thousands_may_be_parted_by_any_sign(number: int, gap: str) -> None:
    assert whole_number(f"{number:,}".replace(",", gap)) == number


@given(
    st.integers(0, 10**12),
    st.integers(0, 999),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", ".")]),
)
def test_a_mark_beside_thousands(whole: int, thousandths: int, signs: tuple[str, str]) -> None:
    gap, mark = signs
    text = f"{whole:,}".replace(",", gap) + mark + f"{thousandths:03d}"
    if whole >= 1000:
        assert decimal_number(text) == float(f"{whole}.{thousandths:03d}")


@given(st.text(max_size=20))
def test_no_text_is_too_odd(text: str) -> None:
    for number in (whole_number(text, ("px",)), decimal_number(text, ("px",))):
        assert number is None or math.isfinite(number)


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_what_is_written_can_be_typed(number: float) -> None:
    assert set(written(number)) <= FIGURES
