"""A report as a PDF of A4 pages, by ReportLab."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from napari_histoclust.core.figures.letters import fonts_for, missing
from napari_histoclust.core.report.content import Facts, Picture, Prose, Report, Section, Table, Warnings

if TYPE_CHECKING:
    from reportlab.platypus import Flowable

_MARGIN_PT = 42.0
_INCH_PT = 72.0
_TALLEST_PT = 8.6 * _INCH_PT  # what a page holds beside a heading and a caption
_INK, _FAINT, _LINE, _CAUTION = "#222222", "#6b6b6b", "#e3e3e3", "#fff6e0"
_SMALL = 7.5


def write_report_pdf(report: Report, path: Path) -> None:
    """Write the report to `path`; the text can be searched and copied."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    _register_letters()
    document = SimpleDocTemplate(
        str(path),
        pagesize=A4,
        title=report.title,
        author="napari-histoclust",
        **dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), _MARGIN_PT),
    )
    number = partial(_write_page_number, report.title)
    document.build(list(_flow(report, document.width)), onFirstPage=number, onLaterPages=number)


def _register_letters() -> None:
    """Take matplotlib's own DejaVu Sans: PDF's built-in letters know only Latin."""
    from matplotlib import get_data_path
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    folder = Path(get_data_path()) / "fonts" / "ttf"
    for name, file in (("Letters", "DejaVuSans.ttf"), ("Letters-Bold", "DejaVuSans-Bold.ttf")):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, str(folder / file)))


def _font_of(text: str) -> str | None:
    """Return the name in the PDF of a font for letters that DejaVu Sans has not, None where none is needed.

    ReportLab takes TrueType outlines alone; another font is passed over.
    """
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    for family, file in fonts_for(missing(text)):
        if family in pdfmetrics.getRegisteredFontNames():
            return family
        try:
            pdfmetrics.registerFont(TTFont(family, file))
        except (TTFError, OSError, ValueError):
            continue
        return family
    return None


def _marked(text: str) -> str:
    """Return a text as ReportLab's markup, letters that DejaVu Sans has not in a font that has them."""
    font = _font_of(text)
    if font is None:
        return escape(text)
    wanted = missing(text)
    runs = groupby(text, key=lambda letter: ord(letter) in wanted)
    return "".join(
        f'<font name="{escape(font)}">{escape("".join(run))}</font>' if foreign else escape("".join(run))
        for foreign, run in runs
    )


def _write_page_number(title: str, canvas: Any, document: Any) -> None:
    canvas.saveState()
    canvas.setFont(_font_of(title) or "Letters", 7)
    canvas.setFillColor(_FAINT)
    canvas.drawString(_MARGIN_PT, _MARGIN_PT / 2, title)
    canvas.setFont("Letters", 7)
    canvas.drawRightString(document.pagesize[0] - _MARGIN_PT, _MARGIN_PT / 2, str(canvas.getPageNumber()))
    canvas.restoreState()


def _flow(report: Report, width_pt: float) -> Iterator[Flowable]:
    yield _paragraph(report.title, 17, bold=True)
    yield _paragraph(report.subtitle, 9, colour=_FAINT)
    for section in report.sections:
        yield from _section(section, width_pt)


def _section(section: Section, width_pt: float) -> Iterator[Flowable]:
    """Set a section; its heading, and words that lead in, stay on one page with what they lead to."""
    from reportlab.platypus import CondPageBreak, KeepTogether

    waiting = [_paragraph(section.title, 12, bold=True, before=14)]
    for block in section.blocks:
        match block:
            case Prose(text):
                waiting.append(_paragraph(text, 9))
            case Picture():
                yield KeepTogether([*waiting, *_picture(block, width_pt)])
                waiting = []
            case _:
                yield CondPageBreak(1.5 * _INCH_PT)
                yield from (*waiting, *_words(block, width_pt))
                waiting = []
    yield from waiting


def _words(block: Warnings | Facts | Table, width_pt: float) -> Iterator[Flowable]:
    match block:
        case Warnings(sentences):
            yield from (_paragraph(sentence, 9, back=_CAUTION) for sentence in sentences)
        case Facts(pairs):
            yield _facts(pairs, width_pt)
        case Table():
            yield _table(block, width_pt)


def _paragraph(
    text: str,
    size: float,
    *,
    bold: bool = False,
    colour: str = _INK,
    before: float = 3,
    back: str | None = None,
) -> Flowable:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph

    style = ParagraphStyle(
        "text", fontName="Letters-Bold" if bold else "Letters", fontSize=size, leading=1.35 * size,
        textColor=colour, spaceBefore=before, spaceAfter=3, backColor=back, borderPadding=3 if back else 0,
    )  # fmt: skip
    return Paragraph(_marked(text), style)


def _facts(pairs: tuple[tuple[str, str], ...], width_pt: float) -> Flowable:
    from reportlab.platypus import Table as Grid

    cells = [[_paragraph(n, _SMALL, colour=_FAINT), _paragraph(v, _SMALL)] for n, v in pairs]
    return Grid(
        cells, colWidths=[0.25 * width_pt, 0.75 * width_pt], style=[("VALIGN", (0, 0), (-1, -1), "TOP")]
    )


def _table(table: Table, width_pt: float) -> Flowable:
    """Draw a table that repeats its header on each page; the first column takes what the figures leave."""
    from reportlab.platypus import Table as Grid

    style: list[tuple[Any, ...]] = [
        ("FONT", (0, 0), (-1, -1), "Letters", _SMALL),
        ("FONT", (0, 0), (-1, 0), "Letters-Bold", _SMALL),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
    lead = 1 if table.swatches else 0
    for row, colour in enumerate(table.swatches, start=1):
        style.append(("BACKGROUND", (0, row), (0, row), colour))
    if lead:
        style += [("ALIGN", (1, 0), (1, -1), "LEFT")]
    cells = [["", *row] if lead else list(row) for row in (table.header, *table.rows)]
    first = 0.24 * width_pt
    others = (width_pt - first - 10 * lead) / max(1, len(table.header) - 1)
    widths = [*([10.0] * lead), first, *([min(others, 110.0)] * (len(table.header) - 1))]
    for number, line in enumerate(cells):
        line[lead] = _paragraph(line[lead], _SMALL, before=0)
        line[lead + 1 :] = [
            _paragraph(cell, _SMALL, before=0, bold=number == 0) if missing(cell) else cell
            for cell in line[lead + 1 :]
        ]
    return Grid(cells, colWidths=widths, repeatRows=1, style=style, hAlign="LEFT")


def _picture(picture: Picture, width_pt: float) -> tuple[Flowable, Flowable]:
    from reportlab.platypus import Image

    wide = min(width_pt, picture.width_in * _INCH_PT)
    tall = wide * picture.size_px[1] / picture.size_px[0]
    scale = min(1.0, _TALLEST_PT / tall)
    image = Image(BytesIO(picture.png), wide * scale, tall * scale, hAlign="LEFT")
    return image, _paragraph(picture.caption, 8, colour=_FAINT)
