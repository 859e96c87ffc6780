"""What the metadata of an OME-Zarr state of its picture: version 0.4 and 0.5."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.reading import parse_json, read_text
from napari_histoclust.core.slides.protocol import Corner
from napari_histoclust.core.slides.scale import finite

_MOST_BYTES = 16 * 2**20
_UM = {
    "nanometer": 1e-3,
    "micrometer": 1.0,
    "millimeter": 1e3,
    "centimeter": 1e4,
    "meter": 1e6,
    "angstrom": 1e-4,
}


def attributes_of(path: Path) -> Mapping[str, Any]:
    """Return the OME attributes of the group: under "ome" in 0.5, plain in 0.4."""
    try:
        if (path / "zarr.json").is_file():
            document = parse_json(path, read_text(path / "zarr.json", _MOST_BYTES))
            attributes = document.get("attributes", {}).get("ome", {})
        else:
            attributes = parse_json(path, read_text(path / ".zattrs", _MOST_BYTES))
    except (HistoclustError, AttributeError) as error:
        raise HistoclustError(f"{path}: its OME-Zarr metadata are not readable: export it again.") from error
    if not isinstance(attributes, dict) or not attributes.get("multiscales"):
        raise HistoclustError(
            f"{path}: is a Zarr store but no OME-Zarr image (no multiscales): give the image group inside it."
        )
    return attributes


def side_um(multiscale: Mapping[str, Any], axes: str, axis: str) -> float | None:
    """Return the side of a level-0 px along an axis that has a unit of length."""
    if axis not in axes:
        return None
    place = axes.index(axis)
    factor = _UM.get(multiscale["axes"][place].get("unit", ""))
    stated = _transformations(multiscale, "scale", place)
    return None if factor is None or not stated else finite(factor * float(np.prod(stated)))


def corner_um(multiscale: Mapping[str, Any], axes: str) -> Corner | None:
    """Return the translation (y, x) where there is one and both axes have a unit of length."""
    corner = []
    for axis in (axes.index("y"), axes.index("x")):
        factor = _UM.get(multiscale["axes"][axis].get("unit", ""))
        moved = _transformations(multiscale, "translation", axis)
        if factor is None or not moved:
            return None
        corner.append(factor * sum(moved))
    return corner[0], corner[1]


def _transformations(multiscale: Mapping[str, Any], kind: str, axis: int) -> list[float]:
    """What the transformations of a kind, of level 0 and of all levels, state for an axis."""
    return [
        float(step[kind][axis])
        for part in (multiscale["datasets"][0], multiscale)
        for step in part.get("coordinateTransformations", [])
        if step.get("type") == kind
    ]
