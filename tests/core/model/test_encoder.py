"""Encoders by name: the records there are, a newcomer's, and names that are none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_histoclust.core.config import ENCODERS, PRESETS, FitSettings
from napari_histoclust.core.errors import HistoclustError, SettingError
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.model import encoders as package
from napari_histoclust.core.model.bundle import empty_network, load_model, save_model
from napari_histoclust.core.model.encode import Encoder
from napari_histoclust.core.model.encoder import encoder_of
from napari_histoclust.core.model.neighbours import NeighbourNetwork
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.model.train import train

pytestmark = pytest.mark.usefixtures("one_thread")

NEWCOMER = '''
"""The mean density of each colour."""

from napari_histoclust.core.model.encoder import EncoderPart, EncoderRecord


class MeanDensities(EncoderPart):
    """Three numbers a stain."""

    def __init__(self, stains):
        super().__init__()
        self.groups, self.width = stains, 3 * stains

    def measure(self, pictures):
        return pictures.mean(dim=(2, 3))


ENCODER = EncoderRecord(
    help="the mean density of each colour.", make=lambda spec: MeanDensities(len(spec.stains)), input_px=32
)
'''


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An encoder in a file of its own, as in CONTRIBUTING."""
    folder = tmp_path / "encoders"
    folder.mkdir()
    (folder / "mean_densities.py").write_text(NEWCOMER)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    yield "mean_densities"
    _forget("mean_densities")


def _forget(name: str) -> None:
    sys.modules.pop(f"{package.__name__}.{name}", None)


def _codes(n: int = 90, side: int = 64) -> torch.Tensor:
    """Three tissues, pale, dense and denser, with what lies around them."""
    level = np.array([10.0, 40.0, 90.0])[np.arange(n) % 3][:, None, None, None]
    noisy = level + np.random.default_rng(0).normal(0, 4, (n, 6, side, side))
    return torch.from_numpy(noisy.clip(0, 255).astype(np.uint8))


def _settings(encoder: str) -> FitSettings:
    return PRESETS["robust"].settings.model_copy(
        update={"device": "cpu", "clusters": 3, "batch": 20, "metric_axes": 4, "encoder": encoder}
    )


def _spec(encoder: str, input_px: int = 32) -> ModelSpec:
    return ModelSpec(
        format=3,
        architecture="neighbours_3",
        scaling="tissue_strength",
        stains=("HE", "MT"),
        patch_px=16,
        input_px=input_px,
        clusters=3,
        encoder=encoder,
        latent=4,
    )


def test_every_encoder_is_a_record_in_a_file_of_its_name() -> None:
    assert ENCODERS[0] == "neighbours"
    assert {"neighbours", "statistics", "imagenet"} <= set(ENCODERS)
    for name in ENCODERS:
        record = encoder_of(name)
        assert record.value == name
        assert record.help.endswith(".")


def test_what_a_newcomer_adds_is_trained_kept_and_applied(tmp_path: Path, newcomer: str) -> None:
    seen: list[Progress] = []
    model = drive(train(_codes(), _spec(newcomer), _settings(newcomer)), seen.append)
    assert not [progress for progress in seen if progress.text == "Training"]
    save_model(model, tmp_path / "m")
    again = load_model(tmp_path / "m")
    assert again.checksum() == model.checksum()
    labels = Encoder(again).encode_pixels(_codes()[..., 16:48, 16:48]).labels
    kinds = [set(labels[kind::3].tolist()) for kind in range(3)]
    assert [len(kind) for kind in kinds] == [1, 1, 1]
    assert len(set.union(*kinds)) == 3


def test_an_encoder_that_needs_colours_gets_them_between_0_and_1(newcomer: str) -> None:
    file = Path(package.__path__[-1]) / f"{newcomer}.py"
    file.write_text(NEWCOMER.replace("input_px=32", 'input_px=32, needs="colours"'))
    assert encoder_of(newcomer).scaling == "divide_by_255"
    white = torch.full((3, 6, 32, 32), 255, dtype=torch.uint8)
    network = empty_network(_spec(newcomer))
    assert isinstance(network, NeighbourNetwork)
    features = network.encoders.applied(torch.device("cpu"), torch.float32)
    torch.testing.assert_close(features(white), torch.ones(3, 6))


def test_a_bundle_of_an_encoder_that_is_gone_says_so(
    tmp_path: Path, newcomer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(drive(train(_codes(), _spec(newcomer), _settings(newcomer))), tmp_path / "m")
    monkeypatch.undo()
    _forget(newcomer)
    with pytest.raises(HistoclustError, match=r"made with the encoder mean_densities.*update"):
        load_model(tmp_path / "m")


def test_statistics_find_the_tissues() -> None:
    model = drive(train(_codes(side=128), _spec("statistics", 64), _settings("statistics")))
    labels = Encoder(model).encode_pixels(_codes(side=64)).labels
    assert [len(set(labels[kind::3].tolist())) for kind in range(3)] == [1, 1, 1]


def test_the_same_seed_gives_the_same_bits() -> None:
    one, two = (
        drive(train(_codes(side=128), _spec("statistics", 64), _settings("statistics"))) for _ in range(2)
    )
    assert one.checksum() == two.checksum()


def test_the_side_behind_the_at() -> None:
    assert encoder_of("statistics@128").input_px == 128
    assert encoder_of("statistics@128").value == "statistics@128"
    for wrong in ("statistics@15", "statistics@33", "statistics@5000", "neighbours@64"):
        with pytest.raises(SettingError, match="@"):
            encoder_of(wrong)


@pytest.mark.parametrize("name", ["nothing", "timm:", "tim:vit", "network.onnx", "..", "neighbours "])
def test_a_name_that_is_none_names_those_there_are(name: str) -> None:
    with pytest.raises(SettingError, match=r"--encoder .*: unknown, choose among neighbours, .*timm:NAME"):
        encoder_of(name)


def test_the_paper_has_its_own_encoder() -> None:
    with pytest.raises(SettingError, match=r"--encoder statistics.*robust"):
        FitSettings.resolve("paper", FitSettings(encoder="statistics"))
    assert FitSettings.resolve("robust", FitSettings(encoder="statistics")).encoder == "statistics"
