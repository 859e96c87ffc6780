"""Write the table of real slides into docs/formats.md: what happened to each, and what other readers see.

python docs/make_formats_table.py [--data ../shared/data]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from core.slides.second_reader import Outcome, outcome, slides_under  # noqa: E402
from core.slides.test_every_file import DIFFERENT, REFUSED  # noqa: E402

PAGE = ROOT / "docs" / "formats.md"
BEGIN, END = "<!-- table of real slides: made by docs/make_formats_table.py -->", "<!-- end of the table -->"


def row(name: str, path: Path, found: Outcome) -> str:
    """One line of the table."""
    if found.sentence:
        said = found.sentence.replace(f"{path}: ", "")
        return f"| `{name}` | refused: {said} | |"
    scale = "no scale" if found.um_per_px is None else f"{found.um_per_px:.4g} um/px"
    levels = f"{found.levels} level{'s' * (found.levels > 1)}"
    opened = f"{found.shape[0]} x {found.shape[1]} px, {levels}, {scale}"
    notes = [warning.split(": ", 1)[1].rstrip(".") for warning in found.warnings]
    return f"| `{name}` | {'; '.join([opened, *notes])} | {', '.join(equality(name, found))} |"


def equality(name: str, found: Outcome) -> list[str]:
    """What each other reader makes of it."""
    words = []
    for reader, most in found.equal:
        if not most:
            words.append(f"= {reader}")
        else:
            words.append(f"{reader} {DIFFERENT.get((name, reader), f'differs by {most}')}")
    return words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    folder = parser.parse_args().data / "wsi"
    lines = ["| file | what happened | level 0 beside other readers |", "|---|---|---|"]
    count = {"opened": 0, "refused": 0, "equal": 0}
    for path in slides_under(folder):
        name = path.relative_to(folder).as_posix()
        found = outcome(path)
        assert bool(found.sentence) == (name in REFUSED), name
        count["refused" if found.sentence else "opened"] += 1
        count["equal"] += any(most == 0 for _, most in found.equal)
        lines.append(row(name, path, found))
    summary = (
        f"{count['opened']} of {count['opened'] + count['refused']} are opened, {count['refused']} refused; "
        f"{count['equal']} of those opened are equal to at least one other reader in every px."
    )
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    table = "\n".join([BEGIN, "", summary, "", *lines, "", END])
    PAGE.write_text(before + table + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
