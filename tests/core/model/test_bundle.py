from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.model.bundle import Model, empty_network, load_model, save_model
from napari_histoclust.core.model.spec import FORMATS, ModelSpec


def _model(seed: int = 0, clusters: int = 3) -> Model:
    spec = ModelSpec(
        stains=("HE", "CD31"),
        patch_px=16,
        um_per_px=0.25,
        input_px=32,
        clusters=clusters,
        settings=FitSettings(patch_px=16, clusters=clusters),
        history=({"epoch": 1.0, "loss": -0.1},),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Model(spec, empty_network(spec).state_dict())


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    save_model(_model(), tmp_path / "model")
    return tmp_path / "model"


def test_round_trip_keeps_every_weight_and_word(bundle: Path) -> None:
    before, after = _model(), load_model(bundle)
    assert after.spec == before.spec.model_copy(update={"created": after.spec.created})
    assert after.state.keys() == before.state.keys()
    assert all(torch.equal(after.state[name], before.state[name]) for name in before.state)
    assert after.checksum() == before.checksum()
    assert {path.name for path in bundle.iterdir()} == {"model.json", "model.safetensors"}
    assert [path.name for path in bundle.parent.iterdir()] == ["model"]


def test_checksum_follows_the_weights_and_their_use_not_their_history() -> None:
    model = _model()
    told = Model(model.spec.model_copy(update={"history": (), "created": "then"}), model.state)
    turned = Model(model.spec.model_copy(update={"axes": "xy"}), model.state)
    assert told.checksum() == model.checksum()
    assert len({model.checksum(), turned.checksum(), _model(seed=1).checksum()}) == 3


def test_a_trained_model_is_never_replaced_by_another(bundle: Path) -> None:
    before = {file.name: file.read_bytes() for file in bundle.iterdir()}
    with pytest.raises(HistoclustError, match="model: holds another model, give a new or empty folder"):
        save_model(_model(seed=1, clusters=5), bundle)
    save_model(_model(), bundle)  # the same one: it stays as it is
    assert {file.name: file.read_bytes() for file in bundle.iterdir()} == before


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    save_model(_model(), tmp_path / "model")
    assert load_model(tmp_path / "model").checksum() == _model().checksum()


def test_weights_stored_channels_last_are_the_same_bundle(tmp_path: Path, bundle: Path) -> None:
    network = _model().network().to(memory_format=torch.channels_last)
    save_model(Model(_model().spec, network.state_dict()), tmp_path / "other")
    assert load_model(tmp_path / "other").checksum() == load_model(bundle).checksum()


def test_another_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("years of work")
    with pytest.raises(HistoclustError, match=r"thesis: holds something else \(chapter1.tex\)"):
        save_model(_model(), tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter1.tex").read_text() == "years of work"
    (tmp_path / "file").write_text("x")
    with pytest.raises(HistoclustError, match="is a file"):
        save_model(_model(), tmp_path / "file")


def test_no_bundle(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(HistoclustError, match="is not a model"):
            load_model(path)


@pytest.mark.parametrize("size", [0, 5, 100, 100_000])
def test_truncated_weights(bundle: Path, size: int) -> None:
    weights = bundle / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:size])
    with pytest.raises(HistoclustError, match=r"model.safetensors: is damaged"):
        load_model(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": FORMATS[-1] + 1}, "model format 4 is unknown"),
        ({"format": None}, "model format None is unknown"),
        ({"clusters": "many"}, "entry clusters"),
        ({"stains": []}, "entry stains"),
        ({"axes": "zx"}, "entry axes"),
        ({"surprise": 1}, "entry surprise"),
        ({"clusters": 4}, r"classifier.conv3.weight is \(3, 128, 1, 1\) where 2 stains and 4 clusters"),
        ({"stains": ["HE"]}, "need"),
    ],
)
def test_description_that_does_not_fit(bundle: Path, change: dict[str, object], message: str) -> None:
    document = json.loads((bundle / "model.json").read_text()) | change
    (bundle / "model.json").write_text(json.dumps(document))
    with pytest.raises(HistoclustError, match=message) as caught:
        load_model(bundle)
    assert str(bundle) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "not json", "3"])
def test_description_that_is_none(bundle: Path, text: str) -> None:
    (bundle / "model.json").write_text(text)
    with pytest.raises(HistoclustError, match=r"model.json"):
        load_model(bundle)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    model = _model()
    name = next(name for name, tensor in model.state.items() if tensor.is_floating_point())
    broken = model.state[name].clone()
    broken.view(-1)[-1] = value
    save_model(Model(model.spec, {**model.state, name: broken}), tmp_path / "model")
    with pytest.raises(HistoclustError, match=f"weight {name} holds NaN or infinity"):
        load_model(tmp_path / "model")


def test_weights_of_whole_numbers_are_refused(tmp_path: Path) -> None:
    model = _model()
    name = next(name for name, tensor in model.state.items() if tensor.is_floating_point())
    save_model(Model(model.spec, {**model.state, name: model.state[name].int()}), tmp_path / "model")
    with pytest.raises(HistoclustError, match=f"weight {name} is torch.int32"):
        load_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("um_per_px", [0, -1, 1e-300, 1e300, "NaN"]),
        ("stains", [[], ["HE", "HE"], ["HE", ""], ["HE", 3]]),
        ("patch_px", [0, -4, 2**40]),
        ("clusters", [0, 1, 2**40]),
        ("latent", [0, 2**40]),
        ("encoders", [0, 2**40]),
    ],
)
def test_a_description_that_cannot_be_is_refused(bundle: Path, name: str, values: list[object]) -> None:
    document = json.loads((bundle / "model.json").read_text())
    for value in values:
        (bundle / "model.json").write_text(json.dumps({**document, name: value}))
        with pytest.raises(HistoclustError, match=rf"model\.json: entry {name}"):
            load_model(bundle)


def test_missing_weight_is_named(tmp_path: Path) -> None:
    model = _model()
    state = {name: tensor for name, tensor in model.state.items() if name != "encoder.conv1.bias"}
    save_model(Model(model.spec, state), tmp_path / "model")
    with pytest.raises(HistoclustError, match=r"lacks weight encoder.conv1.bias"):
        load_model(tmp_path / "model")
