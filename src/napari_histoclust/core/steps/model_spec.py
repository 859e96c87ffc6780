"""Which model settings and slides ask for, and whether a folder holds it already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_histoclust.core.atomic import check_folder, check_place
from napari_histoclust.core.config import DEFAULT_ENCODER, FitSettings
from napari_histoclust.core.errors import SettingError
from napari_histoclust.core.settings import Device

if TYPE_CHECKING:
    from napari_histoclust.core.model.spec import ModelSpec
    from napari_histoclust.core.slides.stack import Stack


def model_spec(stacks: Sequence[Stack], settings: FitSettings) -> ModelSpec:
    """Describe the model that `settings` and the stains and scale of the first stack ask for."""
    from napari_histoclust.core.model.spec import ModelSpec

    stains = stacks[0].stains
    for stack in stacks:
        stack.require(stains)
    return ModelSpec(
        stains=stains,
        patch_px=settings.patch_px,
        um_per_px=stacks[0].um_per_px,
        clusters=settings.clusters,
        settings=settings,
        **_architecture(settings),
        trained_on=_trained_on(stacks, "content_sha256"),
    )


def _trained_on(stacks: Sequence[Stack], checksum: str) -> tuple[str, ...]:
    return tuple(str(line[checksum]) for stack in stacks for line in stack.inputs())


def _architecture(settings: FitSettings) -> dict[str, Any]:
    if settings.method == "autoencoder":
        return {"input_px": settings.input_px}
    from napari_histoclust.core.model.encoder import encoder_of

    record = encoder_of(settings.encoder)
    common = {
        "architecture": "neighbours_3",
        "scaling": record.scaling,
        "latent": settings.metric_axes,
        "input_px": record.input_px or settings.input_px,
    }
    if settings.encoder == DEFAULT_ENCODER:
        return common | {"format": 2, "encoders": settings.encoders}
    frozen = None if record.identify is None else record.identify(settings.encoder)
    return common | {"format": 3, "encoder": record.value, "frozen": frozen}


def is_model_of(out: Path, spec: ModelSpec, stacks: Sequence[Stack]) -> bool:
    """Whether a model of these slides and settings is finished in `out`.

    Raises
    ------
    HistoclustError
        If `out` holds another model or something else.
    """
    from napari_histoclust.core.model.bundle import load_model

    check_place(out)
    if out.exists() and not out.is_dir():
        raise SettingError("{}: is a file: give {out} the name of a new folder.", out)
    if not out.is_dir() or not any(out.iterdir()):
        check_folder(out)
        return False
    if not (out / "model.json").is_file():
        raise SettingError("{}: holds something else: give {out} a new or empty folder.", out)
    kept = load_model(out).spec
    if kept.trained_on == (older := _trained_on(stacks, "header_sha256")):  # of a version that read no more
        spec = spec.model_copy(update={"trained_on": older})
    if _identity(kept, spec.settings.device) != _identity(spec, spec.settings.device):
        raise SettingError(
            "{}: holds a model of other slides or settings: give {out} another folder, or delete it.", out
        )
    return True


def _identity(spec: ModelSpec, device: Device) -> dict[str, Any]:
    """What must agree for two trainings to be the same one, seen from this machine's processor."""
    from napari_histoclust.core.model.identity import settings_identity

    settings = spec.settings.model_copy(update={"device": device})
    described = spec.model_dump(
        mode="json", include={"stains", "patch_px", "um_per_px", "trained_on", "frozen"}
    )
    return described | {"settings": settings_identity(settings)}
