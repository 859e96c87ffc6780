"""A small chart: its steps, and that it paints."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QColor, QPalette

from napari_histoclust.widgets.chart import Chart, Line, round_steps

pytestmark = pytest.mark.gui


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 6))
def test_steps_are_few_even_and_inside(low: float, width: float, at_most: int) -> None:
    high = low + width
    steps = round_steps(low, high, at_most)
    assert len(steps) <= at_most + 1
    slack = 1e-6 * (width + abs(low) * 1e-6)
    assert all(low - slack <= step <= high + slack for step in steps)
    if len(steps) > 2:
        np.testing.assert_allclose(np.diff(steps), steps[1] - steps[0], rtol=1e-6, atol=1e-9)


def test_a_flat_line_has_one_step() -> None:
    assert round_steps(3.0, 3.0) == [3.0]


def colours_of(chart: Chart) -> set[str]:
    image = chart.grab().toImage()
    return {
        QColor(image.pixel(x, y)).name() for x in range(0, image.width()) for y in range(0, image.height(), 2)
    }


def test_lines_are_painted_in_their_colours_and_gaps_are_left_out(qtbot: QtBot) -> None:
    chart = Chart("Loss", "epoch")
    qtbot.addWidget(chart)
    chart.resize(300, 160)
    x = np.arange(5.0)
    chart.show_lines([Line("a", x, np.array([1, np.nan, 3, 2, 5.0]), np.full(5, 0.3), "#ff0000")])
    assert len(chart.lines[0].x) == 4
    assert "#ff0000" in colours_of(chart)
    assert "#ff0000" not in colours_of(empty(chart))


def empty(chart: Chart) -> Chart:
    chart.show_lines([])
    return chart


def test_the_ink_is_the_window_s(qtbot: QtBot) -> None:
    chart = Chart("Loss", "epoch")
    qtbot.addWidget(chart)
    chart.resize(300, 160)
    palette = chart.palette()
    palette.setColor(QPalette.ColorRole.WindowText, QColor("#00ff00"))
    chart.setPalette(palette)
    assert "#00ff00" in colours_of(chart)


@pytest.mark.parametrize("points", [1, 2, 500])
def test_any_number_of_points_is_painted(qtbot: QtBot, points: int) -> None:
    chart = Chart()
    qtbot.addWidget(chart)
    chart.resize(200, 100)
    chart.show_lines(
        [Line("a", np.arange(float(points)), np.ones(points), colour="#ff0000")], x_range=(0, 10)
    )
    assert any(QColor(name).red() > QColor(name).green() + 50 for name in colours_of(chart))
