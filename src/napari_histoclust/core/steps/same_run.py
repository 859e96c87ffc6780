"""Whether a run folder holds the run that is asked for: of the same slides, model and settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_histoclust.core.config import MapSettings
from napari_histoclust.core.errors import SettingError
from napari_histoclust.core.model.identity import (
    checksum_of,
    older_slide_identity,
    settings_identity,
    slide_identity,
)
from napari_histoclust.core.run.manifest import PATCHES, Manifest, SlideEntry, is_run, read_manifest
from napari_histoclust.core.run.originals import write_places
from napari_histoclust.core.run.reader import open_run

if TYPE_CHECKING:
    from napari_histoclust.core.model.bundle import Model

Identity = Callable[[Iterable[Mapping[str, Any]]], list[dict[str, Any]]]

_DECIDES_NOTHING = {"path", "relative_path", "reference", "warnings", "name", "missing", "drift"}


def fingerprint_of(
    entries: Sequence[SlideEntry], model: Model, settings: MapSettings, identity: Identity = slide_identity
) -> str:
    """Return a checksum of what decides the labels: slides, lattices, model, settings.

    In place of patch_px and stride_px stands the lattice that they led to.
    """
    slides = [entry.model_dump(mode="json", exclude=_DECIDES_NOTHING) for entry in entries]
    lines = [slide | {"inputs": identity(slide["inputs"])} for slide in slides]
    decided = settings_identity(settings, "patch_px", "stride_px")
    return checksum_of([lines, model.checksum(), *decided.values()])


def is_finished(out: Path, manifest: Manifest, model: Model, settings: MapSettings) -> bool:
    """Whether the run of a manifest is finished in `out`; if so, where its slides lie now is noted there.

    Raises
    ------
    SettingError
        If a run of other slides, another model or other settings lies there.
    """
    if not is_run(out):
        return False
    before = read_manifest(out)
    if before.fingerprint != _as_noted_by(before, manifest, model, settings):
        state = "a finished run" if before.finish_reason == "finished" else "a half-finished run"
        raise SettingError(
            "{}: holds {} of other slides, another model or other settings: give {out} another folder, or "
            "delete this one.",
            out,
            state,
        )
    if not (out / PATCHES).is_dir() or before.finish_reason != "finished":
        return False
    if [entry.path for entry in before.slides] != [entry.path for entry in manifest.slides]:
        write_places(replace(open_run(out), manifest=manifest))
    return True


def _as_noted_by(before: Manifest, manifest: Manifest, model: Model, settings: MapSettings) -> str:
    """The fingerprint of the manifest as the version formed it that began the run."""
    if any(line.content_sha256 for entry in before.slides for line in entry.inputs):
        return manifest.fingerprint
    return fingerprint_of(manifest.slides, model, settings, older_slide_identity)
