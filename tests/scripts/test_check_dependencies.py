"""The dependency check on a toy project: what it lets pass, and each of the faults that it finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = """\
[project]
name = "toy-project"
dependencies = ["numpy>=2", "Pillow", "a-loader; sys_platform == 'win32'"]
[project.optional-dependencies]
extra = ["napari[pyside6]>=0.9"]
test = ["pytest"]
[tool.check-dependencies]
not-imported = { a-loader = "loads what numpy needs" }
[tool.check-dependencies.import-names]
pillow = ["PIL"]
"""
SOURCE = "from __future__ import annotations\nimport os, numpy.linalg\nimport toy_project.own\n"


def check(root: Path) -> tuple[int, str]:
    """Return the script's exit code and what it prints for a project."""
    script = str(ROOT / "scripts" / "check_dependencies.py")
    done = subprocess.run([sys.executable, script, str(root)], capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    package = tmp_path / "src" / "toy_project"
    package.mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (package / "__init__.py").write_text(SOURCE)
    (package / "own.py").write_text(
        "def show():\n    import napari\n    from PIL import Image\n    from . import own\n"
    )
    (tmp_path / "tests" / "helper.py").write_text("import pytest, toy_project, numpy\n")
    (tmp_path / "tests" / "test_toy.py").write_text("import helper\n")
    return tmp_path


def test_a_project_in_order(toy: Path) -> None:
    assert check(toy)[0] == 0


def test_an_import_that_is_not_declared(toy: Path) -> None:
    (toy / "src" / "toy_project" / "own.py").write_text(
        "from PIL import Image\nimport pytest\nimport pandas.api\n"
    )
    code, said = check(toy)
    assert code == 1
    assert [line.split(":")[0] for line in said.splitlines()] == ["src imports pandas", "src imports pytest"]


def test_a_dependency_that_is_not_imported(toy: Path) -> None:
    (toy / "src" / "toy_project" / "own.py").write_text("")
    code, said = check(toy)
    assert code == 1
    assert [line.split()[0] for line in said.splitlines()] == ["pillow"]


def test_an_import_of_the_tests_that_is_not_declared(toy: Path) -> None:
    (toy / "tests" / "test_toy.py").write_text("import hypothesis\n")
    code, said = check(toy)
    assert code == 1
    assert said.startswith("tests import hypothesis")


def test_this_project() -> None:
    code, said = check(ROOT)
    assert code == 0, said
