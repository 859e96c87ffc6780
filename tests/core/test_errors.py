"""An error names a setting; who shows it says what the setting is called."""

from __future__ import annotations

import pickle

from napari_histoclust.core.errors import HistoclustError, SettingError
from napari_histoclust.session.forms.titles import in_window


def test_a_setting_is_named_as_each_place_calls_it() -> None:
    error = SettingError("{min_tissue} {:g}: no patch of {} passes, or a smaller {patch_px}.", 0.5, "{x} --y")
    assert str(error) == "--min-tissue 0.5: no patch of {x} --y passes, or a smaller --patch-px."
    assert in_window(error) == '"Min tissue" 0.5: no patch of {x} --y passes, or a smaller "Patch side".'
    assert in_window(SettingError("{}: give {out} another.", "a")) == "a: give the folder another."


def test_a_file_is_named_as_it_is() -> None:
    error = HistoclustError("/a/{b}--out.tif: is no image.")
    assert str(error) == in_window(error) == "/a/{b}--out.tif: is no image."


def test_an_error_comes_back_from_another_process() -> None:
    error = pickle.loads(pickle.dumps(SettingError("{seed} {}: no.", 3)))
    assert (type(error), str(error)) == (SettingError, "--seed 3: no.")
