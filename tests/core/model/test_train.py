from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.errors import Cancelled, HistoclustError
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.model import train as training
from napari_histoclust.core.model.bundle import Model
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.model.train import train

pytestmark = pytest.mark.usefixtures("one_thread")

SPEC = ModelSpec(stains=("HE",), patch_px=16, input_px=32, clusters=3)
SETTINGS = FitSettings(
    device="cpu", input_px=32, clusters=3, batch=8, epochs=3, optimiser="adam", learning_rate=1e-3, seed=5
)


def _pixels(n: int = 40) -> torch.Tensor:
    """Patches of three plain colours with noise, which are easy to tell apart."""
    rng = np.random.default_rng(0)
    colours = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200]])[rng.integers(3, size=n)]
    noisy = colours[:, :, None, None] + rng.normal(0, 15, (n, 3, 32, 32))
    return torch.from_numpy(noisy.clip(0, 255).astype(np.uint8))


def _with(**changes: object) -> FitSettings:
    return SETTINGS.model_copy(update=changes)


def _fit(settings: FitSettings = SETTINGS, checkpoint: Path | None = None) -> Model:
    return drive(train(_pixels(), SPEC, settings, checkpoint))


def _same(a: Model, b: Model) -> bool:
    return all(torch.equal(a.state[name], b.state[name]) for name in a.state)


def _stop_after(epoch: int, settings: FitSettings, checkpoint: Path) -> None:
    """Cancel in the middle of the epoch that follows `epoch`."""
    seen: list[Progress] = []

    def late() -> bool:
        return seen[-1].values.get("epoch", 0) > epoch

    with pytest.raises(Cancelled):
        drive(train(_pixels(), SPEC, settings, checkpoint), seen.append, late)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_seed_decides_every_bit(precision: str) -> None:
    first, again = (_fit(_with(precision=precision, epochs=2, od_jitter=0.1, flips=True)) for _ in range(2))
    assert _same(first, again)
    assert first.spec.history == again.spec.history
    assert not _same(first, _fit(_with(precision=precision, epochs=2, od_jitter=0.1, flips=True, seed=6)))


def test_training_learns_what_is_easy() -> None:
    model = _fit(_with(epochs=12, weight_marginal=0.4, weight_conditional=0.1))
    first, last = model.spec.history[0], model.spec.history[-1]
    assert last["loss"] < first["loss"]
    assert last["reconstruction"] < 0.5 * first["reconstruction"]
    assert last["held_out_reconstruction"] < first["held_out_reconstruction"]


def test_history_has_every_part_of_every_epoch() -> None:
    history = _fit().spec.history
    parts = ["loss", "reconstruction", "marginal", "conditional", "consistency"]
    assert [record["epoch"] for record in history] == [1, 2, 3]
    assert set(history[0]) == {"epoch", *parts, *(f"held_out_{part}" for part in parts)}
    assert not any(name.startswith("held_out") for name in _fit(_with(train_share=1.0)).spec.history[0])


def test_long_trainings_record_400_epochs() -> None:
    assert sum(training._is_recorded(epoch, 4000) for epoch in range(4000)) == 400
    assert [epoch + 1 for epoch in range(1001) if training._is_recorded(epoch, 1001)][-2:] == [999, 1001]


def test_progress_counts_steps_and_reports_the_loss() -> None:
    seen: list[Progress] = []
    drive(train(_pixels(), SPEC, SETTINGS), seen.append)
    steps = [p for p in seen if p.text == "Training"]
    assert [p.done for p in steps] == list(range(1, 10))  # 30 training patches, 3 steps of 8, 3 epochs
    assert {p.total for p in steps} == {9}
    assert {"epoch", "loss", "reconstruction", "marginal", "conditional", "consistency"} == set(
        steps[0].values
    )


@pytest.mark.parametrize(("schedule", "cool_down"), [("joint", False), ("joint", True), ("staged", True)])
def test_interrupted_training_ends_as_the_undisturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schedule: str, cool_down: bool
) -> None:
    monkeypatch.setattr(training, "SAVE_EVERY_S", 0.0)
    settings = _with(epochs=4, schedule=schedule, cool_down=cool_down)
    _stop_after(2, settings, tmp_path / "state.pt")
    resumed = _fit(settings, tmp_path / "state.pt")
    undisturbed = _fit(settings)
    assert _same(resumed, undisturbed)
    assert resumed.spec.history == undisturbed.spec.history


_CHILD = """
import sys
from itertools import pairwise
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
torch.set_num_threads(1)
from test_train import SETTINGS, SPEC, _pixels
from napari_histoclust.core.model import train as training
training.SAVE_EVERY_S = 0.0
settings = SETTINGS.model_copy(update={"epochs": 200})
for progress in training.train(_pixels(), SPEC, settings, Path(sys.argv[2])):
    print(int(progress.values.get("epoch", 0)), flush=True)
"""


def test_killed_training_ends_as_the_undisturbed(tmp_path: Path) -> None:
    """Kill the process without warning in its third epoch or later; go on to ten."""
    command = [sys.executable, "-c", _CHILD, str(Path(__file__).parent), str(tmp_path / "state.pt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) >= 3:
                child.kill()
                break
    assert child.returncode == -9
    seen: list[Progress] = []
    resumed = drive(train(_pixels(), SPEC, _with(epochs=10), tmp_path / "state.pt"), seen.append)
    assert min(p.values["epoch"] for p in seen if "epoch" in p.values) >= 3
    assert _same(resumed, _fit(_with(epochs=10)))


def test_a_finished_training_only_loads(tmp_path: Path) -> None:
    model = _fit(checkpoint=tmp_path / "state.pt")
    seen: list[Progress] = []
    again = drive(train(_pixels(), SPEC, SETTINGS, tmp_path / "state.pt"), seen.append)
    assert _same(model, again)
    assert [p.text for p in seen] == ["Preparing the training"]


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    _fit(_with(epochs=1), tmp_path / "state.pt")
    other = _pixels()
    other[0, 0, 0, 0] += 1
    for pixels, settings in ((_pixels(), _with(seed=1)), (other, SETTINGS)):
        with pytest.raises(HistoclustError, match=r"state.pt: belongs to a training with other settings"):
            drive(train(pixels, SPEC, settings, tmp_path / "state.pt"))


def test_a_joint_training_can_be_prolonged_and_with_more_memory(tmp_path: Path) -> None:
    _fit(_with(epochs=1), tmp_path / "state.pt")
    assert _same(_fit(_with(epochs=2, cache_mib=300), tmp_path / "state.pt"), _fit(_with(epochs=2)))


@pytest.mark.parametrize("change", [{"schedule": "staged"}, {"cool_down": True}])
def test_a_training_that_counts_on_its_end_cannot_be_prolonged(
    tmp_path: Path, change: dict[str, object]
) -> None:
    _fit(_with(epochs=1, **change), tmp_path / "state.pt")
    with pytest.raises(HistoclustError, match="other settings"):
        _fit(_with(epochs=2, **change), tmp_path / "state.pt")


def test_the_learning_rate_falls_to_zero_where_asked() -> None:
    rates: dict[bool, list[float]] = {True: [], False: []}
    for cool_down, seen in rates.items():
        job = train(_pixels(), SPEC, _with(cool_down=cool_down))
        for progress in job:
            if progress.text == "Training":
                seen.append(job.gi_frame.f_locals["course"].trainer.optimiser.param_groups[0]["lr"])
    assert set(rates[False]) == {1e-3}
    assert rates[True] == pytest.approx([5e-4 * (1 + np.cos(np.pi * step / 9)) for step in range(9)])


def test_stages_learn_one_thing_after_the_other() -> None:
    states = []
    job = train(_pixels(), SPEC, _with(schedule="staged", epochs=4))
    for progress in job:
        if progress.text == "Training" and progress.done in (3, 9, 12):
            frame = job.gi_frame.f_locals if job.gi_frame else {}
            network = frame["course"].trainer.network
            states.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
    changed = [
        {name.split(".")[0] for name in a if not torch.equal(a[name], b[name])} for a, b in pairwise(states)
    ]
    assert changed == [{"classifier"}, {"encoder", "classifier", "decoder"}]


def test_staged_history_has_the_parts_of_each_stage() -> None:
    first, second, third, last = _fit(_with(schedule="staged", train_share=1.0, epochs=4)).spec.history
    assert set(first) == {"epoch", "loss", "reconstruction"}
    assert set(second) == set(third) == {"epoch", "loss", "marginal", "conditional", "consistency"}
    assert set(last) == set(first) | set(second)


def test_a_loss_that_explodes_is_said() -> None:
    with pytest.raises(HistoclustError, match=r"--learning-rate 1e\+30: the loss is no longer a number"):
        _fit(_with(learning_rate=1e30, epochs=20))


def test_too_few_patches() -> None:
    with pytest.raises(HistoclustError, match="--batch 64: only 30 patches to train on"):
        _fit(_with(batch=64))


def test_pixels_of_another_shape_are_a_programming_error() -> None:
    with pytest.raises(ValueError, match="expected n x"):
        drive(train(_pixels()[:, :, :16], SPEC, SETTINGS))


def test_nothing_global_changes(tmp_path: Path) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    numbers = np.random.get_state()[1].copy()  # noqa: NPY002
    _fit(_with(epochs=1), tmp_path / "state.pt")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before[1:]
    assert (np.random.get_state()[1] == numbers).all()  # noqa: NPY002


def test_read_only_arrays_will_do() -> None:
    pixels = _pixels().numpy()
    pixels.setflags(write=False)
    assert _same(drive(train(pixels, SPEC, SETTINGS)), _fit())


@pytest.mark.cuda
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_graphics_card_trains(precision: str) -> None:
    model = _fit(_with(device="cuda", precision=precision, epochs=6))
    assert model.spec.history[-1]["reconstruction"] < model.spec.history[0]["reconstruction"]
    assert {tensor.device.type for tensor in model.state.values()} == {"cpu"}
