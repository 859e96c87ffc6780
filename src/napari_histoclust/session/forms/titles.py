"""What the window calls a setting."""

from __future__ import annotations

from napari_histoclust.core.config import RunSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.settings import Settings

_PLACES = {"out": "the folder", "slides": '"Find slides…"'}


def title_of(name: str, settings: type[Settings] = RunSettings) -> str:
    """Return the title of a setting in a form, its unit left out: "patch_px" -> "Patch side"."""
    field = settings.model_fields.get(name)
    if field is not None and field.title:
        return field.title
    return name.removesuffix("_px").removesuffix("_deg").replace("_", " ").capitalize()


def in_window(error: HistoclustError) -> str:
    """Return the message of an error, its settings called as in the forms: "Min tissue"."""
    return error.sentence(lambda name: _PLACES.get(name) or f'"{title_of(name)}"')
