"""Reading, encoding and storing of the chunks of a run that are missing, as one stream.

One reader serves all chunks, so that it is ahead of the model at the borders between them too; densities are
measured by the threads that read, and the model gets full batches whatever pieces the patches come in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.encode import Encoded, Encoder, EncodingStream, Tables, joined
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.patches.reader import Unit, grid_units, read_units
from napari_histoclust.core.run.store import ChunkResult, GrowingStore
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.stains.deconvolution import DyeVectors, densities

Densities = tuple[NDArray[np.float32], NDArray[np.float32]]


class _Place(NamedTuple):
    """Where a piece of patches belongs: which chunk of the store, which slide."""

    chunk: int
    slide: int


def label_missing(
    store: GrowingStore,
    slides: Sequence[tuple[Stack, PatchGrid]],
    measured_stains: Sequence[str],
    dyes: Sequence[Sequence[DyeVectors]],
    encoders: Sequence[Encoder],
    tables: Sequence[Tables],
) -> Job[None]:
    """Encode the patches of the chunks that a store is missing, and write each chunk as it is whole.

    Parameters
    ----------
    store : GrowingStore
        Its rows are the patches of the slides, one slide after the other.
    slides : sequence of (Stack, PatchGrid)
        The slides and their lattices.
    measured_stains : sequence of str
        Stains whose densities are measured, all of which every slide has.
    dyes : sequence of sequence of DyeVectors
        Those of each slide.
    encoders : sequence of Encoder
        The model, made ready for each slide; its stains are asked for by name.
    tables : sequence of (3 s, 256) uint8 or None
        Calibration of each slide, where the model asks for it.

    Raises
    ------
    HistoclustError
        If a file cannot be decoded or the disk is full.
    """
    stains, missing = encoders[0].spec.stains, store.missing()
    columns = [stains.index(stain) for stain in measured_stains]
    total = sum(len(grid) for _, grid in slides)
    done = total - sum(store.rows(chunk).stop - store.rows(chunk).start for chunk in missing)

    def measure(place: _Place, pixels: UInt8) -> Densities:
        own = pixels if len(columns) == len(stains) else pixels[:, columns]
        return densities(own, measured_stains, dyes[place.slide])

    units = (unit for chunk in missing for unit in _units(slides, chunk, store.rows(chunk), len(stains)))
    with closing(read_units(units, stains, measure)) as reading:
        for chunk, pieces in groupby(reading, lambda patches: patches.key.chunk):
            streams, measured = _Streams(encoders), []
            for patches in pieces:
                measured.append(patches.measured)
                yield Progress("Mapping", done, total)
                slide = patches.key.slide
                for encoded in streams.add(slide, patches.pixels, tables[slide]):
                    yield Progress("Mapping", done + encoded, total)
            result = _joined(streams.finish(), measured)
            store.write(chunk, result)
            done += len(result.cluster)
            yield Progress("Mapping", done, total)


class _Streams:
    """One stream after the other, a new one where the next slide needs another encoder."""

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        self._encoders = encoders
        self._encoder: Encoder | None = None
        self._stream: EncodingStream | None = None
        self._parts: list[Encoded] = []

    def add(self, slide: int, patches: UInt8, tables: Tables) -> Iterator[int]:
        """Take patches of a slide and encode what fills whole chunks; yield how many of all are encoded."""
        if self._encoder is not self._encoders[slide]:
            self._close()
            self._encoder = self._encoders[slide]
            self._stream = EncodingStream(self._encoder)
        assert self._stream is not None
        before = sum(len(part.latent) for part in self._parts)
        for encoded in self._stream.add(patches, tables):
            yield before + encoded

    def _close(self) -> None:
        if self._stream is not None:
            self._parts.append(self._stream.finish())

    def finish(self) -> Encoded:
        """Encode the rest and return all."""
        self._close()
        return joined(self._parts)


def _units(
    slides: Sequence[tuple[Stack, PatchGrid]], chunk: int, rows: slice, stains: int
) -> Iterator[Unit[_Place]]:
    """Split rows of the run into pieces of the slides."""
    first = 0
    for index, (stack, grid) in enumerate(slides):
        start, stop = max(rows.start - first, 0), min(rows.stop - first, len(grid))
        if start < stop:
            yield from grid_units(stack, grid, start, stop, stains, _Place(chunk, index))
        first += len(grid)


def _joined(encoded: Encoded, measured: Sequence[Densities]) -> ChunkResult:
    return ChunkResult(
        latent=encoded.latent,
        cluster=encoded.labels,
        confidence=encoded.confidence,
        entropy=encoded.entropy,
        distance=encoded.distance,
        stain_od=np.concatenate([stain_od for stain_od, _ in measured]),
        dye_od=np.concatenate([dye_od for _, dye_od in measured]),
    )
