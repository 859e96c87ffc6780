from __future__ import annotations

import pytest
import torch

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.model.devices import choose_device, choose_precision, readable_memory_errors
from napari_histoclust.core.settings import ComputeSettings

CPU = torch.device("cpu")


def test_auto_takes_a_processor_that_is_there() -> None:
    device = choose_device(ComputeSettings())
    assert torch.ones(2, device=device).sum() == 2


def test_a_card_that_is_not_there() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a card here")
    with pytest.raises(HistoclustError, match=r"--device cuda: .* sees no such processor"):
        choose_device(ComputeSettings(device="cuda"))


@pytest.mark.parametrize(("name", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_a_precision_asked_for_is_given(name: str, dtype: torch.dtype) -> None:
    assert choose_precision(ComputeSettings.model_validate({"precision": name}), CPU) is dtype


def test_float16_is_not_for_the_cpu() -> None:
    with pytest.raises(HistoclustError, match="--precision float16"):
        choose_precision(ComputeSettings(precision="float16"), CPU)


def test_auto_is_a_precision_that_trains() -> None:
    assert choose_precision(ComputeSettings(), CPU) in (torch.float32, torch.bfloat16)
    assert choose_precision(ComputeSettings(), torch.device("mps")) is torch.float32


def test_memory_errors_name_the_option() -> None:
    with (
        pytest.raises(HistoclustError, match="--batch: the graphics card is out of memory"),
        readable_memory_errors(),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory.")
