"""Read the checkpoints that the paper's authors published, and the learning history beside them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from torch import Tensor

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.errors import HistoclustError, SettingError
from napari_histoclust.core.model.bundle import Model, check_state
from napari_histoclust.core.model.checkpoint import load_tensors
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.reading import read_text

_PARTS = {"encoder": "model_en_*.ckpt", "classifier": "model_cl_*.ckpt", "decoder": "model_de_*.ckpt"}
_COLUMNS = {
    "loss": "loss",
    "loss_rec": "reconstruction",
    "entropy_marginal": "marginal",
    "entropy_mean": "conditional",
    "loss_affine": "consistency",
}


def import_model(folder: Path, stains: Sequence[str], patch_px: int) -> Model:
    """Read encoder, classifier and decoder of the authors' repository (KPC_IM_128_64).

    Parameters
    ----------
    folder : Path
        Holds one `model_en_*.ckpt`, one `model_cl_*.ckpt`, one `model_de_*.ckpt` and, where it is at hand,
        one `hist_*.tsv`.
    stains : sequence of str
        Stains in the order of the network's channels; the files do not state them. The authors' own
        order is HE, CD31, CK19, Ki67, MT.
    patch_px : int
        Side of the patches that the model was trained on, px of full resolution.

    Raises
    ------
    HistoclustError
        If a file is missing, double, damaged, or made for another number of stains.
    """
    folder = Path(folder)
    if patch_px < 1:
        raise SettingError("{patch_px} {}: a patch has at least one px.", patch_px)
    files = {part: _one_file(folder, pattern) for part, pattern in _PARTS.items()}
    state: dict[str, Tensor] = {}
    for part, file in files.items():
        state |= _read_part(file, part)
    _check_stains(state, stains, files["encoder"])
    spec = _describe(folder, state, tuple(stains), patch_px)
    check_state(state, spec, str(folder))
    return Model(spec, state)


def _one_file(folder: Path, pattern: str) -> Path:
    if not folder.is_dir():
        raise HistoclustError(f"{folder}: no such folder.")
    found = sorted(folder.glob(pattern))
    if not found:
        raise HistoclustError(f"{folder}: holds no {pattern}, expected the authors' three checkpoint files.")
    if len(found) > 1:
        raise HistoclustError(
            f"{folder}: {found[0].name} and {found[1].name} both fit {pattern}, leave only one of them there."
        )
    return found[0]


def _read_part(file: Path, part: str) -> dict[str, Tensor]:
    state = load_tensors(file, "download it again")
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise HistoclustError(f"{file}: holds no table of weights, expected the authors' {part} checkpoint.")
    strange = [name for name in state if not str(name).startswith(f"{part}.")]
    if strange:
        raise HistoclustError(f"{file}: holds {strange[0]} where weights of the {part} were expected.")
    return dict(state)


def _check_stains(state: dict[str, Tensor], stains: Sequence[str], file: Path) -> None:
    first = state.get("encoder.conv1.weight")
    if first is None or first.ndim != 4:
        raise HistoclustError(f"{file}: lacks weight encoder.conv1.weight, it belongs to another network.")
    if first.shape[1] != 3 * len(stains):
        raise SettingError(
            "{stains} {}: {} stains, but {} was trained on {}: name them in the order of its channels.",
            ",".join(stains),
            len(stains),
            file.name,
            first.shape[1] // 3,
        )


def _describe(folder: Path, state: dict[str, Tensor], stains: tuple[str, ...], patch_px: int) -> ModelSpec:
    last = state.get("classifier.conv3.weight")
    if last is None:
        raise HistoclustError(
            f"{folder}: lacks weight classifier.conv3.weight, it belongs to another network."
        )
    clusters = int(last.shape[0])
    history = _read_history(folder)
    try:
        return ModelSpec(
            stains=stains,
            patch_px=patch_px,
            clusters=clusters,
            axes="xy",
            settings=FitSettings(patch_px=patch_px, clusters=clusters),
            history=history,
            source="imported from the authors' checkpoints",
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "stains"
        raise SettingError("{" + name + "} {}: {}.", first["input"], first["msg"].lower()) from error


def _read_history(folder: Path) -> tuple[dict[str, float], ...]:
    """Read `hist_*.tsv`, where there is exactly one; its third column counts epochs from 0."""
    files = sorted(folder.glob("hist_*.tsv"))
    if len(files) != 1:
        return ()
    rows = list(csv.DictReader(read_text(files[0]).splitlines(), delimiter="\t"))
    try:
        return tuple(
            {"epoch": int(row["tt"]) + 1.0} | {ours: float(row[theirs]) for theirs, ours in _COLUMNS.items()}
            for row in rows
        )
    except (KeyError, TypeError, ValueError) as error:
        raise HistoclustError(f"{files[0]}: is not a learning history of the authors, remove it.") from error
