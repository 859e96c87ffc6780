"""Names of any script in figures and the PDF, and nothing that is cut off."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from napari_histoclust.core.figures.clusters import draw_confidence, draw_histogram
from napari_histoclust.core.figures.letters import USUAL, fonts_for, has_letters_for, missing, with_letters
from napari_histoclust.core.figures.montage import TOP, Montage, draw_montage
from napari_histoclust.core.figures.style import LONGEST_NAME, cluster_legend, new_figure, short
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.report import pdf

CJK = "染色"
needs_cjk = pytest.mark.skipif(not has_letters_for(CJK), reason="no font with Chinese letters is installed")


def montage(stains: tuple[str, ...], name: str = "duct") -> Montage:
    shape = (TOP, len(stains), 16, 16, 3)
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    confidence = np.linspace(1, 0.9, TOP).astype(np.float32)
    return Montage(Cluster(1, name, "#aa3322"), 300, 1000, pixels, confidence, stains, 64, 0.5)


@pytest.mark.parametrize("stains", [("HE",), ("HE", "ERα"), ("HE", "x" * 60, "MT"), tuple("abcde")])
def test_no_word_of_a_montage_is_cut_off(stains: tuple[str, ...]) -> None:
    figure = draw_montage(montage(stains, "a long name of a cluster that nobody would type"))
    figure.draw_without_rendering()
    words = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert len(words) > len(stains) + TOP
    for word in words:
        box = word.get_window_extent()
        assert box.x0 >= 0, word
        assert box.y0 >= 0, word
        assert box.x1 <= figure.bbox.x1 + 1, word
        assert box.y1 <= figure.bbox.y1 + 1, word


def test_latin_greek_and_cyrillic_need_no_further_font() -> None:
    assert not missing("Größe ERα β-catenin Красный µm ≥")
    assert missing(CJK) == {ord(letter) for letter in CJK}
    assert fonts_for(frozenset()) == ()


@needs_cjk
def test_a_figure_takes_a_font_that_has_the_letters() -> None:
    figure = new_figure(3, 2)
    axes = figure.add_subplot()
    axes.set_title(f"case {CJK}")
    axes.set_xticks([0, 1], ["plain", CJK])
    with_letters(figure)
    families = {text.get_text(): text.get_fontfamily() for text in figure.findobj(Text)}
    assert families["plain"] == ["sans-serif"]
    for name in (CJK, f"case {CJK}"):
        assert families[name][0] == USUAL
        assert len(families[name]) == 2
    figure.savefig(BytesIO())  # a letter that no font has would be a warning, and warnings are errors


def test_letters_that_no_font_has_are_no_error() -> None:
    assert fonts_for(frozenset({0x10FFFF})) == ()


@needs_cjk
def test_a_pdf_takes_a_font_that_has_the_letters() -> None:
    marked = pdf._marked(f"a < b {CJK} c")
    assert marked.startswith("a &lt; b <font name=")
    assert f">{CJK}</font> c" in marked
    assert pdf._marked("a < b") == "a &lt; b"


def clusters(n: int) -> list[Cluster]:
    return [Cluster(k + 1, f"Cluster {k + 1}", "#102030") for k in range(n)]


def test_clusters_without_patches_fill_no_legend() -> None:
    figure = new_figure(3, 2)
    cluster_legend(figure, clusters(12), np.array([5, 0, 3, *[0] * 9]))
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["Cluster 1  62 %", "Cluster 3  38 %", "10 without patches"]
    histogram = draw_histogram(clusters(4), np.array([5, 0, 3, 0]))
    assert [tick.get_text() for tick in histogram.axes[0].get_xticklabels()] == ["1", "3"]
    assert histogram.axes[0].get_title(loc="left") == "8 patches in 2 clusters, 2 more without"
    labels = np.array([1, 1, 3])
    spread = draw_confidence(clusters(4), labels, np.full(3, 0.5, np.float32), [])
    assert [tick.get_text() for tick in spread.axes[0].get_yticklabels()] == ["Cluster 1", "Cluster 3"]


@pytest.mark.parametrize("name", ["x" * 10_000, "a\nb" * 3000])
def test_endless_names_are_shortened(name: str, tmp_path: Path) -> None:
    assert len(short(name)) == LONGEST_NAME
    assert "\n" not in short(name)
