"""Label single tiles that somebody cut out already."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.atomic import atomic_file, check_file
from napari_histoclust.core.errors import HistoclustError, SettingError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.bundle import Model
from napari_histoclust.core.model.encode import Encoder, EncodingStream
from napari_histoclust.core.model.missing import can_do_without, check_gap, without
from napari_histoclust.core.reading import load_npz
from napari_histoclust.core.settings import ComputeSettings
from napari_histoclust.core.slides.absent import GLASS
from napari_histoclust.core.slides.names import canonical_stain
from napari_histoclust.core.stains.calibration import calibrate_tiles
from napari_histoclust.core.steps.absent_stains import tables_with_glass

_PIECE = 256


def classify_tiles(
    file: Path, model: Model, out: Path, settings: ComputeSettings, allow_missing: bool = False
) -> Job[int]:
    """Write the cluster and the confidence of each tile.

    Parameters
    ----------
    file : Path
        An .npz with `tiles` (n, stains, y, x, 3) uint8 and `stains` (their names, in that order).
    model : Model
        Its stains are picked by name.
    out : Path
        The CSV to write: tile (0-based), cluster (1..K), confidence, and the missing stains where there are.
    settings : ComputeSettings
    allow_missing : bool
        Whether the tiles may lack stains that the model has learned to do without.

    Returns
    -------
    int
        Number of tiles.

    Raises
    ------
    HistoclustError
        If the file is missing or of another form, or lacks a stain of the model, or something else stands at
        `out`.
    """
    check_file(out)
    tiles, stains = read_tiles(file)
    spec = model.spec
    missing = _missing(tiles, stains, model, file, allow_missing)
    tiles, order = _with_glass(tiles, stains, spec.stains)
    encoder = Encoder(without(model, missing), settings)
    tables = None
    if spec.scaling == "tissue_strength":
        present = [stain for stain in spec.stains if stain not in missing]
        own = [place for place, stain in zip(order, spec.stains, strict=True) if stain in present]
        tables = tables_with_glass(calibrate_tiles(tiles[:, own]), present, spec.stains)
    encoding = EncodingStream(encoder)
    for start in range(0, len(tiles), _PIECE):
        for done in encoding.add(tiles[start : start + _PIECE, order], tables):
            yield Progress("Classifying tiles", done, len(tiles))
    encoded = encoding.finish()
    yield Progress("Classifying tiles", len(tiles), len(tiles))
    rows = enumerate(zip(encoded.labels.tolist(), encoded.confidence.tolist(), strict=True))
    with atomic_file(out) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        said = [" ".join(missing)] if missing else []
        writer.writerow(["tile", "cluster", "confidence", *(["missing_stains"] if missing else [])])
        writer.writerows((tile, cluster, f"{confidence:.6f}", *said) for tile, (cluster, confidence) in rows)
    return len(tiles)


def read_tiles(file: Path) -> tuple[NDArray[np.uint8], list[str]]:
    """Return the tiles (n, stains, y, x, 3) of an .npz file and the names of their stains.

    Raises
    ------
    HistoclustError
        If the file is missing or of another form.
    """
    arrays = load_npz(file)
    lacking = [name for name in ("tiles", "stains") if name not in arrays]
    if lacking:
        raise HistoclustError(
            f"{file}: lacks {lacking[0]}; expected `tiles` (n, stains, y, x, 3) and `stains`."
        )
    tiles, stains = arrays["tiles"], [str(name) for name in arrays["stains"].ravel()]
    if tiles.ndim != 5 or tiles.shape[-1] != 3 or tiles.dtype != np.uint8:
        raise HistoclustError(
            f"{file}: tiles are {tiles.dtype} of shape {tiles.shape}, expected uint8 (n, stains, y, x, 3)."
        )
    if tiles.shape[1] != len(stains):
        raise HistoclustError(f"{file}: {tiles.shape[1]} stains a tile, but {len(stains)} names in `stains`.")
    return tiles, stains


def _missing(
    tiles: NDArray[np.uint8], stains: list[str], model: Model, file: Path, allow_missing: bool
) -> tuple[str, ...]:
    """Return the stains of the model that the tiles lack.

    Raises
    ------
    HistoclustError
        If they may not.
    """
    at_hand = [canonical_stain(name) for name in stains]
    missing = tuple(name for name in model.spec.stains if canonical_stain(name) not in at_hand)
    if missing and not allow_missing:
        message = f"lacks {', '.join(missing)}, which the model needs; it holds {', '.join(stains)}"
        if not can_do_without(model, missing):
            raise HistoclustError(f"{file}: {message}.")
        raise SettingError("{}: {}: add the stain, or do without it by {allow_missing}.", file, message)
    check_gap(model, missing, str(file))
    return missing


def _with_glass(
    tiles: NDArray[np.uint8], stains: list[str], wanted: tuple[str, ...]
) -> tuple[NDArray[np.uint8], list[int]]:
    """Return the tiles, with bare glass behind them where a stain is missing, and where each stain lies."""
    at_hand = [canonical_stain(name) for name in stains]
    names = [canonical_stain(name) for name in wanted]
    if not set(names) <= set(at_hand):
        glass = np.full_like(tiles[:, :1], GLASS)
        tiles = np.concatenate([tiles, glass], axis=1)
    return tiles, [at_hand.index(name) if name in at_hand else len(at_hand) for name in names]
