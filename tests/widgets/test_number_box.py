"""The box for numbers: what is typed, pasted and wheeled gives what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QLocale, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QScrollArea, QSizePolicy, QWidget

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.session.forms.number_range import NumberRange
from napari_histoclust.widgets._number_box import AUTOMATIC, NumberBox
from widgets.hands import Hands, needs_hands, xdotool
from widgets.keys_and_wheel import leave, paste_over, type_over

pytestmark = pytest.mark.gui

SIDE = NumberRange(4, 4096, is_whole=True, units=("px",))
RATE = NumberRange(0, without_low=True)
OPTIONAL = NumberRange(4, 4096, is_whole=True, is_optional=True)
K = NumberRange(2, 200, is_whole=True)


@pytest.fixture(params=["C", "German"])
def _locale(request: pytest.FixtureRequest) -> Iterator[None]:
    before = QLocale()
    QLocale.setDefault(QLocale(getattr(QLocale.Language, request.param)))
    yield
    QLocale.setDefault(before)


def shown(qtbot: QtBot, numbers: NumberRange, value: Any) -> Any:
    box = NumberBox(numbers, value, "Of a patch.")
    qtbot.addWidget(box)
    box.show()
    return box


@pytest.mark.usefixtures("_locale")
@pytest.mark.parametrize(
    ("numbers", "before", "typed", "value", "text"),
    [
        (SIDE, 46, "16", 16, "16"),
        (SIDE, 128, "16", 16, "16"),
        (K, 2, "12", 12, "12"),
        (K, 14, "100", 100, "100"),
        (SIDE, 46, "0016", 16, "16"),
        (SIDE, 46, "2,000", 2000, "2000"),
        (SIDE, 46, "2.000", 2000, "2000"),
        (SIDE, 46, "2 000 px", 2000, "2000"),
        (SIDE, 46, "16.0", 16, "16"),
        (SIDE, 46, "1e3", 1000, "1000"),
        (RATE, 0.003, "0,5", 0.5, "0.5"),
        (RATE, 0.003, ".5", 0.5, "0.5"),
        (RATE, 0.003, "0.00003", 3e-5, "3e-05"),
        (RATE, 0.003, "1E-5", 1e-5, "1e-05"),
        (RATE, 0.003, "1.234,5", 1234.5, "1234.5"),
        (OPTIONAL, None, "16", 16, "16"),
        (OPTIONAL, 16, " ", None, ""),
    ],
)
@pytest.mark.parametrize("put", [type_over, paste_over])
def test_what_is_put_in_is_what_counts(
    qtbot: QtBot, numbers: NumberRange, before: Any, typed: str, value: Any, text: str, put: Any
) -> None:
    box = shown(qtbot, numbers, before)
    put(qtbot, box, typed)
    assert box.value() == value  # before Enter, and before the focus goes
    leave(box)
    assert (box.value(), box.text()) == (value, text)


@pytest.mark.parametrize("pasted", ["16\n", "\t16 ", "\u00a016\u202f", "\r\n16\r\n"])
def test_white_space_that_is_pasted_with_a_number_does_no_harm(qtbot: QtBot, pasted: str) -> None:
    box = shown(qtbot, SIDE, 46)
    paste_over(qtbot, box, pasted)
    assert box.value() == 16
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.text() == "16"


def test_backspace_and_typing_into_the_middle(qtbot: QtBot) -> None:
    box = shown(qtbot, SIDE, 46)
    for _ in "46":
        qtbot.keyClick(box, Qt.Key.Key_Backspace)
    qtbot.keyClicks(box, "16")
    assert box.value() == 16
    qtbot.keyClick(box, Qt.Key.Key_Left)
    qtbot.keyClicks(box, "02")
    assert box.value() == 1026
    qtbot.keyClick(box, Qt.Key.Key_Home)
    qtbot.keyClick(box, Qt.Key.Key_Delete)
    assert box.value() == 26


@pytest.mark.parametrize("left", ["", "-", "1e", "1.2.3", "px"])
def test_what_is_no_number_stays_is_marked_and_is_refused(qtbot: QtBot, left: str) -> None:
    """It becomes no other number: not the last one either."""
    box = shown(qtbot, SIDE, 46)
    type_over(qtbot, box, "16")
    leave(box)
    qtbot.keySequence(box, QKeySequence(QKeySequence.StandardKey.SelectAll))
    qtbot.keyClick(box, Qt.Key.Key_Backspace)
    qtbot.keyClicks(box, left)
    for _ in range(2):
        assert (box.text(), box.value()) == (left, left)
        with pytest.raises(HistoclustError, match=r'^"Side" is (empty|"1e"|"-"|"1.2.3"|"px"): it must be'):
            box.checked("Side")
        leave(box)
    assert box.property("outside")
    box.stepBy(1)  # the arrows lead back into the range
    assert box.checked("Side") == box.value() >= 4
    assert not box.property("outside")


def test_letters_are_not_taken_and_what_is_selected_stays_so(qtbot: QtBot) -> None:
    box = shown(qtbot, SIDE, 46)
    type_over(qtbot, box, "k")
    assert box.text() == "46"
    qtbot.keyClicks(box, "1k6")
    assert box.text() == "16"
    paste_over(qtbot, box, "about 20")
    assert box.text() == "16"


def test_a_number_outside_stays_is_marked_and_is_refused(qtbot: QtBot) -> None:
    box = shown(qtbot, SIDE, 46)
    assert "4 to 4,096" in box.toolTip()
    for typed in ("3", "5000", "16.5", "-16", "9" * 25):
        type_over(qtbot, box, typed)
        leave(box)
        assert float(box.text()) == float(typed)
        assert box.property("outside")
        with pytest.raises(
            HistoclustError, match=r'^"Side" is .*: it must be (a whole number, )?4 to 4,096\.$'
        ):
            box.checked("Side")
    type_over(qtbot, box, "4096")
    assert not box.property("outside")
    assert box.checked("Side") == 4096


def test_what_more_keys_can_mend_is_not_marked_yet(qtbot: QtBot) -> None:
    box = shown(qtbot, SIDE, 46)
    with qtbot.waitActive(box):
        box.activateWindow()
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    marks = []
    for typed in ("1", "16", "1e", "", "3", "5000", "16.5", "-1"):
        type_over(qtbot, box, typed or " ")
        marks.append(bool(box.property("outside")))
    assert marks == [False] * 5 + [True] * 3
    type_over(qtbot, box, "3")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.property("outside")


def test_arrows_step_within_the_range_from_what_is_typed(qtbot: QtBot) -> None:
    box = shown(qtbot, SIDE, 46)
    type_over(qtbot, box, "4095")
    for _ in range(3):
        qtbot.keyClick(box, Qt.Key.Key_Up)
    assert box.value() == 4096
    assert box.stepEnabled() == QAbstractSpinBox.StepEnabledFlag.StepDownEnabled
    qtbot.keyClicks(box, "30")  # the number is selected after a step
    qtbot.keyClick(box, Qt.Key.Key_PageDown)
    assert box.value() == 20
    box.stepBy(-100)
    assert box.value() == 4
    assert box.stepEnabled() == QAbstractSpinBox.StepEnabledFlag.StepUpEnabled


def test_nothing_typed_is_automatic(qtbot: QtBot) -> None:
    box = shown(qtbot, OPTIONAL, None)
    assert (box.value(), box.text(), box.lineEdit().placeholderText()) == (None, "", AUTOMATIC)
    qtbot.keyClicks(box, "16")  # there is no word to take away first
    assert box.value() == 16
    leave(box)
    type_over(qtbot, box, "-")
    leave(box)
    assert box.value() == box.text() == "-"
    box.setValue(5)
    qtbot.keyClick(box, Qt.Key.Key_Down)
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert (box.value(), box.checked("Side")) == (None, None)
    qtbot.keyClick(box, Qt.Key.Key_Up)
    assert box.value() == 4


def test_a_change_is_told_once_for_each_number(qtbot: QtBot) -> None:
    box = shown(qtbot, SIDE, 46)
    told: list[Any] = []
    box.valueChanged.connect(lambda: told.append(box.value()))
    type_over(qtbot, box, "16")
    leave(box)
    box.setValue(16)
    box.setValue(17)
    assert told == [1, 16, 17]


@pytest.mark.parametrize("reason", [Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason])
def test_an_empty_box_waits_for_what_is_pasted(qtbot: QtBot, reason: Qt.FocusReason) -> None:
    """The menu that pastes, and the window that is copied from, take the focus meanwhile."""
    box = shown(qtbot, SIDE, 46)
    qtbot.keySequence(box, QKeySequence(QKeySequence.StandardKey.SelectAll))
    qtbot.keyClick(box, Qt.Key.Key_Delete)
    leave(box, reason)
    QApplication.clipboard().setText("16")
    box.lineEdit().paste()
    assert box.value() == 16


@needs_hands
def test_real_keys_and_a_real_wheel(qtbot: QtBot) -> None:
    """In a window that scrolls: keys replace the number, the wheel moves what lies around."""
    area, body, box = QScrollArea(), QWidget(), NumberBox(SIDE, 46)
    qtbot.addWidget(area)
    body.setFixedSize(200, 2000)
    box.setParent(body)
    box.setGeometry(0, 600, 190, 30)
    area.setWidget(body)
    area.resize(220, 400)
    area.show()
    area.verticalScrollBar().setValue(500)
    hands = Hands(qtbot, area)
    hands.click(box.lineEdit())
    hands.press("ctrl+a")
    hands.type_text("16")
    assert box.value() == 16
    xdotool("click", 4)  # one notch, the pointer is over the box
    qtbot.waitUntil(lambda: area.verticalScrollBar().value() < 500)
    assert box.hasFocus()
    assert box.value() == 16
    hands.press("BackSpace", "BackSpace", "Tab")
    assert box.text() == ""
    assert box.property("outside")


def test_it_is_as_wide_as_its_digits(qtbot: QtBot) -> None:
    seed = NumberRange(0, 2**32 - 1, is_whole=True)
    narrow, wide = shown(qtbot, K, 14), shown(qtbot, seed, 765)
    wide.setValue(2**32 - 1)
    assert narrow.sizeHint() == wide.sizeHint()
    assert wide.sizeHint().width() >= wide.fontMetrics().horizontalAdvance(wide.text())
    assert wide.sizeHint().width() < 200
    wide.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    assert wide.minimumSizeHint().width() <= wide.sizeHint().width()
