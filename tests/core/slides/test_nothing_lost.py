"""What an input holds and is not used is told, or the input is refused."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from core.slides.written import UInt8, noise, write_pyramid
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.registry import open_slide
from napari_histoclust.core.slides.stack import open_stack


def rgb(path: Path, seed: int = 0, side: int = 64) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, noise(side, side, seed), photometric="rgb", tile=(32, 32), metadata=None)
    return path


def ome_images(path: Path, pictures: list[tuple[str, UInt8]]) -> Path:
    with tifffile.TiffWriter(path, ome=True) as tif:
        for name, picture in pictures:
            metadata = {"axes": "YXS", "PhysicalSizeX": len(picture) / 1000, "PhysicalSizeXUnit": "µm"}
            if name:
                metadata["Name"] = name
            tif.write(picture, photometric="rgb", tile=(32, 32), metadata=metadata)
    return path


# -- several images in one OME-TIFF


@pytest.mark.parametrize("first", ["macro image", "label", "", "HE thumbnail"])
def test_the_largest_image_of_an_ome_tiff_is_the_slide(tmp_path: Path, first: str) -> None:
    scan = noise(256, 300, 1)
    stack = open_stack(ome_images(tmp_path / "HE.ome.tif", [(first, noise(60, 90)), ("scan", scan)]))
    np.testing.assert_array_equal(stack.read(0, 0, 0, 256, 300, ["HE"])[0], scan)
    assert stack.um_per_px == 0.256  # of its own image, not of the first one
    assert any("(60 x 90 px); used is scan (256 x 300 px)" in warning for warning in stack.warnings)


@pytest.mark.parametrize(
    ("names", "stains"),
    [
        (["HE", "CD31", "Ki67"], ("HE", "CD31", "Ki67")),
        (["case7 my marker", "case7 other"], ("my marker", "other")),
        (["case HE", "case CK 19", "case macro"], ("HE", "CK19")),
    ],
)
def test_images_named_after_stains_are_the_stains(
    tmp_path: Path, names: list[str], stains: tuple[str, ...]
) -> None:
    pictures = [(name, noise(64, 64, seed)) for seed, name in enumerate(names)]
    stack = open_stack(ome_images(tmp_path / "case.ome.tif", pictures))
    assert stack.stains == stains
    np.testing.assert_array_equal(stack.read(0, 0, 0, 64, 64, stack.stains)[1], noise(64, 64, 1))
    assert any("are taken as stains" in warning for warning in stack.warnings)


def test_stains_of_two_sizes_in_one_file_are_not_registered(tmp_path: Path) -> None:
    path = ome_images(tmp_path / "case.ome.tif", [("HE", noise(64, 64)), ("CD31", noise(64, 80))])
    with pytest.raises(HistoclustError, match="register them first"):
        open_stack(path)


@pytest.mark.parametrize("names", [["", "", ""], ["Scene 1", "Scene 2", "Scene 3"], ["a", "a", "a"]])
def test_scenes_are_no_stains_and_what_is_left_out_is_told(tmp_path: Path, names: list[str]) -> None:
    pictures = [(name, noise(64, 64, seed)) for seed, name in enumerate(names)]
    slide = open_slide(ome_images(tmp_path / "HE.ome.tif", pictures))
    np.testing.assert_array_equal(slide.read(0, 0, 0, 64, 64), noise(64, 64, 0))
    assert sum("holds further pictures" in warning for warning in slide.warnings) == 1


def test_a_second_series_of_plain_pages_is_told_and_a_pyramid_is_not(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "HE.tif") as tif:
        for picture in (noise(256, 256), noise(128, 128), noise(40, 200, 5)):
            tif.write(picture, photometric="rgb", tile=(32, 32), metadata=None)
    slide = open_slide(tmp_path / "HE.tif")
    assert slide.shapes == ((256, 256), (128, 128))
    (said,) = [warning for warning in slide.warnings if "further" in warning]
    assert "40 x 200" in said
    assert "128" not in said


# -- channels


def write_channels(path: Path, planes: UInt8, names: list[str] | None, **options: Any) -> Path:
    metadata: dict[str, Any] = {"axes": "CYX"}
    if names is not None:
        metadata["Channel"] = {"Name": names}
    tifffile.imwrite(path, planes, photometric="minisblack", tile=(32, 32), metadata=metadata, **options)
    return path


@pytest.mark.parametrize(
    ("names", "stains"),
    [
        (["IgG", "IgA", "C3"], ("C3", "IgA", "IgG")),
        (["DAPI", "", "CD3"], ("CD3", "channel 2", "DAPI")),
        (["405", "488", "561"], ("405", "488", "561")),
        (None, ("channel 1", "channel 2", "channel 3")),
        (["", "", "", "", ""], tuple(f"channel {k}" for k in range(1, 6))),
    ],
)
def test_grey_channels_are_no_colours(
    tmp_path: Path, names: list[str] | None, stains: tuple[str, ...]
) -> None:
    planes = noise(64, 64).transpose(2, 0, 1)[[k % 3 for k in range(len(stains))]]
    stack = open_stack(write_channels(tmp_path / "x.ome.tif", planes, names))
    assert stack.stains == stains
    unnamed = names is None or "" in names
    assert any("are called by their number" in warning for warning in stack.warnings) == unnamed


def test_grey_samples_side_by_side_are_channels(tmp_path: Path) -> None:
    picture = noise(64, 64)
    tifffile.imwrite(
        tmp_path / "x.tif",
        picture,
        photometric="minisblack",
        planarconfig="contig",
        tile=(32, 32),
        metadata=None,
    )
    stack = open_stack(tmp_path / "x.tif")
    assert stack.stains == ("channel 1", "channel 2", "channel 3")
    shown = stack.read(0, 0, 0, 64, 64, stack.stains)
    np.testing.assert_array_equal(shown[..., 0].transpose(1, 2, 0), picture)
    np.testing.assert_array_equal(shown[..., 0], shown[..., 2])


def test_red_green_and_blue_by_name_are_one_picture(tmp_path: Path) -> None:
    planes = np.ascontiguousarray(noise(64, 64).transpose(2, 0, 1))
    slide = open_slide(write_channels(tmp_path / "HE.ome.tif", planes, ["Red", "Green", "Blue"]))
    np.testing.assert_array_equal(slide.read(0, 0, 0, 64, 64), noise(64, 64))


QPI = "<PerkinElmer-QPI-ImageDescription><ImageType>{}</ImageType>{}</PerkinElmer-QPI-ImageDescription>"


@pytest.mark.parametrize(
    ("fields", "stains"),
    [
        (["<Name>DAPI</Name>", "<Name>CD8</Name>"], ("CD8", "DAPI")),
        (
            ["<Name>FITC</Name><Biomarker>panCK</Biomarker>", "<Name>Cy5</Name><Biomarker>PD-1</Biomarker>"],
            ("panCK", "PD1"),
        ),
        (["", "<Name>CD8</Name>"], ("CD8", "channel 1")),
    ],
)
def test_qptiff_names_its_channels_in_the_xml_of_each_page(
    tmp_path: Path, fields: list[str], stains: tuple[str, ...]
) -> None:
    with tifffile.TiffWriter(tmp_path / "x.qptiff") as tif:
        for kind, side in (("FullResolution", 128), ("Thumbnail", 20), ("ReducedResolution", 64)):
            for number, field in enumerate(fields if kind != "Thumbnail" else ["<Name>t</Name>"]):
                tif.write(
                    noise(side, side, number)[..., 0],
                    photometric="minisblack",
                    tile=(32, 32) if kind != "Thumbnail" else None,
                    description=QPI.format(kind, field),
                    software="PerkinElmer-QPI",
                    resolution=(20000, 20000),
                    resolutionunit="CENTIMETER",
                    metadata=None,
                )
    stack = open_stack(tmp_path / "x.qptiff")
    assert (stack.stains, stack.um_per_px) == (stains, 0.5)
    assert stack.downsamples == (1.0, 2.0)


@pytest.mark.parametrize("kind", ["imagej", "shaped"])
def test_other_places_of_channel_names(tmp_path: Path, kind: str) -> None:
    planes, names = np.stack([noise(64, 64, k)[..., 0] for k in range(2)]), ["DAPI", "CD8"]
    if kind == "imagej":
        tifffile.imwrite(tmp_path / "x.tif", planes, imagej=True, metadata={"axes": "CYX", "Labels": names})
    else:
        metadata = {"axes": "CYX", "Channel": {"Name": names}}
        tifffile.imwrite(tmp_path / "x.tif", planes, photometric="minisblack", metadata=metadata)
    assert open_stack(tmp_path).stains == ("CD8", "DAPI")


# -- transparency


@pytest.mark.parametrize(
    ("extra", "said"), [("unassalpha", "alpha"), ("assocalpha", "alpha"), ("unspecified", "fourth")]
)
def test_a_fourth_sample_is_told(tmp_path: Path, extra: str, said: str) -> None:
    picture = np.dstack([noise(64, 64), np.full((64, 64), 255, np.uint8)])
    tifffile.imwrite(tmp_path / "HE.tif", picture, photometric="rgb", extrasamples=[extra], metadata=None)
    assert any(said in warning for warning in open_slide(tmp_path / "HE.tif").warnings)


def test_grey_with_alpha_is_laid_over_white(tmp_path: Path) -> None:
    picture = np.dstack([np.full((64, 64), 100, np.uint8), np.zeros((64, 64), np.uint8)])
    picture[:32, :, 1] = 255
    tifffile.imwrite(
        tmp_path / "HE.tif",
        picture,
        photometric="minisblack",
        planarconfig="contig",
        extrasamples=["unassalpha"],
        metadata=None,
    )
    slide = open_slide(tmp_path / "HE.tif")
    assert slide.read(0, 0, 0, 1, 1).tolist() == [[[100, 100, 100]]]
    assert slide.read(0, 63, 63, 1, 1).tolist() == [[[255, 255, 255]]]
    assert any("alpha" in warning for warning in slide.warnings)


# -- what lies in a folder


def test_links_to_nothing_and_kinds_that_are_not_read_are_told(tmp_path: Path) -> None:
    for name in ("HE.tif", "CD31.tif"):
        rgb(tmp_path / name)
    (tmp_path / "CK19.tif").symlink_to(".git/annex/objects/aa/CK19.tif")
    for name in ("Ki67.vsi", "MT.isyntax", "PAS.lif", "PSR.tif.part", "noname"):
        (tmp_path / name).write_bytes(b"x" * 100)
    (tmp_path / "notes.txt").write_text("no slide")
    (tmp_path / ".hidden.vsi").write_text("no slide")
    said = " ".join(open_stack(tmp_path).warnings)
    for name in ("CK19.tif", "Ki67.vsi", "MT.isyntax", "PAS.lif", "PSR.tif.part", "noname"):
        assert name in said
    assert "notes" not in said
    assert "hidden" not in said


@pytest.mark.parametrize(
    "name",
    [
        *(
            "HE_seg.tif",
            "case_segmentation.png",
            "HE_mask.tif",
            "cells-labels.tif",
            "HE_annot.png",
            "ROI.tif",
        ),
        *("map.png", "umap.png", "montage_3.png", "overlay.ome.tif", "labels_case.ome.tif", "histogram.png"),
    ],
)
def test_masks_and_own_exports_are_no_stains(tmp_path: Path, name: str) -> None:
    for stain in ("HE.tif", "CD31.tif"):
        rgb(tmp_path / stain)
    (tmp_path / name).write_bytes(b"never opened")
    stack = open_stack(tmp_path)
    assert stack.stains == ("HE", "CD31")
    assert any(warning.startswith(f"{name}: ignored") for warning in stack.warnings)


def test_own_stores_beside_the_slides_are_no_stains(tmp_path: Path) -> None:
    for stain in ("HE.tif", "CD31.tif"):
        rgb(tmp_path / stain)
    for store in ("patches.zarr", "labels.ome.zarr"):
        zarr.open_group(tmp_path / store, mode="w", zarr_format=2)
    stack = open_stack(tmp_path)
    assert stack.stains == ("HE", "CD31")
    assert sum("ignored" in warning for warning in stack.warnings) == 2


def test_folders_with_pictures_beside_the_stains_are_told(tmp_path: Path) -> None:
    for stain in ("HE.tif", "CD31.tif", "more/Ki67.tif"):
        rgb(tmp_path / stain)
    (tmp_path / "notes").mkdir()
    said = [warning for warning in open_stack(tmp_path).warnings if "holds pictures too" in warning]
    assert said == ["more: holds pictures too, which are not used: give that folder for them."]


@pytest.mark.parametrize("name", ["stack.yml", "Stack.YAML", "STACK.yml", "stack.yaml"])
def test_a_description_is_found_however_it_is_spelt(tmp_path: Path, name: str) -> None:
    for stain in ("HE.tif", "CD31.tif", "Ki67.tif"):
        rgb(tmp_path / stain)
    (tmp_path / name).write_text("um_per_px: 0.25\nstains: {HE: {path: HE.tif}, CD31: {path: CD31.tif}}\n")
    stack = open_stack(tmp_path)
    assert (stack.um_per_px, stack.stains) == (0.25, ("HE", "CD31"))
    assert any("Ki67.tif: left out" in warning for warning in stack.warnings)


def test_two_descriptions_are_not_guessed_between(tmp_path: Path) -> None:
    rgb(tmp_path / "HE.tif")
    for name in ("stack.yaml", "stack.yml"):
        (tmp_path / name).write_text("stains: {HE: {path: HE.tif}}\n")
    with pytest.raises(HistoclustError, match=r"stack\.yaml and stack\.yml"):
        open_stack(tmp_path)


# -- chunks of a Zarr


def write_chunks(path: Path, planes: UInt8, version: int, fill: int, shards: bool = False) -> Path:
    group = zarr.open_group(path, mode="w", zarr_format=version)
    for number, step in enumerate((1, 2)):
        level = planes[:, ::step, ::step]
        kind = {"shards": (3, 128, 128)} if shards else {}
        array = group.create_array(
            str(number), shape=level.shape, chunks=(3, 64, 64), dtype="uint8", fill_value=fill, **kind
        )
        array[:] = level
    axes = [{"name": "c", "type": "channel"}, {"name": "y", "type": "space"}, {"name": "x", "type": "space"}]
    datasets = [
        {"path": str(k), "coordinateTransformations": [{"type": "scale", "scale": [1, 2**k, 2**k]}]}
        for k in range(2)
    ]
    multiscales = {"axes": axes, "datasets": datasets, "version": "0.4"}
    channels = {"channels": [{"label": name} for name in "RGB"]}
    ome = {"multiscales": [multiscales], "omero": channels}
    group.attrs.update(ome if version == 2 else {"ome": {"version": "0.5", **ome}})
    return path


@pytest.mark.parametrize(
    ("version", "shards", "chunk"),
    [(2, False, "0/0.0.1"), (3, False, "0/c/0/0/1"), (3, True, "0/c/0/0/0"), (2, False, "1/0.1.1")],
)
def test_a_lost_chunk_is_a_white_hole(tmp_path: Path, version: int, shards: bool, chunk: str) -> None:
    picture = np.clip(noise(256, 256), 1, 254)
    path = write_chunks(tmp_path / "HE.zarr", picture.transpose(2, 0, 1), version, 0, shards)
    assert not [w for w in open_stack(path).warnings if "never written" in w]
    (path / chunk).unlink()
    stack = open_stack(path)
    assert any("1 tile never written" in warning for warning in stack.warnings)
    level = int(chunk[0])
    whole = stack.read(level, 0, 0, *stack.shapes[level], ["HE"])[0]
    lost = (whole == 255).all(axis=-1)
    assert lost.sum() == (128 * 128 if shards else 64 * 64)
    np.testing.assert_array_equal(whole[~lost], picture[:: level + 1, :: level + 1][~lost])
    valid = stack.valid("HE", (64, 64), 4)
    assert valid is not None
    assert (~valid).sum() == (32 * 32 if shards or level else 16 * 16)


def test_chunks_of_white_are_left_out_by_writers_and_not_lost(tmp_path: Path) -> None:
    picture = np.full((256, 256, 3), 255, np.uint8)
    picture[:64, :64] = noise(64, 64)
    path = write_chunks(tmp_path / "HE.zarr", picture.transpose(2, 0, 1), 3, 255)
    stack = open_stack(path)
    assert not [warning for warning in stack.warnings if "never written" in warning]
    np.testing.assert_array_equal(stack.read(0, 0, 0, 256, 256, ["HE"])[0], picture)


# -- names


@pytest.mark.parametrize(
    ("files", "stains"),
    [
        (["ERα", "ERβ"], ("ERα", "ERβ")),
        (["x_ER-alpha", "x_ER-beta"], ("ER-alpha", "ER-beta")),
        (["Fall_Grün", "Fall_Größe"], ("Größe", "Grün")),
        (["c_β-catenin", "c_catenin", "c_HE"], ("HE", "catenin", "β-catenin")),
        (["PAS", "PAS-D", "AB-PAS"], ("AB-PAS", "PAS", "PAS-D")),
        (["CD45-RA", "CD45-RO", "CD45"], ("CD45", "CD45RA", "CD45RO")),
        (["染色_一", "染色_二"], ("一", "二")),
        (["Случай_Красный", "Случай_Синий"], ("Красный", "Синий")),
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_letters_of_any_script_are_kept(
    tmp_path: Path, files: list[str], stains: tuple[str, ...], form: Any
) -> None:
    for seed, name in enumerate(files):
        rgb(tmp_path / f"{unicodedata.normalize(form, name)}.tif", seed)
    stack = open_stack(tmp_path)
    assert set(stack.stains) == set(stains)
    described = tmp_path / "described.yaml"
    lines = [f"  {name}: {{path: '{next(iter(tmp_path.glob('*.tif'))).name}'}}" for name in stains]
    described.write_text("\n".join(["stains:", *lines]), encoding="utf-8")
    assert set(open_stack(described).stains) == set(stains)


def test_pyramids_say_nothing_unasked(tmp_path: Path) -> None:
    for stain in ("HE", "CD31"):
        write_pyramid(tmp_path / f"{stain}.ome.tif", noise(256, 256), metadata={"PhysicalSizeX": 0.5})
    assert open_stack(tmp_path).warnings == ()
