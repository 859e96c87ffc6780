"""Encoders taught by neighbours: views, loss, training, and the network as it is applied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_histoclust.core.config import PRESETS, FitSettings
from napari_histoclust.core.errors import Cancelled
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.model.bundle import Model, load_model, save_model
from napari_histoclust.core.model.encode import Encoder, calibrated, resize_patches
from napari_histoclust.core.model.neighbour_trainer import draw_pair, make_pair, vicreg_parts
from napari_histoclust.core.model.neighbours import OPTIONAL, UNIT
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.model.train import train

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = PRESETS["robust"].settings.model_copy(
    update={
        "device": "cpu",
        "precision": "float32",
        "clusters": 3,
        "batch": 20,
        "epochs": 3,
        "metric_axes": 4,
        "seed": 5,
    }
)
SPEC = ModelSpec(
    format=2,
    architecture="neighbours_3",
    scaling="tissue_strength",
    stains=("HE", "MT"),
    patch_px=16,
    input_px=32,
    clusters=3,
    encoders=2,
    latent=4,
)


def _codes(n: int = 90) -> torch.Tensor:
    """Three tissues, pale, dense and striped, with what lies around them."""
    rng = np.random.default_rng(0)
    level = np.array([10.0, 40.0, 40.0])[np.arange(n) % 3][:, None, None, None]
    stripes = (
        25 * np.sin(np.arange(64) * 1.5)[None, None, None] * (np.arange(n) % 3 == 2)[:, None, None, None]
    )
    noisy = level + stripes + rng.normal(0, 4, (n, 6, 64, 64))
    return torch.from_numpy(noisy.clip(0, 255).astype(np.uint8))


def _fit(settings: FitSettings = SETTINGS, checkpoint: Path | None = None) -> Model:
    return drive(train(_codes(), SPEC, settings, checkpoint))


@pytest.fixture(scope="module")
def model(one_thread: None) -> Model:
    return _fit(SETTINGS.model_copy(update={"epochs": 10}))


def test_views_lie_on_the_tissue_around_and_stains_go_together() -> None:
    """Against the literal look-up, px by px, for shifts alone."""
    settings = SETTINGS.model_copy(
        update={"flips": False, "od_jitter": 0.0, "od_offset": 0.0, "stain_dropout": 0.0}
    )
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 64, 64, 6), dtype=np.uint8))
    pair = draw_pair(settings, 3, 2, 32, np.random.default_rng(1))
    views = make_pair(pixels, pair, 16)
    for view in range(2):
        for i in range(3):
            shift = -pair.views[view].maps[i, 0, :, 2]
            y, x = (round(float(16 - part)) for part in shift)
            seen = views[3 * view + i] * UNIT
            wanted = pixels[i, y : y + 32, x : x + 32].float()
            assert wanted.shape == seen.shape
            off = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]  # halves of a px round either way
            assert any(
                torch.allclose(seen, pixels[i, y + dy : y + dy + 32, x + dx : x + dx + 32].float(), atol=1e-3)
                for dy, dx in off
                if 0 <= y + dy <= 32 and 0 <= x + dx <= 32
            )


def test_a_stain_left_out_is_glass_and_one_is_always_kept() -> None:
    settings = SETTINGS.model_copy(update={"stain_dropout": 0.95})
    pair = draw_pair(settings, 200, 2, 32, np.random.default_rng(0))
    assert pair.kept.any(axis=2).all()
    assert pair.kept.mean() < 0.7
    views = make_pair(torch.full((200, 64, 64, 6), 80, dtype=torch.uint8), pair, 16).view(
        2, 200, 32, 32, 2, 3
    )
    left_out = ~torch.from_numpy(pair.kept)
    assert (views.permute(0, 1, 4, 2, 3, 5)[left_out] == 0).all()
    assert (views.permute(0, 1, 4, 2, 3, 5)[~left_out] > 1).all()


def test_parts_of_the_loss_against_literal_sums() -> None:
    one, two = torch.randn(7, 4, generator=torch.Generator().manual_seed(0)), torch.randn(7, 4)
    parts = vicreg_parts(one, two)
    literal = np.mean([(float(one[i, j]) - float(two[i, j])) ** 2 for i in range(7) for j in range(4)])
    assert float(parts["invariance"]) == pytest.approx(literal, rel=1e-5)
    spread = covariance = 0.0
    for z in (one.numpy().astype(float), two.numpy().astype(float)):
        c = np.cov(z.T)
        spread += np.mean([max(0.0, 1 - np.sqrt(c[j, j] + 1e-4)) for j in range(4)]) / 2
        covariance += sum(c[i, j] ** 2 for i in range(4) for j in range(4) if i != j) / 4
    assert float(parts["spread"]) == pytest.approx(spread, rel=1e-5)
    assert float(parts["covariance"]) == pytest.approx(covariance, rel=1e-5)


def test_training_tells_the_tissues_apart(model: Model) -> None:
    labels = Encoder(model, SETTINGS).encode_pixels(_codes()[..., 16:48, 16:48]).labels
    kinds = [set(labels[kind::3].tolist()) for kind in range(3)]
    assert [len(kind) for kind in kinds] == [1, 1, 1]
    assert len(set.union(*kinds)) == 3
    assert {"invariance", "spread", "covariance", "held_out_loss"} <= set(model.spec.history[-1])


def test_a_seed_decides_every_bit_interrupted_or_not(tmp_path: Path) -> None:
    whole = _fit()
    seen: list[Progress] = []
    with pytest.raises(Cancelled):
        drive(
            train(_codes(), SPEC, SETTINGS, tmp_path / "c.pt"),
            seen.append,
            lambda: seen[-1].values.get("epoch", 0) > 2,
        )
    again = _fit(checkpoint=tmp_path / "c.pt")
    assert all(torch.equal(whole.state[name], again.state[name]) for name in whole.state)
    other = _fit(SETTINGS.model_copy(update={"seed": 6}))
    assert not all(torch.equal(whole.state[name], other.state[name]) for name in whole.state)


def test_the_applied_network_says_what_the_plain_one_says(model: Model) -> None:
    codes = _codes()[..., 16:48, 16:48]
    with torch.inference_mode():
        network = model.network()
        latent, logits = network(codes.float() / UNIT)
    encoded = Encoder(model, SETTINGS).encode_pixels(codes)
    np.testing.assert_allclose(encoded.latent, latent.numpy(), atol=2e-3)
    np.testing.assert_allclose(encoded.probabilities, logits.softmax(dim=1).numpy(), atol=2e-3)


def test_logits_are_distances_to_the_centres(model: Model) -> None:
    codes = _codes(6)[..., 16:48, 16:48]
    encoded = Encoder(model, SETTINGS).encode_pixels(codes)
    centres = model.state["centres"].numpy()
    heat, lapse = (float(model.state[name]) for name in ("temperature", "lapse"))
    for i in range(6):
        weights = [np.exp(-0.5 * ((encoded.latent[i] - c) ** 2).sum() / heat) for c in centres]
        likely = (1 - lapse) * np.array(weights) / sum(weights) + lapse / len(weights)
        np.testing.assert_allclose(encoded.probabilities[i], likely, atol=1e-4)


def test_a_model_of_before_there_was_a_lapse_says_what_it_said(tmp_path: Path, model: Model) -> None:
    """Its weights stay as they are, and with them the checksum by which its runs know it."""
    without = {name: tensor for name, tensor in model.state.items() if name not in OPTIONAL}
    save_model(Model(model.spec, without), tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert loaded.checksum() == Model(model.spec, without).checksum()
    zero = Model(model.spec, model.state | {"lapse": torch.zeros(())})
    codes = _codes(6)[..., 16:48, 16:48]
    older, newer = (Encoder(m, SETTINGS).encode_pixels(codes) for m in (loaded, zero))
    np.testing.assert_array_equal(older.probabilities, newer.probabilities)
    assert older.distance is None
    assert newer.distance is not None


def test_an_outlier_that_trains_gets_no_cluster(tmp_path: Path) -> None:
    """Two patches of ink among ninety neither make a cluster nor are they taken for tissue."""
    inked = _codes(200)
    inked[[7, 50], :3] = 250
    model = drive(train(inked, SPEC, SETTINGS.model_copy(update={"epochs": 1})))
    encoded = Encoder(model, SETTINGS).encode_pixels(inked[..., 16:48, 16:48])
    assert encoded.distance is not None
    farthest = float(model.state["farthest"])
    np.testing.assert_array_equal(np.flatnonzero(encoded.distance > farthest), [7, 50])
    assert model.spec.reliability is not None
    trained = int(200 * SETTINGS.train_share)
    assert trained - 2 <= sum(n for n, *_ in model.spec.reliability["bins"]) < trained


def test_the_bundle_says_how_reliable_its_confidence_is(model: Model) -> None:
    assert model.spec.reliability is not None
    error = model.spec.reliability["expected_calibration_error"]
    n, sure, kept = np.array(model.spec.reliability["bins"]).T
    assert n.sum() == int(len(_codes()) * SETTINGS.train_share)
    assert error == pytest.approx((n * abs(sure - kept)).sum() / n.sum(), abs=2e-4)


def test_tables_calibrate_patches_before_the_network(model: Model) -> None:
    patches = np.random.default_rng(0).integers(0, 256, (5, 2, 32, 32, 3), dtype=np.uint8)
    tables = np.random.default_rng(1).integers(0, 120, (6, 256), dtype=np.uint8)
    codes = resize_patches(patches, 32).numpy().copy()
    for channel in range(6):
        codes[:, channel] = tables[channel][codes[:, channel]]
    encoder = Encoder(model, SETTINGS)
    by_hand = encoder.encode_pixels(torch.from_numpy(codes)).latent
    np.testing.assert_allclose(encoder.encode(patches, tables).latent, by_hand, atol=1e-5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_codes_px_by_px(layout: torch.memory_format) -> None:
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 6, 3, 4), dtype=np.uint8))
    tables = np.random.default_rng(1).integers(0, 256, (6, 256), dtype=np.uint8)
    codes = calibrated(pixels.to(memory_format=layout), tables)
    assert codes.is_contiguous(memory_format=layout)
    for n, channel, y, x in np.ndindex(2, 6, 3, 4):
        assert codes[n, channel, y, x] == tables[channel, pixels[n, channel, y, x]]


def test_a_bundle_keeps_all_of_it(tmp_path: Path, model: Model) -> None:
    save_model(model, tmp_path / "m")
    again = load_model(tmp_path / "m")
    assert again.spec == model.spec
    assert again.checksum() == model.checksum()
    assert not any("projector" in name for name in again.state)
