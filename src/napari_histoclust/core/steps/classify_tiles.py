"""Label single tiles that somebody cut out already."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.atomic import atomic_file, check_file
from napari_histoclust.core.config import ComputeSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.bundle import Model
from napari_histoclust.core.model.encode import Encoder, EncodingStream
from napari_histoclust.core.reading import check_npz
from napari_histoclust.core.slides.names import canonical_stain
from napari_histoclust.core.stains.calibration import calibrate_tiles

_PIECE = 256


def classify_tiles(file: Path, model: Model, out: Path, settings: ComputeSettings) -> Job[int]:
    """Write the cluster and the confidence of each tile.

    Parameters
    ----------
    file : Path
        An .npz with `tiles` (n, stains, y, x, 3) uint8 and `stains` (their names, in that order).
    model : Model
        Its stains are picked by name.
    out : Path
        The CSV to write: tile (0-based), cluster (1..K), confidence.

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
    tiles, stains = _read_tiles(file)
    order = _order(stains, model.spec.stains, file)
    encoder = Encoder(model, settings)
    tables = None
    if model.spec.scaling == "tissue_strength":
        tables = calibrate_tiles(tiles[:, order]).tables()
    encoding = EncodingStream(encoder)
    for start in range(0, len(tiles), _PIECE):
        for done in encoding.add(tiles[start : start + _PIECE, order], tables):
            yield Progress("Classifying tiles", done, len(tiles))
    encoded = encoding.finish()
    yield Progress("Classifying tiles", len(tiles), len(tiles))
    rows = enumerate(zip(encoded.labels.tolist(), encoded.confidence.tolist(), strict=True))
    with atomic_file(out) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["tile", "cluster", "confidence"])
        writer.writerows((tile, cluster, f"{confidence:.6f}") for tile, (cluster, confidence) in rows)
    return len(tiles)


def _read_tiles(file: Path) -> tuple[NDArray[np.uint8], list[str]]:
    check_npz(file)
    try:
        with np.load(file, allow_pickle=False) as arrays:
            tiles, stains = arrays["tiles"], [str(name) for name in arrays["stains"]]
    except KeyError as error:
        raise HistoclustError(
            f"{file}: lacks {error.args[0]}; expected `tiles` (n, stains, y, x, 3) and `stains`."
        ) from error
    except (OSError, ValueError, zipfile.BadZipFile, TypeError, AttributeError) as error:
        raise HistoclustError(f"{file}: is no readable .npz file of tiles.") from error
    if tiles.ndim != 5 or tiles.shape[-1] != 3 or tiles.dtype != np.uint8:
        raise HistoclustError(
            f"{file}: tiles are {tiles.dtype} of shape {tiles.shape}, expected uint8 (n, stains, y, x, 3)."
        )
    if tiles.shape[1] != len(stains):
        raise HistoclustError(f"{file}: {tiles.shape[1]} stains a tile, but {len(stains)} names in `stains`.")
    return tiles, stains


def _order(stains: list[str], wanted: tuple[str, ...], file: Path) -> list[int]:
    at_hand = [canonical_stain(name) for name in stains]
    missing = [name for name in wanted if canonical_stain(name) not in at_hand]
    if missing:
        raise HistoclustError(
            f"{file}: lacks {', '.join(missing)}, which the model needs; it holds {', '.join(stains)}."
        )
    return [at_hand.index(canonical_stain(name)) for name in wanted]
