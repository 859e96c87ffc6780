"""How finely the source is cut: lengths of functions and files, files a folder, imports between rooms.

    python scripts/measure_house.py [SRC ...]

Each SRC is a folder that holds the package; the columns stand side by side. A room is a folder of the
package, or a file that stands beside folders in `core`; an arrow is that one room imports from another. Lines
of a function are those after its docstring.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "napari_histoclust"


def main() -> None:
    """Print the table."""
    sources = [Path(name) for name in sys.argv[1:]] or [Path("src")]
    columns = [measure(source / PACKAGE) for source in sources]
    print("| | " + " | ".join(str(source) for source in sources) + " |")
    print("|---|" + "---|" * len(sources))
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(f"{column[name]:,}" for column in columns) + " |")


def measure(package: Path) -> dict[str, float]:
    """Return the figures of one package."""
    files = {path: path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py"))}
    trees = {path: ast.parse(text) for path, text in files.items()}
    functions = sorted(length for tree in trees.values() for length in function_lengths(tree))
    lines = [len(text.splitlines()) for text in files.values()]
    folders = [len(list(folder.glob("*.py"))) for folder in {path.parent for path in files}]
    rooms = {room_of(path.relative_to(package).with_suffix("").parts) for path in files}
    arrows = {arrow for path, tree in trees.items() for arrow in arrows_of(path, tree, package)}
    return {
        "files": len(files),
        "lines": sum(lines),
        "lines of the median file": statistics.median(lines),
        "lines of the longest file": max(lines),
        "files under 60 lines": sum(line < 60 for line in lines),
        "functions": len(functions),
        "lines of the median function": statistics.median(functions),
        "nine in ten functions have at most": functions[int(0.9 * len(functions))],
        "lines of the longest function": functions[-1],
        "files in the fullest folder": max(folders),
        "rooms": len(rooms),
        "arrows between rooms": len(arrows),
        "rooms of core": sum(room.startswith("core") for room in rooms),
        "arrows inside core": sum(a.startswith("core") and b.startswith("core") for a, b in arrows),
    }


def function_lengths(tree: ast.Module) -> Iterator[int]:
    """Yield the lines of each function from its first statement to its end."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            yield (node.end_lineno or node.lineno) - body[0].lineno + 1


def room_of(parts: tuple[str, ...]) -> str:
    """Return the room of a module: its folder, in core one level down, where a file is a room too."""
    if parts[0] == "core" and len(parts) > 1 and parts[1] != "__init__":
        return f"core.{parts[1]}"
    return parts[0]


def arrows_of(path: Path, tree: ast.Module, package: Path) -> Iterator[tuple[str, str]]:
    """Yield (room, room it imports from) of a file, itself left out."""
    own = room_of(path.relative_to(package).with_suffix("").parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{PACKAGE}."):
            parts = (*node.module.split(".")[1:], *(alias.name for alias in node.names[:1]))
            other = room_of(parts)
            if other != own:
                yield own, other


if __name__ == "__main__":
    main()
