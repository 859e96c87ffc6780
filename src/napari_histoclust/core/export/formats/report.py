"""report.html and report.pdf: the run on a few pages, readable without the program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.export.format import Format
from napari_histoclust.core.jobs import Job, Progress

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run


def write_report_html(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write report.html, one file with every picture in it."""
    from napari_histoclust.core.report.from_run import gather_report
    from napari_histoclust.core.report.html import report_html

    report = yield from gather_report(run)
    path = folder / "report.html"
    yield Progress(f"Writing {path.name}")
    with atomic_file(path) as partial:
        partial.write_text(report_html(report), encoding="utf-8")
    return (path,)


def write_report_pdf(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write report.pdf, A4 pages."""
    from napari_histoclust.core.report import pdf
    from napari_histoclust.core.report.from_run import gather_report

    report = yield from gather_report(run)
    path = folder / "report.pdf"
    yield Progress(f"Writing {path.name}")
    with atomic_file(path) as partial:
        pdf.write_report_pdf(report, partial)
    return (path,)


FORMATS = (
    Format(
        "report",
        write_report_html,
        ("report.html",),
        "Report (HTML)",
        "All figures and tables on one page that any browser shows.",
        rank=110,
        is_usual=True,
    ),
    Format(
        "report-pdf", write_report_pdf, ("report.pdf",), "Report (PDF)", "The same on A4 pages.", rank=111
    ),
)
