"""map.png, map.pdf and map.svg are pictures of this run."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from matplotlib.image import imread

from core.runs import make_run
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.jobs import drive


def test_png_shows_every_cluster_s_colour(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=2)
    (path,) = drive(export_run(run, ["png"], tmp_path))
    picture = np.rint(imread(path)[..., :3] * 255).astype(np.uint8).reshape(-1, 3)
    for cluster in run.clusters:
        assert (picture == np.frombuffer(bytes.fromhex(cluster.colour[1:]), np.uint8)).all(1).sum() > 1000


def test_pdf_and_svg_are_such_files(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", um_per_px=0.5)
    pdf, svg = drive(export_run(run, ["pdf", "svg"], tmp_path))
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert pdf.read_bytes().rstrip().endswith(b"%%EOF")
    root = ElementTree.parse(svg).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
