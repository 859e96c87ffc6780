"""The rules of the house: who imports whom, what is heavy, how long files and functions are."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import npe2

import napari_histoclust

PACKAGE = Path(napari_histoclust.__file__).parent
ROOT = Path(__file__).resolve().parents[1]
MANIFEST = PACKAGE / "napari.yaml"
LONGEST_FILE, USUAL_FILE = 400, 300
LONGEST_FUNCTION, USUAL_FUNCTION, MEDIAN_FUNCTION = 60, 25, 8
HEAVY = ("torch", "umap", "numba", "sklearn", "matplotlib", "anndata")
QT = ("qtpy", "superqt", "magicgui")
INTERFACE = ("napari", "qtpy", "PySide6", "PyQt6", "superqt", "magicgui", "vispy")


def in_a_new_python(code: str) -> str:
    """Run `code` where nothing has been imported yet and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def imported_by(code: str, names: tuple[str, ...]) -> str:
    """Return which of the packages `code` imports, directly or not."""
    return in_a_new_python(f"import sys\n{code}\nprint([n for n in {names!r} if n in sys.modules])")


def modules(*parts: str) -> list[str]:
    """Names of all modules below a part of the package."""
    folder, name = PACKAGE.joinpath(*parts), ".".join((PACKAGE.name, *parts))
    return [name, *(found.name for found in pkgutil.walk_packages([str(folder)], f"{name}."))]


def test_each_layer_imports_only_those_below() -> None:
    # in a process of its own, because the linter silences every logger that there is
    code = "import sys\nfrom importlinter import cli\nsys.exit(cli.lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_importing_the_package_is_cheap() -> None:
    assert imported_by("import napari_histoclust", (*HEAVY, *INTERFACE, "numpy", "pydantic")) == "[]"


def test_the_core_and_the_session_know_no_interface() -> None:
    """Not even where napari and Qt are not installed."""
    code = f"""
import importlib, sys
for name in {INTERFACE!r}:
    sys.modules[name] = None
for name in {[*modules("core"), *modules("session")]!r}:
    importlib.import_module(name)
print("done")
"""
    assert in_a_new_python(code) == "done"


def test_napari_starts_without_torch_and_umap() -> None:
    """All that napari touches of ours before somebody starts a job."""
    code = f"""
import importlib, npe2
manifest = npe2.PluginManifest.from_file({str(MANIFEST)!r})
commands = [command.python_name for command in manifest.contributions.commands]
for name in {[*modules("viewer"), *modules("widgets")]!r} + [name.split(":")[0] for name in commands]:
    importlib.import_module(name)
"""
    assert imported_by(code, ("torch", "umap", "sklearn")) == "[]"


def test_the_manifest_is_valid_and_every_command_is_there() -> None:
    manifest = npe2.PluginManifest.from_file(MANIFEST)
    commands = manifest.contributions.commands or []
    assert len(commands) >= 2
    for command in commands:
        assert command.python_name is not None
        module, name = command.python_name.split(":")
        assert callable(getattr(importlib.import_module(module), name))


def test_the_manifest_at_the_top_is_the_one_in_the_package() -> None:
    assert (ROOT / "napari.yaml").resolve() == MANIFEST.resolve()


def test_napari_finds_the_plugin() -> None:
    manager = npe2.PluginManager()
    manager.discover()
    assert manager.get_manifest("napari-histoclust").display_name == "Histoclust"


def functions() -> Iterator[tuple[str, int]]:
    """Name and lines of every function, its docstring not counted."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{file.relative_to(PACKAGE)}:{node.lineno} {node.name}", _body_lines(node)


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (node.end_lineno or node.lineno) - body[0].lineno + 1 if body else 0


def test_functions_are_short() -> None:
    lines = dict(functions())
    longest = {name: count for name, count in lines.items() if count > LONGEST_FUNCTION}
    assert not longest
    assert statistics.median(lines.values()) <= MEDIAN_FUNCTION
    assert statistics.quantiles(lines.values(), n=10)[-1] < USUAL_FUNCTION


def test_files_are_short() -> None:
    lines = {
        str(file.relative_to(PACKAGE)): len(file.read_text(encoding="utf-8").splitlines())
        for file in PACKAGE.rglob("*.py")
    }
    assert not {name: count for name, count in lines.items() if count > LONGEST_FILE}
    usual = sum(count <= USUAL_FILE for count in lines.values())
    assert usual / len(lines) >= 0.9


def test_only_two_files_start_threads_in_the_window() -> None:
    starters = ("threading", "QThread", "QThreadPool", "ThreadPoolExecutor", "WorkerBase", "thread_worker")
    found = {
        file.name
        for file in (PACKAGE / "widgets").rglob("*.py")
        if any(starter in file.read_text(encoding="utf-8") for starter in starters)
    }
    assert found == {"_jobs.py", "_reading.py"}


def test_what_needs_no_qt_does_not_lie_among_the_widgets() -> None:
    """Each file imports Qt, or one of ours that does; what does not belongs to the session."""
    folder = PACKAGE / "widgets"
    imports = {
        ".".join(("napari_histoclust", *file.relative_to(PACKAGE).with_suffix("").parts)): _imports(file)
        for file in folder.rglob("*.py")
        if file.name != "__init__.py"
    }
    qt = {name for name, found in imports.items() if any(part.split(".")[0] in QT for part in found)}
    while more := {name for name, found in imports.items() if found & qt} - qt:
        qt |= more
    assert set(imports) == qt


def _imports(file: Path) -> set[str]:
    """Return the modules that a file imports when it is run, `from a import b` as a and a.b."""
    nodes = _run_nodes(ast.parse(file.read_text(encoding="utf-8")))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _run_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those below `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"):
            yield node
            yield from _run_nodes(node)
