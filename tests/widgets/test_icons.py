"""The pictures on buttons and in the table: files in the colour of the text, pale where a button is off."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from qtpy.QtGui import QColor, QIcon, QImage

import napari_histoclust
from napari_histoclust.widgets import _icons
from napari_histoclust.widgets._icons import icon
from napari_histoclust.widgets.clusters import actions
from napari_histoclust.widgets.scatter import toolbar

pytestmark = pytest.mark.gui

FOLDER = Path(napari_histoclust.__file__).parent / "widgets" / "icons"
FILES = sorted(file.stem for file in FOLDER.glob("*.svg"))


def pixels(drawn: QIcon, mode: QIcon.Mode) -> NDArray[np.uint8]:
    """Return (y, x, 4) red, green, blue and alpha."""
    image = drawn.pixmap(64, 64, mode).toImage().convertToFormat(QImage.Format.Format_RGBA8888)
    data = np.frombuffer(bytes(image.constBits()), np.uint8)
    return data.reshape(image.height(), image.width(), 4)


def test_every_file_is_used_and_every_button_has_one() -> None:
    wanted = {"open", "closed", *actions._FORMS, *toolbar._TIPS}
    assert {_icons._SAME.get(name, name) for name in wanted} == set(FILES)


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("name", [*FILES, *_icons._SAME])
def test_a_picture_is_drawn_in_the_colour_that_is_asked_for(name: str) -> None:
    colour = QColor("#3080f0")
    strong, faint = (pixels(icon(name, colour), mode) for mode in (QIcon.Mode.Normal, QIcon.Mode.Disabled))
    inked = strong[..., 3] == 255
    assert 20 < inked.sum() < 0.5 * inked.size
    np.testing.assert_allclose(strong[inked][:, :3], [[0x30, 0x80, 0xF0]] * inked.sum(), atol=1)
    np.testing.assert_allclose(faint[inked][:, 3], 0.3 * 255, atol=2)


@pytest.mark.parametrize("name", FILES)
def test_a_file_leaves_the_colour_to_the_theme(name: str) -> None:
    root = ElementTree.parse(FOLDER / f"{name}.svg").getroot()
    assert root.get("viewBox") == "0 0 16 16"
    colours = {node.get(key) for node in root.iter() for key in ("fill", "stroke")}
    assert "currentColor" in colours
    assert colours <= {"none", "currentColor", None}
