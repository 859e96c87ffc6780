"""Many damaged slides through workers that may die; what happened is counted, and every failure kept.

``python tests/fuzz/campaign.py --cases 10000 --seed 1`` prints the counts as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from fuzz.mutate import mutate  # noqa: E402
from fuzz.seeds import copy_damaged, real_seeds, write_seeds  # noqa: E402

# A hang is 5 s of work; what the machine does meanwhile for others is no fault of the reader.
CPU_SECONDS, WALL_SECONDS = 5.0, 60.0
_MEMORY = re.compile(r"MemoryError|[Uu]nable to allocate|out of memory", re.IGNORECASE)


@dataclass
class Result:
    """What came of a campaign.

    Parameters
    ----------
    counts : Counter
        Cases by what came of them: read, holes, refused; crash, hang, memory and raised are failures.
    failures : list of str
        One line a failure: seed file, number of the case, what happened.
    slowest_s : float
        Most processor time of a case.
    """

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


class Damage:
    """The damage of one case; the same number does the same damage."""

    def __init__(self, seed: int, case: int) -> None:
        self._rng = random.Random(f"{seed}-{case}")

    def __call__(self, data: bytes) -> bytes:
        return mutate(data, self._rng)

    def choose(self, files: Sequence[Path]) -> Path:
        return self._rng.choice(files)


class Worker:
    """A process that reads slides until one of them kills it."""

    def __init__(
        self, warm: Sequence[Path], script: Path = HERE / "worker.py", wall_s: float = WALL_SECONDS
    ) -> None:
        self._wall_s = wall_s
        self._process = subprocess.Popen(
            [sys.executable, str(script), *map(str, warm)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        assert self._answer(600.0)[0] == "ready"

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def read(self, path: Path) -> tuple[str, str, float]:
        """Let it read a slide: what came of it, why, and the seconds of work it took."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        what, why, seconds = self._answer(self._wall_s)
        if what in ("read", "holes", "refused") and _MEMORY.search(why):
            return "memory", why, seconds
        return ("hang" if seconds > CPU_SECONDS else what), why, seconds

    def _answer(self, seconds: float) -> tuple[str, str, float]:
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            self._process.kill()
            self._process.wait()
            return "hang", f"no answer in {seconds} s", seconds
        if not line:
            return "crash", f"died with {self._process.wait()}", 0.0
        what, why, spent = json.loads(line)
        return what, why, spent

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def campaign(
    cases: int, seed: int, scratch: Path, data: Path | None = None, keep: Path | None = None
) -> Result:
    """Damage and read `cases` slides.

    Parameters
    ----------
    cases : int
        How many.
    seed : int
        Start of every random choice.
    scratch : Path
        An empty folder for the slides.
    data : Path or None
        Folder of real slides.
    keep : Path or None
        Where the slides that failed are copied to.
    """
    (scratch / "seeds").mkdir()
    seeds = write_seeds(scratch / "seeds") + (real_seeds(data) if data else [])
    rng, result = random.Random(seed), Result()
    warm = [path for path in seeds if path.suffix in (".tif", ".dcm", ".zarr", ".png", ".jp2")]
    worker = Worker(warm)
    for case in range(cases):
        chosen = rng.choice(seeds)
        path = copy_damaged(chosen, scratch, Damage(seed, case))
        what, why, seconds = worker.read(path)
        result.counts[what] += 1
        result.slowest_s = max(result.slowest_s, seconds)
        if what not in ("read", "holes", "refused"):
            result.failures.append(f"{chosen.name} {case}: {what}: {why}")
            _keep(path, keep, case)
        if not worker.is_alive:
            worker.close()
            worker = Worker(warm)
        _remove(path)
    worker.close()
    return result


def _keep(path: Path, keep: Path | None, case: int) -> None:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copy)(path, keep / f"{case}-{path.name}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the slides that failed")
    arguments = parser.parse_args()
    default = HERE.parents[2] / "shared" / "data"
    data = Path(os.environ.get("HISTOCLUST_SHARED_DATA", default))
    with tempfile.TemporaryDirectory() as scratch:
        found = data if data.is_dir() else None
        result = campaign(arguments.cases, arguments.seed, Path(scratch), found, arguments.keep)
    counts = {
        "cases": arguments.cases,
        "seed": arguments.seed,
        "real slides": found is not None,
        **result.counts,
    }
    figures = {**counts, "slowest_cpu_s": round(result.slowest_s, 2), "failures": result.failures}
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
