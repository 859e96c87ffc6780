"""Every box for numbers there is, typed into key by key: what comes out is what was typed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_histoclust.core.config import FitSettings, MapSettings, RunSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.export.options import ExportOptions
from napari_histoclust.session.forms.number_range import NumberRange, ranges_of
from napari_histoclust.session.forms.numbers import Number, written
from napari_histoclust.widgets._dialogs import NumberDialog
from napari_histoclust.widgets._number_box import NumberBox
from napari_histoclust.widgets.context import Context
from napari_histoclust.widgets.forms import SettingsForm
from napari_histoclust.widgets.model.import_dialog import ImportDialog
from napari_histoclust.widgets.validation.dock import ValidationDock
from widgets.keys_and_wheel import leave, paste_over, type_over
from widgets.made import context

pytestmark = pytest.mark.gui
__all__ = ["context"]

CLASSES = (FitSettings, MapSettings, RunSettings, ExportOptions)
FIELDS = [(cls, name) for cls in CLASSES for name in ranges_of(cls)]


def numbers_in(numbers: NumberRange) -> st.SearchStrategy[Number]:
    """Numbers that may be used, and that somebody might type."""
    if numbers.is_whole:
        low, high = (math.ceil(end / numbers.multiple) for end in (numbers.low, min(numbers.high, 2**32)))
        return st.integers(low, high).map(lambda n: n * numbers.multiple).filter(numbers.allows)
    high = min(numbers.high, 1e6)
    return st.one_of(
        st.floats(numbers.low, high), st.integers(0, 10**6).map(lambda n: numbers.low + n / 10**6 * high)
    ).filter(numbers.allows)


def ways_to_write(number: Number, numbers: NumberRange) -> list[str]:
    """One number as people write it."""
    plain, parted = written(number), f"{number:,}"
    texts = [plain, f" {plain}", parted, parted.replace(",", " "), parted.replace(",", "'"), repr(number)]
    texts += [f"{plain} {unit}" for unit in numbers.units]
    if numbers.is_whole:
        return [*texts, parted.replace(",", "."), f"{plain}.0", f"{plain},0", f"00{plain}"]
    return [*texts, plain.replace(".", ","), parted.translate(str.maketrans(".,", ",."))]


def nothing(qtbot: QtBot, box: QWidget) -> None:
    """A button that is clicked where buttons take no focus, or a key."""


def by_enter(qtbot: QtBot, box: QWidget) -> None:
    qtbot.keyClick(box, Qt.Key.Key_Return)


def by_tab(qtbot: QtBot, box: QWidget) -> None:
    leave(box)


def check_by_typing(qtbot: QtBot, box: Any, value: Callable[[], Any]) -> None:
    """Type numbers over others in every way and look at what comes out."""
    numbers = box.numbers

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        box.setValue(data.draw(numbers_in(numbers), "before"))
        number = data.draw(numbers_in(numbers), "number")
        text = data.draw(st.sampled_from(ways_to_write(number, numbers)), "text")
        data.draw(st.sampled_from([type_over, paste_over]))(qtbot, box, text)
        data.draw(st.sampled_from([nothing, by_enter, by_tab]))(qtbot, box)
        assert value() == number
        leave(box)
        assert (value(), box.text()) == (number, written(number))
        assert not box.property("outside")

    check()


@pytest.mark.parametrize(("cls", "name"), FIELDS)
def test_a_number_typed_into_a_form_is_the_form_s_value(qtbot: QtBot, cls: Any, name: str) -> None:
    form: SettingsForm[Any] = SettingsForm(cls(), ())
    qtbot.addWidget(form)
    form.show()
    check_by_typing(qtbot, form.editors[name].native, lambda: getattr(form.value(), name))


@pytest.mark.parametrize(("cls", "name"), FIELDS)
def test_a_number_outside_is_refused_by_the_form(qtbot: QtBot, cls: Any, name: str) -> None:
    form: SettingsForm[Any] = SettingsForm(cls(), ())
    qtbot.addWidget(form)
    form.show()
    numbers, box = ranges_of(cls)[name], form.editors[name].native
    assert isinstance(box, NumberBox)
    for outside in (numbers.low - 1, numbers.high + 1, "1.5" if numbers.is_whole else "-0.5"):
        if outside == math.inf:
            continue
        type_over(qtbot, box, str(outside))
        leave(box)
        with pytest.raises(HistoclustError, match=rf"is {outside}: it must be "):
            form.value()


def test_the_side_of_an_import(qtbot: QtBot) -> None:
    dialog = ImportDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    check_by_typing(qtbot, dialog.side, dialog.patch_px)


@pytest.mark.parametrize("name", ["first", "last", "seeds"])
def test_the_numbers_of_a_comparison(qtbot: QtBot, context: Context, name: str) -> None:
    dock = ValidationDock(context)
    qtbot.addWidget(dock)
    dock.show()
    box = getattr(dock, name)
    check_by_typing(qtbot, box, lambda: box.checked(name))


def test_a_number_that_is_asked_for(qtbot: QtBot) -> None:
    dialog = NumberDialog("Save sheet", "How many?", "Patches", NumberRange(1, 200, is_whole=True), 40)
    qtbot.addWidget(dialog)
    dialog.show()
    check_by_typing(qtbot, dialog.box, dialog.number)
    dialog.show()  # Enter closed it
    type_over(qtbot, dialog.box, "201")
    dialog.accept()
    assert dialog.isVisible()
    assert dialog.complaint.text() == '"Patches" is 201: it must be 1 to 200.'
    type_over(qtbot, dialog.box, "16")
    dialog.accept()
    assert (dialog.isVisible(), dialog.number()) == (False, 16)


@pytest.mark.parametrize(
    ("name", "before", "typed"),
    [("patch_px", 46, 16), ("patch_px", 128, 16), ("clusters", 2, 12), ("clusters", 14, 12)],
)
def test_a_first_digit_below_the_range_stays_what_it_is(
    qtbot: QtBot, name: str, before: int, typed: int
) -> None:
    form: SettingsForm[FitSettings] = SettingsForm(FitSettings.model_validate({name: before}), (name,))
    qtbot.addWidget(form)
    form.show()
    type_over(qtbot, form.editors[name].native, str(typed))
    assert getattr(form.value(), name) == typed
