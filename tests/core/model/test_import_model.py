from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest
import torch

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.model.bundle import load_model, save_model
from napari_histoclust.core.model.import_model import import_model
from napari_histoclust.core.model.network import Network

STAINS = ("HE", "CD31")


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    """Files laid out as the authors' are, of a small network with random weights."""
    state = Network(stains=2, clusters=3).state_dict()
    for part, short in (("encoder", "en"), ("classifier", "cl"), ("decoder", "de")):
        weights = {name: tensor for name, tensor in state.items() if name.startswith(part)}
        torch.save(weights, tmp_path / f"model_{short}_202201010000_10.ckpt")
    lines = ["\ttt\tloss\tloss_rec\tentropy_marginal\tentropy_mean\tloss_affine"]
    lines += ["0\t9\t-0.118\t0.066\t2.638\t2.635\t0.002", "1\t19\t-0.123\t0.062\t2.638\t2.635\t0.002"]
    (tmp_path / "hist_modelS_202201010000_10.tsv").write_text("\n".join(lines))
    return tmp_path


def test_the_published_model(shared_data: Path, tmp_path: Path) -> None:
    stains = ("HE", "CD31", "CK19", "Ki67", "MT")
    model = import_model(shared_data / "kpc_model_128", stains, 128)
    assert (model.spec.clusters, model.spec.axes, model.spec.input_px) == (14, "xy", 64)
    assert model.spec.history[0]["epoch"] == 10
    assert model.spec.history[-1] == {
        "epoch": 4000,
        "loss": -0.244,
        "reconstruction": 0.012,
        "marginal": 2.608,
        "conditional": 0.116,
        "consistency": 0.024,
    }
    save_model(model, tmp_path / "model")
    assert load_model(tmp_path / "model").checksum() == model.checksum()


def test_history_is_optional_and_read(checkpoints: Path) -> None:
    assert [record["epoch"] for record in import_model(checkpoints, STAINS, 64).spec.history] == [10, 20]
    next(checkpoints.glob("*.tsv")).unlink()
    assert import_model(checkpoints, STAINS, 64).spec.history == ()


def test_history_of_another_kind(checkpoints: Path) -> None:
    next(checkpoints.glob("*.tsv")).write_text("a\tb\n1\t2\n")
    with pytest.raises(HistoclustError, match=r"hist_.*tsv: is not a learning history"):
        import_model(checkpoints, STAINS, 64)


def test_missing_folder_and_missing_file(checkpoints: Path) -> None:
    with pytest.raises(HistoclustError, match="nowhere: no such folder"):
        import_model(checkpoints / "nowhere", STAINS, 64)
    next(checkpoints.glob("model_de*")).unlink()
    with pytest.raises(HistoclustError, match=r"holds no model_de_\*.ckpt"):
        import_model(checkpoints, STAINS, 64)


def test_two_checkpoints_are_ambiguous(checkpoints: Path) -> None:
    shutil.copy(next(checkpoints.glob("model_cl*")), checkpoints / "model_cl_later_20.ckpt")
    with pytest.raises(HistoclustError, match=r"model_cl_202.*ckpt and model_cl_later_20.ckpt both fit"):
        import_model(checkpoints, STAINS, 64)


def test_wrong_number_of_stains(checkpoints: Path) -> None:
    with pytest.raises(HistoclustError, match=r"--stains HE: 1 stains, but model_en_.* was trained on 2"):
        import_model(checkpoints, ("HE",), 64)


def test_files_exchanged(checkpoints: Path) -> None:
    shutil.copy(next(checkpoints.glob("model_cl*")), next(checkpoints.glob("model_de*")))
    with pytest.raises(HistoclustError, match=r"holds classifier.* where weights of the decoder"):
        import_model(checkpoints, STAINS, 64)


def test_wrong_shape_is_named(checkpoints: Path) -> None:
    file = next(checkpoints.glob("model_de*"))
    weights = torch.load(file, weights_only=True)
    torch.save(weights | {"decoder.dcov1.bias": torch.zeros(9)}, file)
    with pytest.raises(HistoclustError, match=r"weight decoder.dcov1.bias is \(9,\)"):
        import_model(checkpoints, STAINS, 64)


class _Attack:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('the file ran code')",)


@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "attack", "list"])
def test_unreadable_or_hostile_file(checkpoints: Path, kind: str) -> None:
    file = next(checkpoints.glob("model_en*"))
    if kind == "attack":
        file.write_bytes(pickle.dumps(_Attack()))
    elif kind == "list":
        torch.save([torch.zeros(2)], file)
    else:
        file.write_bytes({"empty": b"", "text": b"hello\n", "truncated": file.read_bytes()[:5000]}[kind])
    with pytest.raises(HistoclustError, match=rf"{file.name}: (is not a readable|holds no table)"):
        import_model(checkpoints, STAINS, 64)
