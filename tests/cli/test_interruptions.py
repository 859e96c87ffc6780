"""Ctrl-C and `kill -9` in training and in mapping: the same command goes on and ends with the same labels."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import napari_histoclust as hc
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run.manifest import read_manifest
from napari_histoclust.core.run.reader import read_latent
from stacks import write_stack

# Small chunks and a checkpoint at every epoch, so that a job of seconds has something to lose.
# A shell's background jobs ignore Ctrl-C, and so would whatever the tests start there: take it back.
_PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import napari_histoclust.core.run.store as store, napari_histoclust.core.model.train as train
store.CHUNK, train.SAVE_EVERY_S = 8, 0.0
from napari_histoclust.cli import console, run
console.SECONDS_BETWEEN_LINES = 0.0
sys.exit(run(sys.argv[1:]))
"""
_FIT = "--patch-px 16 --patches 200 --epochs 9 --clusters 3 --batch 20 --input-px 32".split()  # noqa: SIM905


def start(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _PROGRAM, *arguments], stderr=subprocess.PIPE, text=True)


def stop_at(arguments: list[str], words: tuple[str, ...], number: signal.Signals) -> tuple[int, str]:
    """Start the command, send the signal at the first line that holds all words; exit code and last line."""
    with start(arguments) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if all(word in line for word in words):
                process.send_signal(number)
                break
        else:
            pytest.fail(f"{arguments[0]} ended before it said {words}")
        lines = process.stderr.read().strip().splitlines()
    return process.returncode, lines[-1] if lines else ""


def finish(arguments: list[str]) -> list[str]:
    with start(arguments) as process:
        assert process.stderr is not None
        lines = process.stderr.read().splitlines()
    assert process.returncode == 0, lines[-1]
    return lines


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no kill -9")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_the_same_command_goes_on_and_ends_with_the_same_labels(
    number: signal.Signals, tmp_path: Path
) -> None:
    stack = str(write_stack(tmp_path / "s", side_px=320))
    model, run = tmp_path / "model", tmp_path / "run"
    fit = ["fit", stack, "--out", str(model), *_FIT]
    map_ = ["map", stack, "--model", str(model), "--out", str(run), "--stride-px", "8"]

    code, said = stop_at(fit, ("Training", "epoch 4"), number)
    _check_stopped(code, said, number)
    assert not model.exists()
    resumed = finish(fit)
    assert not any("Training" in line and "epoch 1 " in line for line in resumed), "it began anew"

    code, said = stop_at(map_, ("Mapping 2",), number)
    _check_stopped(code, said, number)
    assert not (run / "patches.zarr").exists()
    finish(map_)

    undisturbed_model, undisturbed = tmp_path / "model2", tmp_path / "run2"
    finish(["fit", stack, "--out", str(undisturbed_model), *_FIT])
    finish(["map", stack, "--model", str(undisturbed_model), "--out", str(undisturbed), "--stride-px", "8"])
    one, two = hc.open_run(run), hc.open_run(undisturbed)
    assert len(one) > 100
    np.testing.assert_array_equal(one.labels, two.labels)
    np.testing.assert_array_equal(one.confidence, two.confidence)
    np.testing.assert_array_equal(drive(read_latent(one)), drive(read_latent(two)))
    assert read_manifest(run).finish_reason == "finished"
    assert {p.name for p in run.iterdir()} == {"run.json", "patches.zarr", "model"}
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


def _check_stopped(code: int, said: str, number: signal.Signals) -> None:
    if number == signal.SIGINT:
        assert code == 130
        assert said == "Interrupted: the same command goes on where it stopped."
    else:
        assert code == -signal.SIGKILL
