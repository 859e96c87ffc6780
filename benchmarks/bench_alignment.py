"""Set the report on alignment against landmarks that people placed, and against shifts that are known.

    python benchmarks/bench_alignment.py [--data ../shared/data] [--rounds 3]

Four parts: the five stains of the lung as they were aligned; the same with shifts and turns added, which
must come out again; the unaligned originals, laid on one another through a stack.yaml by an affine fitted to
half of the landmarks and tested on the other half; and the five stains of the mouse, with the time it takes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.alignment import StainAlignment, check_alignment
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.slides.placed.warped import WarpedSlide
from napari_histoclust.core.slides.stack import Stack, open_stack
from napari_histoclust.core.tissue.mask import find_tissue

Float = NDArray[np.float64]
PATCH_PX = 128
MOVES = {
    "12 down, 9 left": (0.0, 12.0, -9.0),
    "25 right": (0.0, 0.0, 25.0),
    "turned by 3 degrees": (3.0, 0.0, 0.0),
}
ORIGINALS = {"HE": "He", "CD31": "CD31-3", "Ki67": "Ki67-7", "CC10": "Cc10-5", "proSPC": "proSPC-4"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(os.environ.get("HISTOCLUST_SHARED_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    lung = given.data / "cima_lung5"
    marks = read_marks(lung / "landmarks" / "landmarks_5pc.csv")
    found = {
        "as aligned": against_marks(open_stack(lung / "aligned"), marks),
        "moved": {name: moved(lung / "aligned", move) for name, move in MOVES.items()},
        "originals": originals(lung, marks),
        "mouse": mouse(open_stack(given.data / "kpc_stack")),
        "time": {
            name: timed(open_stack(path), given.rounds)
            for name, path in {"lung": lung / "aligned", "mouse": given.data / "kpc_stack"}.items()
        },
    }
    print(json.dumps(found, indent=1))


def read_marks(path: Path) -> dict[str, dict[str, Float]]:
    """(n, 2) y, x of each stain's landmarks: in its original, after alignment, and in HE."""
    rows: dict[str, list[dict[str, str]]] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["stain"], []).append(row)
    return {
        stain: {
            kind: np.array([[float(row[f"{kind}_y"]), float(row[f"{kind}_x"])] for row in of_stain])
            for kind in ("orig", "aligned", "HE")
        }
        for stain, of_stain in rows.items()
    }


def check(stack: Stack) -> tuple[StainAlignment, ...]:
    mask = drive(find_tissue(stack, stack.stains, PATCH_PX))
    return drive(check_alignment(stack, mask))


def lengths(vectors: Float) -> dict[str, float]:
    """Median and nine tenths of the lengths of (n, 2) vectors."""
    if not len(vectors):
        return {"n": 0}
    length = np.hypot(*vectors.T)
    return {
        "n": len(length),
        "median_px": round(float(np.median(length)), 1),
        "p90_px": round(float(np.quantile(length, 0.9)), 1),
    }


def at(line: StainAlignment, places: Float) -> Float:
    """(n, 2) shifts of the regions in which (n, 2) places lie."""
    regions = line.regions
    cells = (places / (regions.height_px, regions.width_px)).astype(int)
    rows, cols = np.minimum(cells, np.array(regions.shape) - 1).T
    return regions.shift_px[rows, cols]


def compared(line: StainAlignment, places: Float, truth: Float) -> dict[str, Any]:
    """How the local shifts differ from true ones at some places, and how they go with them."""
    told = at(line, places)
    known = np.isfinite(told[:, 0])
    difference = lengths(told[known] - truth[known])
    spread = np.std(truth[known], axis=0) if known.any() else np.zeros(2)
    alike = {
        f"correlation_{axis}": round(float(np.corrcoef(told[known, k], truth[known, k])[0, 1]), 2)
        for k, axis in enumerate("yx")
        if spread[k] > 0.5
    }
    return {"local_minus_true": difference, **alike}


def summary(line: StainAlignment) -> dict[str, Any]:
    told = np.isfinite(line.regions.length_px)
    return {
        "shift_px": None if line.shift_px is None else [round(v, 1) for v in line.shift_px],
        "regions_told": f"{int(told.sum())} of {told.size}",
        "local": lengths(line.regions.shift_px[told]),
        "overlap": round(line.outline_dice, 3),
        "warnings": list(line.warnings),
    }


def against_marks(stack: Stack, marks: dict[str, dict[str, Float]]) -> dict[str, Any]:
    result = {}
    for line in check(stack):
        own = marks[line.stain]
        truth = own["HE"] - own["aligned"]
        result[line.stain] = {
            "landmarks": lengths(truth),
            **summary(line),
            **compared(line, own["HE"], truth),
        }
    return result


def moved(folder: Path, move: tuple[float, float, float]) -> dict[str, Any]:
    """Turn (degrees, about the middle) and shift every stain but the reference."""
    stack = open_stack(folder)
    turn, down, right = np.deg2rad(move[0]), move[1], move[2]
    middle = np.array(stack.shapes[0]) / 2
    affine = np.eye(3)
    affine[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    affine[:2, 2] = middle - affine[:2, :2] @ middle + (down, right)
    stack.slides.update(
        {  # type: ignore[attr-defined]
            stain: WarpedSlide(stack.slides[stain], affine, stack.shapes)
            for stain in stack.stains
            if stain != stack.reference
        }
    )
    rows, cols = np.meshgrid(*(np.arange(20, side, 25.0) for side in stack.shapes[0]), indexing="ij")
    places = np.stack([rows.ravel(), cols.ravel()], 1)
    result = {}
    for line in check(stack):
        # what belongs at q of the reference is shown at affine q
        truth = places - (places @ affine[:2, :2].T + affine[:2, 2])
        result[line.stain] = {**summary(line), **compared(line, places, truth)}
    return result


def originals(lung: Path, marks: dict[str, dict[str, Float]]) -> dict[str, Any]:
    """Write the stack.yaml, open it, and look at the landmarks that took no part in the fit."""
    files = {stain: next((lung / "original").glob(f"*-{part}-les3.jpg")) for stain, part in ORIGINALS.items()}
    entries, truths = [f"  HE: {{path: {files['HE'].resolve()}}}"], {}
    for stain, own in marks.items():
        if stain == "HE":
            continue
        fitted, tested = np.arange(0, len(own["HE"]), 2), np.arange(1, len(own["HE"]), 2)
        design = np.column_stack([own["orig"], np.ones(len(own["orig"]))])
        solution, *_ = np.linalg.lstsq(design[fitted], own["HE"][fitted], rcond=None)
        rows = [*solution.T.tolist(), [0.0, 0.0, 1.0]]
        entries.append(f"  {stain}: {{path: {files[stain].resolve()}, affine: {json.dumps(rows)}}}")
        truths[stain] = own["HE"][tested], own["HE"][tested] - design[tested] @ solution, own
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "stack.yaml"
        path.write_text("stains:\n" + "\n".join(entries) + "\nreference: HE\n")
        lines = check(open_stack(path))
    result = {}
    for line in lines:
        places, truth, own = truths[line.stain]
        result[line.stain] = {
            "landmarks_unplaced": lengths(own["HE"] - own["orig"]),
            "landmarks_held_out": lengths(truth),
            **summary(line),
            **compared(line, places, truth),
        }
    return result


def mouse(stack: Stack) -> dict[str, Any]:
    return {line.stain: summary(line) for line in check(stack)}


def timed(stack: Stack, rounds: int) -> dict[str, float]:
    """Wall and CPU seconds of the check alone, once the tissue is known."""
    mask = drive(find_tissue(stack, stack.stains, PATCH_PX))
    drive(check_alignment(stack, mask))
    walls, cpus = [], []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        drive(check_alignment(stack, mask))
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"wall_s": round(statistics.median(walls), 2), "cpu_s": round(statistics.median(cpus), 2)}


if __name__ == "__main__":
    main()
