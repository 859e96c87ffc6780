"""Whole slides to damage: small ones of every kind that tests can write, and real ones where they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray
from PIL import Image

SIDE_PX = 150
_LARGEST_REAL_BYTES = 2_500_000

# Options of tifffile for each kind that is written.
TIFF_KINDS: dict[str, dict[str, Any]] = {
    "none": {"tile": (64, 64)},
    "jpeg": {"tile": (64, 64), "compression": "jpeg"},
    "jpeg2000": {"tile": (64, 64), "compression": "jpeg2000"},
    "jpegxl": {"tile": (64, 64), "compression": "jpegxl"},
    "webp": {"tile": (64, 64), "compression": "webp"},
    "deflate": {"tile": (64, 64), "compression": "deflate", "predictor": True},
    "lzw": {"tile": (64, 64), "compression": "lzw", "predictor": True},
    "zstd": {"tile": (64, 64), "compression": "zstd"},
    "packbits": {"rowsperstrip": 16, "compression": "packbits"},
    "strip": {},
    "planar": {"tile": (64, 64), "planarconfig": "separate"},
}


def picture() -> NDArray[np.uint8]:
    """(150, 150, 3): smooth, so that it compresses, with noise in a corner."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    rgb = np.stack([x, y, (x + y) // 2], axis=-1).astype(np.uint8)
    rgb[:40, :40] = np.random.default_rng(0).integers(0, 256, (40, 40, 3))
    return rgb


def write_seeds(folder: Path) -> list[Path]:
    """Write one slide of each kind and return their paths."""
    rgb = picture()
    paths = []
    for name, options in TIFF_KINDS.items():
        pixels = np.moveaxis(rgb, -1, 0) if "planarconfig" in options else rgb
        paths.append(folder / f"{name}.tif")
        tifffile.imwrite(paths[-1], pixels, photometric="rgb", metadata=None, **options)
    paths += _pyramids(folder, rgb)
    paths += _odd(folder, rgb)
    for suffix in ("png", "jpg", "jp2"):
        paths.append(folder / f"flat.{suffix}")
        Image.fromarray(rgb).save(paths[-1])
    return [*paths, _zarr(folder / "store.zarr", rgb)]


def _pyramids(folder: Path, rgb: NDArray[np.uint8]) -> list[Path]:
    ome, pages, big = (folder / name for name in ("subifd.ome.tif", "pages.tif", "big.btf"))
    common: dict[str, Any] = {"photometric": "rgb", "tile": (64, 64), "compression": "jpeg"}
    with tifffile.TiffWriter(ome) as tif:
        tif.write(rgb, subifds=1, metadata={"axes": "YXS", "PhysicalSizeX": 0.5, "Name": "HE"}, **common)
        tif.write(rgb[::2, ::2], subfiletype=1, metadata=None, **common)
    for path, is_big in ((pages, False), (big, True)):
        with tifffile.TiffWriter(path, bigtiff=is_big) as tif:
            for step in (1, 2, 4):
                tif.write(rgb[::step, ::step], metadata=None, **common)
    return [ome, pages, big]


def _odd(folder: Path, rgb: NDArray[np.uint8]) -> list[Path]:
    table = np.arange(768, dtype=np.uint16).reshape(3, 256) * 85
    kinds: dict[str, tuple[NDArray[Any], dict[str, Any]]] = {
        "palette": (rgb[..., 0], {"photometric": "palette", "colormap": table}),
        "grey16": (rgb[..., 0].astype(np.uint16) * 257, {"photometric": "minisblack", "compression": "zlib"}),
        "rgba": (np.dstack([rgb, rgb[..., 0]]), {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
        "rgb16": (
            rgb.astype(np.uint16) * 257,
            {"photometric": "rgb", "compression": "lzw", "tile": (64, 64)},
        ),
    }
    for name, (pixels, options) in kinds.items():
        tifffile.imwrite(folder / f"{name}.tif", pixels, metadata=None, **options)
    aperio = "Aperio Image Library v1\n150x150 |AppMag = 20|MPP = 0.4990"
    tifffile.imwrite(
        folder / "aperio.svs", rgb, photometric="rgb", tile=(64, 64), compression="jpeg", description=aperio
    )
    return [*(folder / f"{name}.tif" for name in kinds), folder / "aperio.svs"]


def _zarr(path: Path, rgb: NDArray[np.uint8]) -> Path:
    array = zarr.create_array(path / "0", shape=(3, SIDE_PX, SIDE_PX), chunks=(1, 64, 64), dtype="u1")
    array[:] = np.moveaxis(rgb, -1, 0)
    axes = [{"name": "c", "type": "channel"}, *({"name": a, "type": "space"} for a in "yx")]
    multiscales = [{"axes": axes, "datasets": [{"path": "0"}]}]
    group = {"attributes": {"ome": {"version": "0.5", "multiscales": multiscales}}}
    (path / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", **group}))
    return path


def real_seeds(data: Path) -> list[Path]:
    """Real slides that are small enough to be written ten thousand times."""
    files = [
        path for name in ("odd", "vendor", "generic", "broken") for path in (data / "wsi" / name).rglob("*")
    ]
    return sorted(
        path
        for path in files
        if path.is_file() and path.stat().st_size < _LARGEST_REAL_BYTES and "zarr" not in str(path)
    )


def copy_damaged(seed: Path, folder: Path, damage: Any) -> Path:
    """Copy a slide into `folder` with its bytes, or those of one file of a store, passed through `damage`."""
    target = folder / seed.name
    if not seed.is_dir():
        target.write_bytes(damage(seed.read_bytes()))
        return target
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(seed, target)
    files = sorted(path for path in target.rglob("*") if path.is_file())
    chosen = files[sum(seed.name.encode()) % len(files)] if len(files) == 1 else damage.choose(files)
    chosen.write_bytes(damage(chosen.read_bytes()))
    return target
