"""Runs, models, stack.yaml, tables and tiles damaged at random: refused in a sentence, or read as they were.

``python tests/fuzz/documents.py --cases 10000 --seed 1`` prints the counts as JSON. What is accepted must be
what was written wherever a checksum could tell; what `run.json`, `model.json` and `stack.yaml` say must be
possible.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import numpy as np  # noqa: E402
import yaml  # noqa: E402

from core.models import write_model  # noqa: E402
from core.runs import STAINS, make_run  # noqa: E402
from fuzz.campaign import Result, Worker  # noqa: E402
from fuzz.mutate import mutate  # noqa: E402
from stacks import write_stack  # noqa: E402

WORKER = HERE / "document_worker.py"
_HOSTILE: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2**31, 2**63, 10**400, 0.0, -0.5, 1e-300, 1e300, "", "a", "HE", "HE" * 5000,
    "\ud800", "../../x", "/dev/zero", "NaN", [], {}, [[]], [0] * 1000, {"a": {"b": {}}}, "2001-99-99",
)  # fmt: skip
_TOKENS = (
    "NaN", "Infinity", "-Infinity", "1e999", "[" * 5000, '{"a":' * 5000, "*x", "&x [*x, *x]", "!!set {a}",
)  # fmt: skip
# Parts whose every byte is held by a checksum: what is accepted of them is what was written.
_SEALED = ("patches.zarr/", "model.safetensors", "tiles.npz")


def write_documents(folder: Path) -> dict[str, Path]:
    """Write one of each kind; the worker knows the kind by the name."""
    seeds = {name: folder / name for name in ("run", "model", "stack", "table.csv", "tiles.npz")}
    made = make_run(seeds["run"], rows=6, cols=7, clusters=3, embedding=True)
    write_model(made.path / "model", STAINS, clusters=3)
    _write_session(seeds["run"])
    write_model(seeds["model"], ("HE",), clusters=2)
    write_stack(seeds["stack"], side_px=64, stains=("HE", "CD31"))
    described = {stain: {"path": f"case7_{stain}.ome.tif"} for stain in ("HE", "CD31")}
    stains: dict[str, Any] = {**described, "CD31": described["CD31"] | {"affine": np.eye(3).tolist()}}
    document = {"name": "case", "um_per_px": 0.5, "reference": "HE", "stains": stains}
    (seeds["stack"] / "stack.yaml").write_text(yaml.safe_dump(document))
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=(30, 3)), np.arange(30) % 3, rng.random(30)])
    np.savetxt(seeds["table.csv"], rows, delimiter=",", header="a,b,c,label,confidence", comments="")
    tiles = rng.integers(0, 255, (3, 1, 16, 16, 3)).astype(np.uint8)
    np.savez_compressed(seeds["tiles.npz"], tiles=tiles, stains=("HE",))
    return seeds


def _write_session(run: Path) -> None:
    from napari_histoclust.core.run.edits import save_edits
    from napari_histoclust.core.run.reader import open_run
    from napari_histoclust.session.palette import Palette
    from napari_histoclust.session.view_state import ViewState, save_view

    opened = open_run(run)
    palette = Palette(opened.clusters, opened.labels)
    palette.rename(1, "liver")
    palette.split(1, np.arange((opened.labels == 1).sum()) % 2)
    save_edits(run, palette.state)
    save_view(run, ViewState(fingerprint=opened.manifest.fingerprint), opened.labels == 2)


def damage(file: Path, rng: random.Random) -> None:
    """Damage one file: bytes of any, values and structure of those that are text."""
    is_text = file.suffix in (".json", ".yaml", ".csv") or file.name in (".zarray", ".zattrs", ".zgroup")
    ways: list[Callable[[Path, random.Random], None]] = [_bytes, _bytes, _lose]
    if file.suffix == ".json" or file.name in (".zarray", ".zattrs"):
        ways += [_value] * 6 + [_token] * 2
    elif file.suffix == ".yaml":
        ways += [_value] * 6 + [_token] * 3
    elif is_text:
        ways += [_token]
    rng.choice(ways)(file, rng)


def _bytes(file: Path, rng: random.Random) -> None:
    file.write_bytes(mutate(file.read_bytes(), rng))


def _lose(file: Path, rng: random.Random) -> None:
    file.unlink()
    if rng.random() < 0.2:
        file.mkdir()


def _token(file: Path, rng: random.Random) -> None:
    text = file.read_text(encoding="utf-8")
    place = rng.randrange(len(text) + 1)
    file.write_text(text[:place] + rng.choice(_TOKENS) + text[place + rng.randrange(4) :], encoding="utf-8")


def _value(file: Path, rng: random.Random) -> None:
    """Put something else at a random place of the tree, take it out, or call it otherwise."""
    is_json = file.suffix != ".yaml"
    text = file.read_text(encoding="utf-8")
    document = json.loads(text) if is_json else yaml.safe_load(text)
    nodes = list(_nodes(document))
    for _ in range(rng.choice((1, 1, 2))):
        holder, key = rng.choice(nodes)
        value, way = rng.choice(_HOSTILE), rng.random()
        if isinstance(holder, dict) and way < 0.15:
            holder.pop(key, None)
        elif isinstance(holder, dict) and way < 0.25:
            holder[rng.choice(("", "x", "a" * 3000))] = holder.pop(key, None)
        elif isinstance(holder, dict) or key < len(holder):
            holder[key] = value
    dumped = json.dumps(document) if is_json else yaml.safe_dump(document, allow_unicode=False)
    file.write_text(dumped, encoding="utf-8", errors="surrogatepass")


def _nodes(document: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    keys = document if isinstance(document, dict) else range(len(document))
    for key in list(keys):
        found.append((document, key))
        if isinstance(document[key], (dict, list)):
            found += _nodes(document[key])
    return found


def campaign(cases: int, seed: int, scratch: Path, keep: Path | None = None) -> Result:
    """Damage and open `cases` documents; see `fuzz.campaign`."""
    (scratch / "seeds").mkdir()
    seeds = write_documents(scratch / "seeds")
    worker = Worker(list(seeds.values()), WORKER)
    whole = {name: worker.read(path)[1] for name, path in seeds.items()}
    result = Result()
    for case in range(cases):
        rng = random.Random(f"{seed}-{case}")
        name = rng.choice(("run", "run", "run", "model", "stack", "table.csv", "tiles.npz"))
        target = scratch / name
        (shutil.copytree if seeds[name].is_dir() else shutil.copy)(seeds[name], target)
        file = _chosen(target, rng)
        damage(file, rng)
        what, why, seconds = worker.read(target)
        where = file.relative_to(scratch).as_posix()
        if what == "read" and any(part in where for part in _SEALED) and why != whole[name]:
            what, why = "wrong", "was accepted and is not what was written"
        result.counts[what] += 1
        result.slowest_s = max(result.slowest_s, seconds)
        if what not in ("read", "refused"):
            result.failures.append(f"{where} {case}: {what}: {why}")
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if target.is_dir() else shutil.copy)(target, keep / f"{case}-{name}")
        if not worker.is_alive:
            worker.close()
            worker = Worker(list(seeds.values()), WORKER)
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
    worker.close()
    return result


def _chosen(target: Path, rng: random.Random) -> Path:
    """The file that is damaged: half of the time one that says what the others are."""
    if target.is_file():
        return target
    files = sorted(path for path in target.rglob("*") if path.is_file() and path.suffix != ".tif")
    telling = [path for path in files if path.suffix in (".json", ".yaml") or path.name == ".zarray"]
    return rng.choice(telling if rng.random() < 0.5 else files)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the documents that failed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        result = campaign(arguments.cases, arguments.seed, Path(scratch), arguments.keep)
    counts = {"cases": arguments.cases, "seed": arguments.seed, **result.counts}
    figures = {**counts, "slowest_cpu_s": round(result.slowest_s, 2), "failures": result.failures}
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
