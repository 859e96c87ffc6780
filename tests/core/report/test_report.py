"""report.html and report.pdf, read back by tools that are not ours."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from core.runs import make_run
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.report.content import Facts, Picture, Prose, Report, Section, Table, Warnings
from napari_histoclust.core.report.from_run import gather_report
from napari_histoclust.core.report.html import report_html
from napari_histoclust.core.report.pdf import write_report_pdf
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.validation.report import validate_run
from stacks import write_stack

STRANGE = ("Drüsen & <b>Stroma</b>", 'a "quoted" name', "Ήπαρ", "–")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with images, embedding, indices and names that no template expects."""
    folder = tmp_path_factory.mktemp("report")
    images = write_stack(folder / "images", side_px=512)
    clusters = tuple(
        Cluster(i, name, f"#{40 * i:02x}8040", i == 4) for i, name in enumerate(STRANGE, start=1)
    )
    made = make_run(folder / "run", clusters=clusters, embedding=True, paths=[images])
    drive(validate_run(made))
    return made


class _Page(HTMLParser):
    """What a browser would load, and what a person would read."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def _html(run: Run, folder: Path) -> _Page:
    (path,) = drive(export_run(run, ["report"], folder))
    assert path.name == "report.html"
    return _Page(path.read_text(encoding="utf-8"))


def _pdf_text(path: Path) -> str:
    document = pypdfium2.PdfDocument(path)
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    document.close()
    return re.sub(r"\s+", " ", text)


def _images(page: _Page) -> Iterator[Image.Image]:
    for address in page.loaded:
        if address.startswith("data:image/png;base64,"):
            yield Image.open(BytesIO(base64.b64decode(address.partition(",")[2])))


def test_page_needs_nothing_beside_it(run: Run, tmp_path: Path) -> None:
    page = _html(run, tmp_path)
    assert all(address.startswith(("#s", "data:image/png;base64,")) for address in page.loaded)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)


def test_every_picture_is_whole(run: Run, tmp_path: Path) -> None:
    pictures = list(_images(_html(run, tmp_path)))
    # map, histogram, confidence, UMAP, where each lies, composition, neighbours, and a montage a cluster
    assert len(pictures) == 7 + 4
    for picture in pictures:
        picture.load()
        assert np.ptp(np.asarray(picture.convert("L"))) > 100


def test_page_tells_what_was_asked_of_it(run: Run, tmp_path: Path) -> None:
    text = _html(run, tmp_path).text
    for words in (*STRANGE[:3], "Calinski-Harabasz", "Overview", "1,000 times", "Evenness", "Seed"):
        assert words in text
    assert f"{len(run):,}" in text
    for slide in run.manifest.slides:
        assert all(warning in text for warning in slide.warnings)


def test_names_are_text_and_not_markup(run: Run, tmp_path: Path) -> None:
    page = _html(run, tmp_path)
    assert "b" not in page.tags
    assert "Drüsen & <b>Stroma</b>" in page.text


def test_pdf_can_be_searched(run: Run, tmp_path: Path) -> None:
    (path,) = drive(export_run(run, ["report-pdf"], tmp_path))
    text = _pdf_text(path)
    for words in ("Drüsen & <b>Stroma</b>", 'a "quoted" name', "Calinski-Harabasz", "How it was made"):
        assert words in text


def test_pages_of_the_pdf_hold_headings_with_what_they_head(tmp_path: Path) -> None:
    """No page ends with the title of the next one's picture."""
    picture = Picture(_png(600, 400), (600, 400), 6.0, "caption")
    sections = tuple(Section(f"Title {i}", (Prose("words"), picture)) for i in range(9))
    write_report_pdf(Report("Case", "made by hand", sections), tmp_path / "report.pdf")
    document = pypdfium2.PdfDocument(tmp_path / "report.pdf")
    for page in document:
        text = page.get_textpage().get_text_range()
        assert text.count("Title") == text.count("caption")
    document.close()


def test_a_run_without_images_features_or_indices_has_a_report_too(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=2, um_per_px=None)
    page = _html(run, tmp_path / "out")
    assert "Validation" not in page.text
    assert "Typical patches" not in page.text
    assert "Area (Mpx)" in page.text
    assert "slide 1, slide 2" in page.text
    (pdf,) = drive(export_run(run, ["report-pdf"], tmp_path / "out"))
    assert "slide 1, slide 2" in _pdf_text(pdf)


def test_empty_clusters_are_told_of_and_have_no_montage(run: Run) -> None:
    labels = np.where(run.labels == 2, 1, run.labels).astype(np.int16)
    report = drive(gather_report(replace(run, labels=labels)))
    sections = {section.title: section for section in report.sections}
    (table,) = (block for block in sections["Clusters"].blocks if isinstance(block, Table))
    assert [row[0].removesuffix(" (artefact)") for row in table.rows] == [STRANGE[0], STRANGE[2], STRANGE[3]]
    words = next(block.text for block in sections["Clusters"].blocks if isinstance(block, Prose))
    assert "1 of the 4 clusters have no patches and are left out." in words
    montages = [block for block in sections["Typical patches"].blocks if isinstance(block, Picture)]
    assert [picture.caption for picture in montages] == [STRANGE[0], STRANGE[2], STRANGE[3]]


def test_every_kind_of_block_reaches_both(tmp_path: Path) -> None:
    blocks = (
        Prose("a paragraph"),
        Warnings(("beware",)),
        Facts((("name", "value" * 60),)),
        Table(("Head", "Number"), (("first", "1"), ("second", "2")), ("#ff0000", "#00ff00")),
        Picture(_png(30, 4000), (30, 4000), 40.0, "tall"),
    )
    report = Report("Case 7", "below it", (Section("All", blocks),))
    write_report_pdf(report, tmp_path / "report.pdf")
    page = _Page(report_html(report))
    text = _pdf_text(tmp_path / "report.pdf")
    for words in ("a paragraph", "beware", "name", "Head", "second", "tall", "Case 7", "below it"):
        assert words in page.text
        assert words in text


def _png(wide: int, tall: int) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (wide, tall), "grey").save(buffer, "png")
    return buffer.getvalue()
