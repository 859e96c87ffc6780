"""Room for more patches than memory should hold: a file in the user's cache folder that nobody else sees."""

from __future__ import annotations

import math
import os
import tempfile

import numpy as np

from napari_histoclust.core.atomic import readable_disk_errors
from napari_histoclust.core.slides.protocol import UInt8

IN_MEMORY_BYTES = 2 * 2**30


def large_array(shape: tuple[int, ...]) -> UInt8:
    """Return an uninitialised uint8 array, beyond 2 GiB on the disk; its file goes with it.

    Raises
    ------
    HistoclustError
        If the disk has no room for it.
    """
    size = math.prod(shape)
    if size <= IN_MEMORY_BYTES:
        return np.empty(shape, np.uint8)
    from platformdirs import user_cache_path

    folder = user_cache_path("napari-histoclust")  # /tmp is memory on some systems
    with readable_disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):  # a hole that cannot be filled later would end the process
                os.posix_fallocate(file.fileno(), 0, size)
            mapped: UInt8 = np.memmap(file, np.uint8, "w+", shape=shape)
    return mapped
