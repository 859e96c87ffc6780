"""OME-Zarr of both versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from core.slides.written import noise
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.registry import open_slide
from napari_histoclust.core.slides.stack import open_stack


def write_zarr(
    path: Path,
    levels: list[np.ndarray[Any, Any]],
    version: str,
    unit: str | None = "micrometer",
    **extra: Any,
) -> Path:
    """Write (c, y, x) levels, 0.25 units a px."""
    zarr_format = 2 if version == "0.4" else 3
    space = {"type": "space"} if unit is None else {"type": "space", "unit": unit}
    axes = [{"name": "c", "type": "channel"}, {"name": "y", **space}, {"name": "x", **space}]
    datasets = []
    for k, level in enumerate(levels):
        array = zarr.create_array(
            path / str(k), shape=level.shape, chunks=(1, 32, 48), dtype=level.dtype, zarr_format=zarr_format
        )
        array[:] = level
        scale = [1.0, 0.25 * 2**k, 0.25 * 2**k]
        datasets.append({"path": str(k), "coordinateTransformations": [{"type": "scale", "scale": scale}]})
    attributes = {
        "multiscales": [{"version": version, "name": "lung", "axes": axes, "datasets": datasets}],
        **extra,
    }
    if version == "0.4":
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        (path / ".zattrs").write_text(json.dumps(attributes))
    else:
        group = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": attributes}}
        (path / "zarr.json").write_text(json.dumps(group))
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_both_versions_give_levels_pixels_and_scale(tmp_path: Path, version: str) -> None:
    picture = noise(100, 131)
    planes = picture.transpose(2, 0, 1)
    slide = open_slide(write_zarr(tmp_path / "HE.zarr", [planes, planes[:, ::2, ::2]], version))
    assert slide.shapes == ((100, 131), (50, 66))
    assert (slide.name, slide.um_per_px) == ("lung", pytest.approx(0.25))
    np.testing.assert_array_equal(slide.read(0, 0, 0, 100, 131), picture)
    np.testing.assert_array_equal(slide.read(1, 3, 5, 20, 20), picture[::2, ::2][3:23, 5:25])
    np.testing.assert_array_equal(slide.dask_levels()[1].compute(), picture[::2, ::2])


def test_no_unit_is_no_scale(tmp_path: Path) -> None:
    slide = open_slide(write_zarr(tmp_path / "HE.zarr", [noise(64, 64).transpose(2, 0, 1)], "0.4", unit=None))
    assert slide.um_per_px is None


def test_channels_named_after_stains_are_a_stack(tmp_path: Path) -> None:
    pictures = [noise(64, 64, seed) for seed in range(2)]
    planes = np.concatenate([picture.transpose(2, 0, 1) for picture in pictures])
    labels = [f"{stain}_{colour}" for stain in ("H&E", "CD-31") for colour in "RGB"]
    omero = {"channels": [{"label": label} for label in labels]}
    stack = open_stack(write_zarr(tmp_path / "case.ome.zarr", [planes], "0.5", omero=omero))
    assert stack.stains == ("HE", "CD31")
    np.testing.assert_array_equal(stack.read(0, 0, 0, 64, 64, ["CD31"])[0], pictures[1])
    assert stack.inputs()[0]["header_sha256"]


def test_stores_that_are_no_picture_are_named(tmp_path: Path) -> None:
    floats = write_zarr(tmp_path / "f.zarr", [np.zeros((3, 64, 64), np.float32)], "0.5")
    with pytest.raises(HistoclustError, match="float32"):
        open_slide(floats)
    unnamed = write_zarr(tmp_path / "u.zarr", [np.zeros((5, 64, 64), np.uint8)], "0.5")
    with pytest.raises(HistoclustError, match=r"5 pictures \(channel 1, channel 2"):
        open_slide(unnamed)
    (tmp_path / "e.zarr").mkdir()
    (tmp_path / "e.zarr" / ".zattrs").write_text("{}")
    with pytest.raises(HistoclustError, match="no multiscales"):
        open_slide(tmp_path / "e.zarr")
    (tmp_path / "e.zarr" / ".zattrs").write_text("{broken")
    with pytest.raises(HistoclustError, match="not readable"):
        open_slide(tmp_path / "e.zarr")


def test_a_missing_level_is_named(tmp_path: Path) -> None:
    path = write_zarr(tmp_path / "a.zarr", [noise(64, 64).transpose(2, 0, 1)], "0.4")
    (path / "0" / ".zarray").unlink()
    with pytest.raises(HistoclustError, match=r"a\.zarr: is not a readable OME-Zarr"):
        open_slide(path)


def test_the_real_store_equals_the_real_tiff(shared_data: Path) -> None:
    store = open_slide(shared_data / "wsi" / "generic" / "ome-zarr" / "lung5_HE.ome.zarr")
    tiff = open_slide(shared_data / "cima_lung5" / "aligned" / "lung5_HE.ome.tif")
    assert store.shapes == tiff.shapes
    np.testing.assert_array_equal(store.read(0, 0, 0, *store.shapes[0]), tiff.read(0, 0, 0, *tiff.shapes[0]))
