"""What holds for every format: refusals, whole files or none, several at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from core.runs import make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.export import formats as package
from napari_histoclust.core.export.options import ExportOptions
from napari_histoclust.core.export.registry import FORMATS, export_run, find_formats
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.one_writer import LOCK
from napari_histoclust.core.run.run import Run
from stacks import write_stack

FILES = {
    "geojson": {"clusters.geojson"},
    "geojson-patches": {"patches.geojson"},
    "ome-tiff": {"labels.ome.tif"},
    "overlay": {"overlay.ome.tif"},
    "ome-zarr": {"labels.ome.zarr"},
    "csv": {"patches.csv", "clusters.csv", "composition.csv"},
    "parquet": {"patches.parquet"},
    "h5ad": {"patches.h5ad"},
    "spatialdata": {"spatialdata.zarr"},
    "neighbourhood": {"neighbourhood.csv"},
    "png": {"map.png"},
    "pdf": {"map.pdf"},
    "svg": {"map.svg"},
    "report": {"report.html"},
    "report-pdf": {"report.pdf"},
}


# The others are tried where their library is: test_scverse.py
HERE = [name for name in FORMATS if name != "spatialdata" or find_spec("spatialdata") is not None]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("exports")
    images = write_stack(folder / "images", side_px=512, stains=("HE", "CD31"))
    return make_run(folder / "run", clusters=2, paths=[images])


def _names(folder: Path) -> set[str]:
    """What lies in a folder, but for the mark of the process that writes there."""
    return {path.name for path in folder.iterdir() if path.name != LOCK} if folder.exists() else set()


def test_every_format_is_known_here() -> None:
    assert set(FORMATS) == set(FILES)


TOY = """
from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.export.format import Format
from napari_histoclust.core.jobs import Progress

def write_count(run, folder, objects=None):
    yield Progress("Counting")
    path = folder / "count.txt"
    with atomic_file(path) as partial:
        partial.write_text(f"{len(run)} {objects}")
    return (path,)

FORMATS = (Format("count", write_count, ("count.txt",), "Count", "How many patches.", rank=1),)
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A format in a file of its own, as somebody would add it, and nothing else."""
    folder = tmp_path / "formats"
    folder.mkdir()
    (folder / "count_of_patches.py").write_text(TOY)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    found = find_formats(package.__path__)
    assert list(found) == ["count", *FORMATS]
    monkeypatch.setitem(FORMATS, "count", found["count"])
    yield "count"
    del sys.modules[f"{package.__name__}.count_of_patches"]


def test_a_file_with_a_format_is_all_that_an_export_takes(tmp_path: Path, run: Run, toy: str) -> None:
    drive(export_run(run, [toy], tmp_path / "exports", ExportOptions(objects="annotation")))
    assert (tmp_path / "exports" / "count.txt").read_text() == f"{len(run)} annotation"
    with pytest.raises(HistoclustError, match=r"choose among .*count"):
        drive(export_run(run, ["shapefile"], tmp_path / "exports"))
    files = subprocess.run(
        [sys.executable, "-c", _COMMAND, str(tmp_path / "formats"), "export", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "count, geojson" in " ".join(files.stdout.split())


_COMMAND = """
import sys
from napari_histoclust.core.export import formats
formats.__path__.append(sys.argv[1])
from napari_histoclust.cli import run
run(sys.argv[2:])
"""


def test_the_list_of_formats_loads_nothing_that_writing_needs() -> None:
    """The window and --help read it at their start."""
    look = "import sys, napari_histoclust.core.export.registry; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    heavy = {"zarr", "tifffile", "shapely", "scipy", "pyarrow", "anndata", "matplotlib", "numba", "pandas"}
    assert not heavy & set(modules.stdout.split())


def test_all_formats_at_once(tmp_path: Path, run: Run) -> None:
    paths = drive(export_run(run, HERE, tmp_path / "new" / "exports"))
    assert all(path.parent == tmp_path / "new" / "exports" for path in paths)
    assert (
        {path.name for path in paths}
        == _names(tmp_path / "new" / "exports")
        == set().union(*(FILES[name] for name in HERE))
    )


def test_named_twice_is_written_once(tmp_path: Path, run: Run) -> None:
    assert len(drive(export_run(run, ["geojson", "geojson"], tmp_path))) == 1


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        (["geojson", "shapefile"], r"--to shapefile: unknown, choose among geojson, .*h5ad"),
        ([], r"--to: names no format"),
    ],
)
def test_unknown_formats_are_refused_before_anything_is_written(
    tmp_path: Path, run: Run, formats: list[str], message: str
) -> None:
    with pytest.raises(HistoclustError, match=message):
        drive(export_run(run, formats, tmp_path / "exports"))
    assert not (tmp_path / "exports").exists()


def test_folder_that_is_a_file(tmp_path: Path, run: Run) -> None:
    (tmp_path / "exports").write_text("")
    with pytest.raises(HistoclustError, match=r"exports: is a file: give --out"):
        drive(export_run(run, ["csv"], tmp_path / "exports"))
    with pytest.raises(HistoclustError, match="a file stands where a folder is needed"):
        drive(export_run(run, ["csv"], tmp_path / "exports" / "below"))


@pytest.mark.parametrize("name", HERE)
def test_cancelled_at_any_yield_leaves_whole_files_alone(tmp_path: Path, run: Run, name: str) -> None:
    """Close the job at its first, second, ... yield until it runs to its end; slow reports at some."""
    whole = {path.name: _content(path) for path in drive(export_run(run, [name], tmp_path / "whole"))}
    stops = (1, 6, 12, 1000) if name.startswith("report") else range(1, 1000)
    for stop in stops:
        folder = tmp_path / str(stop)
        job = export_run(run, [name], folder)
        yields = sum(1 for _ in zip(range(stop), job, strict=False))
        job.close()
        assert _names(folder) <= FILES[name]
        if yields < stop:
            assert _names(folder) == FILES[name]
            break
        for left in _names(folder):
            assert _content(folder / left) == whole[left]
    assert stop > 1


def _content(path: Path) -> object:
    """Sizes of files; OME-XML and HDF5 hold a fresh UUID or time each."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [(file.name, file.stat().st_size) for file in files if file.is_file()]


_EXPORT = """
import sys
from pathlib import Path
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run.reader import open_run

def tell(progress):
    if progress.done > 20:
        print("writing", flush=True)

drive(export_run(open_run(sys.argv[1]), ["ome-tiff"], Path(sys.argv[2])), tell)
"""


def test_killed_in_the_middle_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    make_run(tmp_path / "run", rows=100, cols=100, patch_px=1024)
    folder = tmp_path / "exports"
    command = [sys.executable, "-c", _EXPORT, str(tmp_path / "run"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert _names(folder) == {".partial-labels.ome.tif"}
    drive(export_run(make_run(tmp_path / "small"), ["ome-tiff"], folder))
    assert _names(folder) == {"labels.ome.tif"}


_EXPORT_AND_WAIT = """
import sys
from pathlib import Path
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.run.reader import open_run

folder, format_name, yields = Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
job = export_run(open_run(sys.argv[1]), [format_name], folder)
for _ in range(yields):
    next(job)
print("waiting", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("name", ["geojson", "geojson-patches", "csv", "parquet", "h5ad"])
def test_killed_at_its_last_yield_each_format_leaves_only_whole_files(tmp_path: Path, name: str) -> None:
    """Most is written by then; kill -9 gives nobody the time to tidy up."""
    run = make_run(tmp_path / "run", rows=80, cols=80)
    whole = drive(export_run(run, [name], tmp_path / "whole"))
    yields = sum(1 for _ in export_run(run, [name], tmp_path / "counted"))
    folder = tmp_path / "exports"
    arguments = [str(run.path), str(folder), name, str(yields)]
    with subprocess.Popen(
        [sys.executable, "-c", _EXPORT_AND_WAIT, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    left = _names(folder)
    assert any(file.startswith(".partial-") for file in left) or name == "h5ad"  # which is made in memory
    finished = {path.name: path for path in whole}
    for file in left:
        assert file.startswith(".partial-") or _content(folder / file) == _content(finished[file])
    assert len(left & set(finished)) < len(finished)
    drive(export_run(run, [name], folder))
    assert _names(folder) == set(finished)
    assert not (folder / LOCK).exists()
