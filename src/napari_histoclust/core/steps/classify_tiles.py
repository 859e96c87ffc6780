"""Label single tiles that somebody cut out already."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.arrays import UNREADABLE, read_npz
from napari_histoclust.core.atomic import atomic_file, check_file
from napari_histoclust.core.config import ComputeSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.bundle import Model
from napari_histoclust.core.model.encode import Encoder, EncodingStream
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
    tiles, stains = read_tiles(file)
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


def read_tiles(file: Path) -> tuple[NDArray[np.uint8], list[str]]:
    """Return the tiles (n, stains, y, x, 3) of an .npz file and the names of their stains.

    Raises
    ------
    HistoclustError
        If the file is missing or of another form.
    """
    try:
        arrays = read_npz(file, ("tiles", "stains"))
        tiles, stains = arrays["tiles"], [str(name) for name in arrays["stains"]]
    except FileNotFoundError as error:
        raise HistoclustError(f"{file}: no such file.") from error
    except KeyError as error:
        raise HistoclustError(
            f"{file}: lacks {error.args[0]}; expected `tiles` (n, stains, y, x, 3) and `stains`."
        ) from error
    except UNREADABLE as error:
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
