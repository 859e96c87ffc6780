"""Kills at every step of every job, and what is left afterwards: `make kills`.

Each try copies a prepared folder, runs the job there until it is killed, looks at what a reader would see,
runs the same job again to its end, and compares with an undisturbed run: the same names, nothing hidden left
over, the same numbers to the last bit.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kills import jobs, steps
from napari_histoclust.core.export.registry import FORMATS
from stacks import write_stack

# with the time or a fresh identifier in them: their sizes are compared, not their bytes
_DATED = {".json", ".tif", ".html", ".pdf", ".parquet", ".svg", ".yaml"}
_DATE_BYTES = 64


@dataclass(frozen=True)
class Job:
    """A job to kill, and the jobs that prepare the folder that it works in."""

    name: str
    work: steps.Work
    before: tuple[steps.Work, ...] = ()


_RUN = (jobs.fit, jobs.map_)
JOBS: tuple[Job, ...] = (
    Job("fit", jobs.fit),
    Job("map", jobs.map_, (jobs.fit,)),
    Job("save the model again", jobs.save_the_model_again, (jobs.fit,)),
    Job("finish", jobs.finish, (*_RUN, jobs.grow)),
    Job("embed", jobs.embed, _RUN),
    Job("embed again", jobs.embed, (*_RUN, jobs.embed)),
    Job("validate", jobs.validate, _RUN),
    Job("figures", jobs.figures, (*_RUN, jobs.embed)),
    Job("save", jobs.save, _RUN),
    Job("save again", jobs.save, (*_RUN, jobs.save)),
    Job("choose-k", jobs.choose_k),
    Job("pyramid", jobs.pyramid),
    Job("phantom", jobs.phantom),
    *(
        Job(f"{kind} {name}", partial(jobs.export, name=name), (*_RUN, jobs.embed, *before))
        for name in FORMATS
        if name != "spatialdata"
        for kind, before in (("export", ()), ("export again", (partial(jobs.export, name=name),)))
    ),
)


class Field:
    """A folder in which one job is killed again and again; all tries lie at the same path.

    Parameters
    ----------
    job : Job
    folder : Path
        New; for the tries, for what each begins with, and for what an undisturbed one leaves.

    Attributes
    ----------
    steps : int
        Changes to the disk that the job makes.
    """

    def __init__(self, job: Job, folder: Path) -> None:
        self._work, self._now = job.work, folder / "now"
        self._before, self._whole = folder / "before", folder / "whole"
        write_stack(self._now / "slide", side_px=300, stains=("HE", "CD31"))
        for work in job.before:
            steps.run(work, self._now)
        shutil.copytree(self._now, self._before)
        self.steps = steps.run(self._work, self._now)
        shutil.copytree(self._now, self._whole)

    def kill(self, step: int) -> list[str]:
        """Kill the job before a step and run it again; return what was wrong."""
        shutil.rmtree(self._now)
        shutil.copytree(self._before, self._now)  # with the times of change, by which our files are known
        steps.run(self._work, self._now, step)
        wrong = list(self._misread())
        steps.run(self._work, self._now)
        return [*wrong, *self._differences()]

    def _misread(self) -> Iterator[str]:
        """What a reader would take for whole between the kill and the next start, and is not."""
        for file in (file for file in _files(self._now) if not _is_hidden(file)):
            if file.suffix == ".json":  # some documents say how far the job is
                json.loads((self._now / file).read_text())
                continue
            known = [folder / file for folder in (self._before, self._whole) if (folder / file).exists()]
            if known and not any(_is_same(self._now / file, other) for other in known):
                if file.name == ".zattrs" and _allows_both(self._now / file, *known):
                    continue
                yield f"{file}: is neither the old nor the new after the kill"
        for folder in {file for file in _files(self._whole) if _is_one(file)}:
            there = {file for file in _files(self._now) if file.is_relative_to(folder)}
            if there and there not in (_within(self._before, folder), _within(self._whole, folder)):
                yield f"{folder}: is half there after the kill"

    def _differences(self) -> Iterator[str]:
        here, there = set(_files(self._now)), set(_files(self._whole))
        yield from (f"{file}: left over" for file in sorted(here - there))
        yield from (f"{file}: missing" for file in sorted(there - here))
        for file in sorted(here & there):
            if not _is_same(self._now / file, self._whole / file):
                yield f"{file}: differs from that of the undisturbed job"


def _files(folder: Path) -> Iterator[Path]:
    """Everything below a folder but the records, relative to it."""
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        if inside.parts[0] != steps.STATE:
            yield inside


def _allows_both(now: Path, *known: Path) -> bool:
    """Whether an array that is about to be replaced is noted with the checksums of the old and the new."""
    noted, *each = (json.loads(file.read_text()).get("crc32", []) for file in (now, *known))
    return len(known) == 2 and noted == [[total for several in each for total in several]]


def _is_hidden(file: Path) -> bool:
    """Whether it is under way: below or at a hidden name; the hidden files of Zarr itself are not."""
    return any(part.startswith(".") and not part.startswith(".z") for part in file.parts)


def _within(root: Path, folder: Path) -> set[Path]:
    return {file for file in _files(root) if file.is_relative_to(folder)}


def _is_one(file: Path) -> bool:
    """Whether this is a folder that is there as a whole or not at all."""
    return file.name.endswith(".zarr") or file.name in ("model", "phantom")


def _is_same(one: Path, other: Path) -> bool:
    if one.is_dir() or other.is_dir():
        return one.is_dir() and other.is_dir()
    if one.suffix == ".h5ad":  # HDF5 allots its space otherwise each time
        return _arrays(one) == _arrays(other)
    if one.suffix in _DATED:
        return abs(one.stat().st_size - other.stat().st_size) <= _DATE_BYTES
    return one.read_bytes() == other.read_bytes()


def _arrays(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}

    def take(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            value = item[()]
            is_plain = isinstance(value, np.ndarray) and value.dtype != object
            found[name] = value.tobytes() if is_plain else repr(value).encode()

    with h5py.File(path) as file:
        file.visititems(take)
    return found


def steps_chosen(count: int, tries: int, rng: random.Random) -> list[int]:
    """All steps where there are few, else some drawn at random, the last ones always."""
    if count <= tries:
        return list(range(1, count + 1))
    last = list(range(count - tries // 4 + 1, count + 1))
    return sorted([*rng.sample(range(1, last[0]), tries - len(last)), *last])


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Kill and report; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=20, help="kills of each job")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="jobs whose name holds this")
    given = parser.parse_args()
    rng, failures, kills = random.Random(given.seed), 0, 0
    for job in JOBS:
        if given.only and given.only not in job.name:
            continue
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            field = Field(job, Path(folder).resolve())
            chosen = steps_chosen(field.steps, given.tries, rng)
            for step in chosen:
                for sentence in field.kill(step):
                    failures += 1
                    tell(f"{job.name}, killed at step {step}: {sentence}")
        kills += len(chosen)
        tell(f"{job.name}: {len(chosen)} kills at {field.steps} steps, {time.monotonic() - start:.0f} s")
    tell(f"{kills} kills, {failures} wrong")
    return int(failures > 0)


if __name__ == "__main__":
    raise SystemExit(main())
