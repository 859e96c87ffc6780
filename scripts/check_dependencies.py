"""Compare what the code imports with what pyproject.toml declares.

Every third-party package that src imports is a dependency or in an extra other than `test`; every one that
tests import is declared somewhere. Every dependency is imported in src, or [tool.check-dependencies] says why
it is not.

Usage: python scripts/check_dependencies.py [FOLDER]
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def imported(folder: Path) -> set[str]:
    """Return the top-level names that the Python files below a folder import from outside it."""
    found = set()
    for file in folder.rglob("*.py"):
        is_script = not (file.parent / "__init__.py").exists()
        beside = (
            {path.stem for path in file.parent.glob("*.py")} if is_script else set()
        )  # what it finds there
        names = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.split(".")[0])
        found |= names - beside
    own = {path.stem for path in folder.iterdir()} | sys.stdlib_module_names
    return {name for name in found - own if not name.startswith("_")}  # _typeshed is the type checker's own


def _names(requirements: Iterable[str]) -> set[str]:
    """Return the names of the distributions, without extras, versions and markers."""
    return {re.split(r"[^A-Za-z0-9._-]", text.strip())[0].lower() for text in requirements}


def faults(root: Path) -> list[str]:
    """Return a sentence for each import that is not declared and each dependency that is not imported."""
    document: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project, table = document["project"], document.get("tool", {}).get("check-dependencies", {})
    names = table.get("import-names", {})
    extras = project.get("optional-dependencies", {})
    needed = _names(project["dependencies"])
    optional = _names(text for extra, texts in extras.items() if extra != "test" for text in texts)
    for_tests = _names(extras.get("test", ()))

    def modules(distributions: set[str]) -> set[str]:
        provided = (names.get(name, [name.replace("-", "_")]) for name in distributions)
        return {module.lower() for several in provided for module in several}

    source, used_by_tests = ({name.lower() for name in imported(root / part)} for part in ("src", "tests"))
    package = {project["name"].replace("-", "_").lower()}
    undeclared = source - modules(needed | optional)
    undeclared_in_tests = used_by_tests - modules(needed | optional | for_tests) - package
    unused = {name for name in needed if not modules({name}) & source} - set(table.get("not-imported", {}))
    return [
        *(
            f"src imports {name}: declare it in [project] dependencies or in an extra."
            for name in sorted(undeclared)
        ),
        *(f"tests import {name}: declare it in the extra `test`." for name in sorted(undeclared_in_tests)),
        *(
            f"{name} is a dependency that src does not import: remove it or give a reason."
            for name in sorted(unused)
        ),
    ]


def main(root: Path) -> int:
    """Print the faults; return 1 if there are any."""
    found = faults(root)
    print("\n".join(found) or "What is imported is declared, what is declared is imported.")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]))
