"""Forms made from the settings' declarations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QLabel

from napari_histoclust.core.config import ENCODERS, PRESETS, FitSettings, MapSettings, RunSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.session.forms.titles import title_of
from napari_histoclust.widgets.forms import FitForm, SettingsForm
from widgets.keys_and_wheel import type_over

pytestmark = pytest.mark.gui


def values_of(declared: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values within the bounds of a declaration, the ends of closed ranges included."""
    if "enum" in declared:
        return st.sampled_from(declared["enum"])
    if "anyOf" in declared:
        return st.one_of(st.none(), values_of(declared["anyOf"][0]))
    if declared["type"] == "string":
        return st.sampled_from(
            [*declared["examples"], "timm:vit_small_patch16_224", "a folder/network.pt@224"]
        )
    if declared["type"] == "boolean":
        return st.booleans()
    if declared["type"] == "integer":
        low = declared.get("minimum", 0)
        high = declared.get("maximum", declared.get("exclusiveMaximum", 10**6 + 1) - 1)
        return st.integers(low, high).filter(lambda n: n % declared.get("multipleOf", 1) == 0)
    low = declared.get("minimum", 1e-8)
    high = declared.get("maximum", declared.get("exclusiveMaximum", 1e4) - 1e-8)
    return st.floats(low, high).filter(lambda x: x == 0 or x > 1e-12)  # nobody types a smaller one


def all_settings(cls: type[Any]) -> st.SearchStrategy[Any]:
    declared = cls.model_json_schema()["properties"]
    return st.fixed_dictionaries({name: values_of(line) for name, line in declared.items()}).map(
        cls.model_validate
    )


@pytest.mark.parametrize("cls", [FitSettings, MapSettings, RunSettings])
def test_what_goes_in_comes_out(qtbot: QtBot, cls: type[Any]) -> None:
    form = SettingsForm(cls(), ("patch_px",))
    qtbot.addWidget(form)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
    @given(all_settings(cls))
    def check(value: Any) -> None:
        form.set_value(value)
        assert form.value() == value

    check()


@pytest.mark.parametrize("preset", ["paper", "quick"])
def test_a_preset_fills_the_form_and_comes_out_again(qtbot: QtBot, preset: Any) -> None:
    form = FitForm()
    qtbot.addWidget(form)
    form._preset.value = "paper"
    form._preset.value = preset
    assert form.preset() == preset
    assert form.value() == PRESETS[preset].settings


def test_a_change_of_preset_leaves_what_the_presets_agree_on(qtbot: QtBot) -> None:
    form = FitForm("quick")
    qtbot.addWidget(form)
    form.form.editors["clusters"].value = 9
    form.form.editors["epochs"].value = 3
    form._preset.value = "paper"
    assert (form.value().clusters, form.value().epochs) == (9, PRESETS["paper"].settings.epochs)


def test_every_field_has_its_help_and_its_name(qtbot: QtBot) -> None:
    form = FitForm()
    qtbot.addWidget(form)
    captions = {label.text() for label in form.findChildren(QLabel)}
    for name, field in FitSettings.model_fields.items():
        assert form.form.editors[name].native.toolTip().startswith(field.description)
        assert any(caption.startswith(title_of(name)) for caption in captions)


def test_few_fields_are_seen_and_the_rest_is_folded(qtbot: QtBot) -> None:
    form = FitForm()
    qtbot.addWidget(form)
    form.show()
    seen = {name for name, editor in form.form.editors.items() if editor.native.isVisible()}
    assert {"clusters", "patch_px", "patches", "epochs"} <= seen
    form.form.more.expand(animate=False)
    assert form.form.more.isExpanded()


def test_lengths_are_told_in_um_where_the_scale_is_known(qtbot: QtBot) -> None:
    form = FitForm()
    qtbot.addWidget(form)
    form.form.editors["patch_px"].value = 100
    form.form.set_um_per_px(0.5)
    assert form.form._sizes["patch_px"].text() == "= 50 µm"
    form.form.editors["patch_px"].value = 200
    assert form.form._sizes["patch_px"].text() == "= 100 µm"
    form.form.set_um_per_px(None)
    assert form.form._sizes["patch_px"].text() == ""


def test_a_change_is_told_once(qtbot: QtBot) -> None:
    form = FitForm()
    qtbot.addWidget(form)
    told: list[int] = []
    form.valueChanged.connect(lambda: told.append(form.value().clusters))
    form.form.editors["clusters"].value = 5
    assert told == [5]


@pytest.mark.parametrize("typed", ["0.00003", "1e-5", "0,5"])
def test_a_rate_can_be_typed_as_people_write_it(qtbot: QtBot, typed: str) -> None:
    form = SettingsForm(FitSettings(), ("learning_rate",))
    qtbot.addWidget(form)
    form.show()
    type_over(qtbot, form.editors["learning_rate"].native, typed)
    assert form.value().learning_rate == float(typed.replace(",", "."))


def test_a_rate_that_cannot_be_stays_as_typed_and_is_refused(qtbot: QtBot) -> None:
    form = SettingsForm(FitSettings(), ("learning_rate",))
    qtbot.addWidget(form)
    form.show()
    box: Any = form.editors["learning_rate"].native
    type_over(qtbot, box, "-1")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.text() == "-1"
    with pytest.raises(HistoclustError, match=r'^"Learning rate" is -1: it must be more than 0\.$'):
        form.value()
    form.set_value(FitSettings())
    assert form.value() == FitSettings()


def test_steps_of_a_small_rate_are_small(qtbot: QtBot) -> None:
    form = SettingsForm(FitSettings(), ("learning_rate",))
    qtbot.addWidget(form)
    box: Any = form.editors["learning_rate"].native
    box.stepBy(1)
    assert form.value().learning_rate == 0.0031


def test_an_encoder_is_chosen_or_typed_and_what_is_typed_stays(qtbot: QtBot) -> None:
    form = FitForm()
    qtbot.addWidget(form)
    form.show()
    seen: list[str] = []
    form.valueChanged.connect(lambda: seen.append(form.value().encoder))
    box = form.form.editors["encoder"].native
    assert isinstance(box, QComboBox)
    assert [box.itemText(i) for i in range(box.count())] == list(ENCODERS)
    assert form.value().encoder == "neighbours"
    box.setCurrentIndex(box.findText("statistics"))
    assert seen[-1] == form.value().encoder == "statistics"
    line = box.lineEdit()
    assert line is not None
    line.selectAll()
    qtbot.keyClicks(line, "im/net.pt@224 ")
    assert seen[-1] == form.value().encoder == "im/net.pt@224"
    assert [box.itemText(i) for i in range(box.count())] == list(ENCODERS), "what is typed is not offered"
    form._preset.value = "paper"
    assert form.value().encoder == "im/net.pt@224", "the presets do not differ in it"
