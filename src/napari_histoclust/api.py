"""The Python names that the package promises: the engine's jobs, run to their end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_histoclust.core.config import FitSettings, MapSettings, Preset, RunSettings
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.settings import checked

if TYPE_CHECKING:
    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.stack import Stack

OnProgress = Callable[[Progress], object]


def fit(
    stack: Stack | Sequence[Stack],
    preset: Preset = "robust",
    *,
    out: str | Path | None = None,
    progress: OnProgress | None = None,
    **settings: Any,
) -> Model:
    """Train a model on random tissue patches.

    Parameters
    ----------
    stack : Stack or sequence of Stack
        One slide or several with the same stains.
    preset : a name in `napari_histoclust.core.config.PRESETS`
        A full set of settings.
    out : path, optional
        Folder in which to keep the model; with it an interrupted call goes on where it stopped.
    progress : callable, optional
        Called with each `Progress`, for instance `print`.
    **settings
        Fields of `FitSettings` in place of the preset's: clusters, patch_px, epochs, seed, ...

    Raises
    ------
    HistoclustError
        If a setting or a slide does not fit.
    """
    from napari_histoclust.core.steps.pipeline import fit_stacks

    chosen = FitSettings.resolve(preset, checked(FitSettings, settings))
    return drive(fit_stacks(_several(stack), chosen, None if out is None else Path(out)), progress)


def map(
    stack: Stack | Sequence[Stack],
    model: Model,
    out: str | Path,
    *,
    allow_missing: bool = False,
    progress: OnProgress | None = None,
    **settings: Any,
) -> Run:
    """Label every tissue patch of one slide or several.

    Parameters
    ----------
    stack : Stack or sequence of Stack
    model : Model
    out : path
        The run folder: new, empty, or the same run begun before.
    allow_missing : bool
        Also map a slide that lacks one or two of the model's stains, as well as the others tell.
    progress : callable, optional
        Called with each `Progress`.
    **settings
        Fields of `MapSettings`: stride_px, min_tissue, min_valid, device, precision.

    Raises
    ------
    HistoclustError
        If a setting or a slide does not fit, or `out` holds something else.
    """
    from napari_histoclust.core.steps.mapping import map_stacks

    chosen = checked(MapSettings, {**settings, "allow_missing": allow_missing})
    return drive(map_stacks(_several(stack), model, Path(out), chosen), progress)


def run(
    stack: Stack | Sequence[Stack],
    out: str | Path,
    preset: Preset = "robust",
    *,
    progress: OnProgress | None = None,
    **settings: Any,
) -> Run:
    """Train, map, embed, validate and draw; an interrupted call goes on where it stopped.

    Parameters
    ----------
    stack : Stack or sequence of Stack
    out : path
        The run folder.
    preset : a name in `napari_histoclust.core.config.PRESETS`
    progress : callable, optional
        Called with each `Progress`.
    **settings
        Fields of `RunSettings` in place of the preset's.

    Raises
    ------
    HistoclustError
        If a setting or a slide does not fit, or `out` holds something else.
    """
    from napari_histoclust.core.steps.pipeline import run_stacks

    return drive(run_stacks(_several(stack), preset, Path(out), checked(RunSettings, settings)), progress)


def _several(stack: Stack | Sequence[Stack]) -> Sequence[Stack]:
    return stack if isinstance(stack, Sequence) else [stack]
