from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from napari_histoclust.core.model.bundle import Model, empty_network
from napari_histoclust.core.model.encode import Encoded, Encoder, EncodingStream, resize_patches
from napari_histoclust.core.model.import_model import import_model
from napari_histoclust.core.model.objective import reconstruction_error
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.settings import ComputeSettings

FLOAT32 = ComputeSettings(device="cpu", precision="float32")
MODEL_STAINS = ("HE", "CD31", "CK19", "Ki67", "MT")


def _patches(n: int, stains: int, side: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (n, stains, side, side, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model() -> Model:
    """A small model whose BatchNorm has seen something."""
    spec = ModelSpec(stains=("HE", "MT"), patch_px=16, input_px=32, clusters=5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = empty_network(spec)
        network(torch.rand(16, 6, 32, 32))
    return Model(spec, network.state_dict())


@pytest.fixture(scope="module")
def published(shared_data: Path) -> tuple[Model, NDArray[np.uint8], NDArray[np.uint8]]:
    """The authors' model, the tiles of the paper's Figure 6 in the model's order, their clusters."""
    figure = np.load(shared_data / "kpc_tiles" / "kpc_tiles_128.npz")
    place = [list(figure["stains"]).index(stain) for stain in MODEL_STAINS]
    model = import_model(shared_data / "kpc_model_128", MODEL_STAINS, 128)
    return model, figure["tiles"][:, place], figure["cluster"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "auto"])
def test_every_published_tile_gets_its_published_cluster(published, precision: str) -> None:  # type: ignore[no-untyped-def]
    model, tiles, cluster = published
    encoded = Encoder(model, ComputeSettings(device="cpu", precision=precision)).encode(tiles)  # type: ignore[arg-type]
    assert (encoded.labels == cluster).sum() == 112
    assert encoded.confidence.min() > 0.999


def test_published_reconstruction_errors(published) -> None:  # type: ignore[no-untyped-def]
    model, tiles, cluster = published
    x = resize_patches(tiles, 64, model.spec.axes).float() / 255
    with torch.inference_mode():
        rebuilt = model.network()(x).picture
    errors = [float(reconstruction_error(x[cluster == c], rebuilt[cluster == c])) for c in range(1, 15)]
    assert round(min(errors), 3) == 0.006
    assert round(max(errors), 3) == 0.028


@pytest.mark.cuda
def test_graphics_card_agrees(published) -> None:  # type: ignore[no-untyped-def]
    model, tiles, cluster = published
    encoded = Encoder(model, ComputeSettings(device="cuda")).encode(tiles)
    assert (encoded.labels == cluster).all()


@pytest.mark.parametrize(("side", "input_px"), [(128, 64), (16, 32), (45, 64), (64, 64)])
def test_resize_is_the_bicubic_of_pillow(side: int, input_px: int) -> None:
    patches = _patches(2, 2, side)
    ours = resize_patches(patches, input_px).numpy()
    for n, s in np.ndindex(2, 2):
        picture = Image.fromarray(patches[n, s]).resize((input_px, input_px), Image.Resampling.BICUBIC)
        theirs = np.asarray(picture).transpose(2, 0, 1).astype(int)
        assert np.abs(ours[n, 3 * s : 3 * s + 3] - theirs).max() <= 2  # both round fixed-point weights


def test_x_first_is_the_transpose() -> None:
    patches = _patches(3, 2, 16)
    assert torch.equal(resize_patches(patches, 32, "xy"), resize_patches(patches, 32, "yx").transpose(2, 3))


def test_layout_and_read_only_input() -> None:
    patches = _patches(3, 2, 32)
    patches.setflags(write=False)
    pixels = resize_patches(patches, 32)
    assert pixels.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(pixels[1, 3:].numpy(), patches[1, 1].transpose(2, 0, 1))


def test_folded_network_is_the_network(model: Model) -> None:
    patches = _patches(10, 2, 16)
    network = model.network()
    with torch.inference_mode():
        output = network(resize_patches(patches, 32).float() / 255)
    encoded = Encoder(model, FLOAT32).encode(patches)
    p = output.logits.flatten(1).softmax(1).numpy()
    np.testing.assert_allclose(encoded.probabilities, p, atol=1e-5)
    slow = output.hidden.softmax(1).mean((2, 3)).numpy()
    np.testing.assert_allclose(encoded.latent, slow, atol=1e-6)
    np.testing.assert_allclose(encoded.latent.sum(1), 1, atol=1e-5)


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(1, 149), max_size=4))
def test_result_does_not_depend_on_the_chunks(model: Model, cuts: list[int]) -> None:
    patches = _patches(150, 2, 16)
    encoder = Encoder(model, ComputeSettings(device="cpu"))
    whole = encoder.encode(patches)
    pieces = [encoder.encode(piece) for piece in np.split(patches, sorted(set(cuts)))]
    assert np.array_equal(np.concatenate([piece.latent for piece in pieces]), whole.latent)
    assert np.array_equal(np.concatenate([piece.probabilities for piece in pieces]), whole.probabilities)


@settings(max_examples=4, deadline=None)
@given(cuts=st.lists(st.integers(1, 199), max_size=6))
def test_a_stream_gives_what_the_whole_gives_in_full_chunks(model: Model, cuts: list[int]) -> None:
    patches = _patches(200, 2, 16)
    encoder = Encoder(model, ComputeSettings(device="cpu"))
    whole = encoder.encode(patches)
    encode, sizes = encoder.encode_pixels, []
    encoder.encode_pixels = lambda pixels: (sizes.append(len(pixels)), encode(pixels))[1]  # type: ignore[method-assign]
    stream = EncodingStream(encoder)
    for piece in np.split(patches, sorted(set(cuts))):
        for _ in stream.add(piece):
            pass
    encoded = stream.finish()
    assert np.array_equal(encoded.latent, whole.latent)
    assert np.array_equal(encoded.probabilities, whole.probabilities)
    assert sum(sizes) == 200
    assert not any(size % encoder.chunk for size in sizes[:-1]), "a chunk in the middle was padded"


def test_no_patches_at_all(model: Model) -> None:
    encoded = Encoder(model, FLOAT32).encode(_patches(0, 2, 32))
    assert encoded.latent.shape == (0, 128)
    assert encoded.labels.shape == (0,)


def test_labels_confidence_entropy() -> None:
    p = np.array([[0.1, 0.7, 0.2], [1, 0, 0]], np.float32)
    encoded = Encoded(np.zeros((2, 128), np.float32), p)
    assert encoded.labels.tolist() == [2, 1]
    assert encoded.labels.dtype == np.int16
    np.testing.assert_allclose(encoded.confidence, [0.7, 1])
    np.testing.assert_allclose(encoded.entropy, [-(p[0] * np.log(p[0])).sum(), 0], atol=1e-6)
