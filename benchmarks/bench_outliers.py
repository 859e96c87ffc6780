"""How many patches of pen, folds, blur, air and foreign tissue are found, and how many others are flagged.

    python benchmarks/bench_outliers.py SLIDE FOREIGN [--patch-px 16] [--clusters 14] [--model BUNDLE]
        [--seeds 3] [--on-pasted] [--out table.json]

Each kind is pasted into copies of SLIDE at places that a seed draws (`pastes.py`); FOREIGN is a folder with
another tissue's stains. The model is trained on the slide as it is, or, with --on-pasted, its distances are
learned on each pasted copy, so that what is to be found took part. A patch is pasted from half its area on,
and not pasted where none of it is; those between are not counted. Recall: share of the pasted patches that
are flagged. Precision: share of the flagged that are pasted; "of new" leaves out those that are flagged on
the slide as it is too, which has its own folds and holes.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from pastes import kinds, read_pictures, shares, write_pictures

import napari_histoclust as hc
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.model.bundle import Model, load_model
from napari_histoclust.core.model.encode import Encoder
from napari_histoclust.core.model.outliers import Familiar, learn_familiar
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.patches.lattice import make_grid
from napari_histoclust.core.stains.calibration import SlideMeasures
from napari_histoclust.core.steps.pipeline import sample_stacks


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("slide", type=Path)
    parser.add_argument("foreign", type=Path)
    parser.add_argument("--patch-px", type=int, default=16)
    parser.add_argument("--clusters", type=int, default=14)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--on-pasted", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    stack = hc.open_stack(given.slide)
    model = load_model(given.model) if given.model else None
    if model is None:
        model = hc.fit(stack, "robust", clusters=given.clusters, patch_px=given.patch_px)
    grid = _grid(stack, model)
    clean = learn(model, given.slide)
    plain = _flagged(given.slide, grid, model, clean)
    rows = []
    for name in kinds(given.foreign):
        figures = [_figures(given, name, model, grid, (clean, plain), seed) for seed in range(given.seeds)]
        mean = {key: round(statistics.mean(f[key] for f in figures), 3) for key in figures[0]}
        rows.append({"kind": name, **mean})
        print(json.dumps(rows[-1]), flush=True)
    document = {
        "slide": given.slide.name,
        "learned_on": "each pasted copy" if given.on_pasted else "the slide as it is",
        "patches": len(grid),
        "flagged_on_the_slide_as_it_is": round(float(plain.mean()), 4),
        "kinds": rows,
    }
    if given.out:
        given.out.write_text(json.dumps(document, indent=1))


def _grid(stack: Any, model: Model) -> PatchGrid:
    side = model.spec.patch_px
    mask = drive(SlideMeasures().find(stack, model.spec.stains, side))
    settings = model.spec.settings
    return make_grid(
        stack, mask, patch_px=side, stride_px=side, level=0,
        min_tissue=settings.min_tissue, min_valid=settings.min_valid,
    )  # fmt: skip


def learn(model: Model, slide: Path) -> Familiar:
    """Learn what a slide looks like from the patches that a training of the model draws there."""
    settings = model.spec.settings
    _, codes = drive(sample_stacks([hc.open_stack(slide)], model.spec, settings))
    rows = np.arange(int(len(codes) * settings.train_share))
    found, _ = drive(learn_familiar(torch.from_numpy(codes), rows, model.spec.input_px))
    return found


def _flagged(slide: Path, grid: PatchGrid, model: Model, familiar: Familiar) -> np.ndarray:
    """Whether each patch of the lattice over the slide as it is would be flagged on this copy of it."""
    stack, side = hc.open_stack(slide), model.spec.patch_px
    tables = drive(SlideMeasures().calibration(stack, model.spec.stains, side)).tables()
    encoder, distances = Encoder(model), []
    for start in range(0, len(grid), 256):
        rows = range(start, min(start + 256, len(grid)))
        corners = [(int(grid.row[i]) * side, int(grid.col[i]) * side) for i in rows]
        patches = np.stack([stack.read(0, y, x, side, side, model.spec.stains) for y, x in corners])
        distances.append(familiar.distance(encoder.prepare(patches, tables)))
    return np.concatenate(distances) > familiar.farthest


def _figures(
    given: argparse.Namespace,
    name: str,
    model: Model,
    grid: PatchGrid,
    before: tuple[Familiar, np.ndarray],
    seed: int,
) -> dict[str, float]:
    """Paste one kind with one seed and count; `before`: what the clean slide teaches, and flags on itself."""
    stains, pictures = read_pictures(given.slide)
    side, tissue = model.spec.patch_px, np.zeros(pictures.shape[1:3], bool)
    shown = np.kron(grid.picture(np.ones(len(grid), np.uint8)), np.ones((side, side), np.uint8)) > 0
    tissue[: shown.shape[0], : shown.shape[1]] = shown[: tissue.shape[0], : tissue.shape[1]]
    pasted = kinds(given.foreign)[name](pictures, stains, tissue, seed)
    with TemporaryDirectory() as folder:
        copy = write_pictures(Path(folder) / "copy", stains, pasted.pictures)
        familiar = learn(model, copy) if given.on_pasted else before[0]
        flagged = _flagged(copy, grid, model, familiar)
    share = shares(pasted.where, grid.row, grid.col, side)
    odd, clean = share >= 0.5, share == 0
    hits = int((flagged & odd).sum())
    new = int((flagged & clean & ~before[1]).sum())
    return {
        "pasted": int(odd.sum()),
        "recall": hits / int(odd.sum()),
        "precision": hits / max(1, int((flagged & (odd | clean)).sum())),
        "precision_of_new": hits / max(1, hits + new),
    }


if __name__ == "__main__":
    main()
