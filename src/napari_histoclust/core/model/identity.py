"""What decides a result: of two jobs of one identity the second resumes the first.

Train, map, choose-k and the whole job all ask here. A training depends on its settings, stains and pixels; a
map on its slides and lattices, the model's checksum and its settings; a comparison on settings and pixels.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.settings import ComputeSettings


def settings_identity(settings: ComputeSettings, *free: str) -> dict[str, Any]:
    """Return the settings that decide the result, but for those in `free`, as JSON.

    A precision that `auto` takes on this processor anyway counts as `auto`.
    """
    identity = settings.identity(*free)
    if settings.precision != "auto":
        from napari_histoclust.core.model.devices import choose_device, choose_precision

        device = choose_device(settings)
        automatic = settings.model_copy(update={"precision": "auto"})
        if choose_precision(settings, device) == choose_precision(automatic, device):
            identity["precision"] = "auto"
    return identity


def slide_identity(inputs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return of each image file (`Stack.inputs`) what tells another one apart, wherever it lies now."""
    return [{key: line[key] for key in ("stain", "size", "content_sha256", "placement")} for line in inputs]


def older_slide_identity(inputs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what versions told image files apart by that read no more than their headers."""
    return [{key: line[key] for key in ("stain", "size", "header_sha256")} for line in inputs]


def checksum_of(document: object) -> str:
    """Return the SHA-256 of a document of JSON."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def checksum_of_pixels(pixels: NDArray[np.uint8]) -> str:
    """Return the BLAKE2b of the shape and all (n, ...) values, however they are stored."""
    digest = hashlib.blake2b(str(pixels.shape).encode())
    for start in range(0, len(pixels), 256):
        digest.update(pixels[start : start + 256].tobytes())
    return digest.hexdigest()


def crc32_of(columns: Iterable[NDArray[Any]]) -> int:
    """Return a quick checksum against damage; never 0, which stands for "not done"."""
    total = 0
    for column in columns:
        total = zlib.crc32(np.ascontiguousarray(column).tobytes(), total)
    return total or 1
