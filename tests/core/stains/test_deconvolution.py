"""Dyes mixed by us and taken apart again; scikit-image's deconvolution beside ours; a mapped slide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.color import separate_stains

from napari_histoclust.core.jobs import drive
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.core.stains.deconvolution import (
    PUBLISHED,
    DyeVectors,
    densities,
    dye_density,
    dye_names,
    dye_vectors,
    dyes_of,
    estimate_vectors,
)
from napari_histoclust.core.stains.optical_density import channel_optical_density, optical_density

Float = NDArray[np.float64]
HE = np.array([PUBLISHED["haematoxylin"], PUBLISHED["eosin"]])
IHC = np.array([PUBLISHED["haematoxylin"], PUBLISHED["DAB"]])


def of(vectors: Float) -> DyeVectors:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return DyeVectors("HE", ("haematoxylin", "eosin"), unit, False)


def px_of(amounts: Float, vectors: Float) -> NDArray[np.uint8]:
    """Colours of glass under these amounts of dyes."""
    return np.clip(256 * 10 ** -(amounts @ vectors) - 1, 0, 255).round().astype(np.uint8)


@pytest.mark.parametrize(
    ("stain", "dyes"),
    [
        ("HE", ("haematoxylin", "eosin")),
        ("CD31", ("haematoxylin", "DAB")),
        ("proSPC", ("haematoxylin", "DAB")),
        ("MT", None),
        ("PAS", None),
        ("DAPI", None),
        ("stain nobody knows", None),
    ],
)
def test_dyes_by_stain(stain: str, dyes: tuple[str, str] | None) -> None:
    assert dyes_of(stain) == dyes


def test_names_follow_the_stains() -> None:
    assert dye_names(("HE", "MT", "Ki67")) == ("HE haematoxylin", "HE eosin", "Ki67 haematoxylin", "Ki67 DAB")
    assert dye_names(("MT",)) == ()


@pytest.mark.parametrize("vectors", [HE, IHC])
def test_beside_scikit_image(vectors: Float) -> None:
    """px by px with the same matrix; scikit-image gives densities over 6 (log to the base of 1e-6)."""
    rng = np.random.default_rng(0)
    px = px_of(rng.uniform(0.1, 0.8, (20, 20, 2)), vectors)
    mine = optical_density(px) @ of(vectors).unmixing
    residual = np.cross(*of(vectors).vectors)
    full = np.vstack([of(vectors).vectors, residual / np.linalg.norm(residual)])
    theirs = separate_stains((px.astype(float) + 1) / 256, np.linalg.inv(full))[..., :2] * 6
    np.testing.assert_allclose(np.maximum(mine, 0), theirs, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1]))
def test_amounts_come_back(seed: int, which: int) -> None:
    """Mean of a patch, unmixed, against the mean of the amounts that were painted, to a grey level."""
    vectors = of((HE, IHC)[which]).vectors
    amounts = np.random.default_rng(seed).uniform(0, 0.6, (3, 8, 8, 2))
    patches = px_of(amounts, vectors)[:, None]
    stain_od, dye_od = densities(patches, ("HE",), [of(vectors)])
    np.testing.assert_allclose(dye_od, amounts.mean((1, 2)), atol=0.01)
    np.testing.assert_allclose(stain_od[:, 0], (amounts @ vectors).mean((1, 2, 3)), atol=0.01)


def test_columns_follow_the_stains_and_leave_out_those_without_dyes() -> None:
    patches = np.random.default_rng(0).integers(0, 256, (4, 3, 6, 6, 3), dtype=np.uint8)
    stains = ("HE", "MT", "CD31")
    vectors = [of(HE), DyeVectors("CD31", ("haematoxylin", "DAB"), of(IHC).vectors, False)]
    _, dye_od = densities(patches, stains, vectors)
    assert dye_od.shape == (4, len(dye_names(stains)))
    for column, stain, own in ((0, 0, HE), (2, 2, IHC)):
        expected = optical_density(patches[:, stain]).mean((1, 2)) @ of(own).unmixing
        np.testing.assert_allclose(dye_od[:, column : column + 2], expected, atol=1e-5)
    assert dye_density(channel_optical_density(patches), stains, []).shape == (4, 0)


def turned(vectors: Float, by_deg: float, seed: int) -> Float:
    """Vectors turned by an angle each, in directions of their own."""
    rng = np.random.default_rng(seed)
    unit = of(vectors).vectors
    aside = rng.normal(size=unit.shape)
    aside -= (aside * unit).sum(1, keepdims=True) * unit
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    angle = np.radians(by_deg)
    return np.asarray(np.abs(np.cos(angle) * unit + np.sin(angle) * aside))


def painted(vectors: Float, rng: np.random.Generator, n: int = 20_000) -> Float:
    """Densities of px of which some hold one dye alone and most hold both."""
    amounts = rng.gamma(2, 0.25, (n, 2))
    amounts[: n // 5, 0], amounts[n // 5 : 2 * n // 5, 1] = 0, 0
    return optical_density(px_of(amounts, vectors))


@pytest.mark.parametrize("vectors", [HE, IHC])
@pytest.mark.parametrize("seed", range(4))
def test_vectors_of_another_laboratory_are_found(vectors: Float, seed: int) -> None:
    """Up to 8 degrees from the published ones; found to 3, and nearer than the published ones are."""
    true = turned(vectors, 8, seed)
    found = estimate_vectors(painted(true, np.random.default_rng(seed)), of(vectors).vectors)
    assert found is not None
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    off, before = (np.degrees(np.arccos((v * of(true).vectors).sum(1))) for v in (found, of(vectors).vectors))
    assert off.max() < 3
    assert off.max() < before.max()


def test_estimates_that_are_not_believable_are_not_taken() -> None:
    rng = np.random.default_rng(0)
    assert estimate_vectors(painted(HE, rng, 300), HE) is None  # too few
    single = np.outer(rng.uniform(0.2, 1, 5000), HE[0]) + rng.normal(0, 0.004, (5000, 3))
    assert estimate_vectors(np.abs(single), of(IHC).vectors) is None  # one dye alone
    assert estimate_vectors(painted(np.array([[0.1, 0.2, 0.97], [0.97, 0.2, 0.1]]), rng), HE) is None
    assert estimate_vectors(np.zeros((5000, 3)), HE) is None  # glass


def slide(folder: Path, vectors: dict[str, Float], side_px: int = 256) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(3)
    for stain, own in vectors.items():
        amounts = rng.gamma(2, 0.25, (side_px, side_px, 2))
        amounts[: side_px // 5, :, 0], amounts[-side_px // 5 :, :, 1] = 0, 0
        tifffile.imwrite(folder / f"a_{stain}.tif", px_of(amounts, own), photometric="rgb")
    return folder


def test_vectors_of_a_slide(tmp_path: Path) -> None:
    true = {"HE": turned(HE, 6, 0), "CD31": turned(IHC, 6, 1)}
    stack = open_stack(slide(tmp_path / "slides", {**true, "MT": HE}))
    row, col = (index.ravel().astype(np.int32) for index in np.indices((16, 16)))
    grid = PatchGrid((16, 16), 16, 16, 0, 1.0, row, col, np.ones(256, np.float32))
    found = drive(dye_vectors(stack, grid, stack.stains))
    assert [(one.stain, one.dyes[1], one.estimated) for one in found] == [
        ("HE", "eosin", True),
        ("CD31", "DAB", True),
    ]
    for one in found:
        cosine = (one.vectors * of(true[one.stain]).vectors).sum(1)
        assert np.degrees(np.arccos(cosine)).max() < 4


def test_a_slide_of_glass_has_the_published_vectors(tmp_path: Path) -> None:
    folder = tmp_path / "slides"
    folder.mkdir()
    for stain in ("HE", "CD31"):
        tifffile.imwrite(folder / f"a_{stain}.tif", np.full((64, 64, 3), 250, np.uint8), photometric="rgb")
    grid = PatchGrid((1, 1), 16, 16, 0, 1.0, *np.zeros((2, 1), np.int32), np.ones(1, np.float32))
    for one in drive(dye_vectors(open_stack(folder), grid, ("HE", "CD31"))):
        assert not one.estimated
        np.testing.assert_allclose(one.vectors, [PUBLISHED[dye] for dye in one.dyes], atol=3e-3)
