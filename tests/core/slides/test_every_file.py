"""Every real slide opens with the pixels that another library reads, or is refused in the right words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.slides.second_reader import outcome, slides_under, whole
from napari_histoclust.core.slides.registry import open_slide

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
DICOM = "vendor/dicom_CMU-1-Small-Region"

# The sentence of what is refused: a part that says why.
REFUSED = {
    "broken/histolab_broken.svs": "not a readable TIFF",
    "broken/libtiff_logluv-3c-16b.tiff": "int16",
    "broken/libtiff_ojpeg_single_strip_no_rowsperstrip.tiff": "OJPEG",
    "broken/openslide_unreadable.svs": "cannot be decoded",
    "broken/pillow_crash-0e16d3bfb83be87356d026d66919deaefca44dac.tif": "cut short",
    "broken/pillow_crash-1152ec2d1a1a71395b6f2ce6721c38924d025bf3.tif": "cut short",
    "broken/pillow_crash-1185209cf7655b5aed8ae5e77784dfdd18ab59e9.tif": "cut short",
    "broken/pillow_crash-2020-10-test.tif": "damaged",
    "broken/pillow_crash-86214e58da443d2b80820cff9677a38a33dcbbca.tif": "cut short",
    "broken/pillow_total-pages-zero.tif": "bool",
    "derived_bad/empty.ome.tif": "is empty",
    "derived_bad/git_lfs_pointer.ome.tif": "git lfs pull",
    "derived_bad/html_404.tif": "web page",
    "derived_bad/one_pixel.tif": "too small",
    "derived_bad/truncated_60pct.ome.tif": "cut short",
    "generic/ome-zarr/blobs_image_v04.ome.zarr": "float64",
    "generic/ome-zarr/blobs_image_v05.ome.zarr": "float64",
    "generic/qupath_cells-2t.ome.tif": "2 pictures along axis T",
    "generic/qupath_cells-2z.ome.tif": "2 pictures along axis Z",
    "generic/viv_multi-channel.ome.tif": "int8",
    "odd/libtiff_tiff_with_subifd_chain.tif": "2 pictures along axis I",
}
# Where another reader gives something else, and why that is right.
DIFFERENT = {
    ("generic/qupath_cells-2c.ome.tif", "tifffile"): "gives numbers in the palette, not its colours",
    ("odd/libtiff_rgb-3c-16b.tiff", "Pillow"): "cuts 16 bits off instead of rounding, 1 grey level at most",
    (
        "odd/pillow_tiff_strip_planar_16bit_RGBa.tiff",
        "Pillow",
    ): "rounds premultiplied colours to 8 bits first",
    ("odd/test_orient6.tif", "openslide"): "ignores the orientation",
}
# No other reader gives these pixels as they are.
ONLY_OURS = ("odd/pillow_tiff_strip_planar_16bit_RGBa.tiff", "generic/qupath_cells-2c.ome.tif")
UM_PER_PX = {
    "generic/qupath_cells.tif": 0.25,
    "generic/qupath_cells.ome.tif": 0.25,
    "vendor/CMU-1-Small-Region.svs": 0.499,
    DICOM: 0.499,
    "vendor/hamamatsu_test3-DAPI.ndpi": 0.228175,
    "vendor/openslide_boxes.tiff": None,  # 72 dpi is no scale
    "vendor/tcga-cr-7395-01a-01-ts1.svs": None,
}


def _names() -> list[str]:
    folder = DATA / "wsi"
    return [path.relative_to(folder).as_posix() for path in slides_under(folder)] if folder.is_dir() else []


@pytest.mark.parametrize("name", _names())
def test_opens_as_others_read_it_or_is_refused(shared_data: Path, name: str) -> None:
    path = shared_data / "wsi" / name
    found = outcome(path)
    assert found.sentence.startswith(str(path)) == (name in REFUSED)
    assert REFUSED.get(name, "") in found.sentence
    assert "\n" not in found.sentence
    if name not in REFUSED:
        unlike = {reader: most for reader, most in found.equal if most and (name, reader) not in DIFFERENT}
        assert not unlike
        assert any(most == 0 for _, most in found.equal) or name in ONLY_OURS
    if name in UM_PER_PX:
        stated = UM_PER_PX[name]
        assert found.um_per_px == (None if stated is None else pytest.approx(stated, rel=1e-4))


def test_all_files_are_there(shared_data: Path) -> None:
    assert len(_names()) >= 55
    assert set(REFUSED) <= set(_names())


def test_dicom_is_the_svs_that_it_was_made_from(shared_data: Path) -> None:
    dicom, svs = (open_slide(shared_data / "wsi" / name) for name in (DICOM, "vendor/CMU-1-Small-Region.svs"))
    assert dicom.shapes[0] == svs.shapes[0]
    one, other = whole(dicom).astype(np.int16), whole(svs).astype(np.int16)
    # compressed once more by JPEG: 2.9 grey levels; a shift by a single px would be 6.2
    assert np.abs(one - other).mean() < 3 < 6 < np.abs(one[1:] - other[:-1]).mean()
