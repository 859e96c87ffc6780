"""Which processor computes, and in which arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from napari_histoclust.core.errors import SettingError
from napari_histoclust.core.settings import ComputeSettings

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(settings: ComputeSettings) -> torch.device:
    """Return the processor that `settings.device` names; auto takes cuda, then mps, then the CPU.

    Raises
    ------
    HistoclustError
        If PyTorch does not see the one asked for.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if settings.device == "auto":
        return torch.device(next(name for name, usable in there.items() if usable))
    if not there[settings.device]:
        raise SettingError(
            "{device} {}: PyTorch {} sees no such processor here: choose {device} auto or cpu, or install "
            "the PyTorch build for your card.",
            settings.device,
            torch.__version__,
        )
    return torch.device(settings.device)


def choose_precision(settings: ComputeSettings, device: torch.device) -> torch.dtype:
    """Return the number format for activations; weights and sums stay in 32 bits.

    auto takes bfloat16 where the processor multiplies it natively (2.5 times the rate of 32 bits on a Zen 4
    core, and slower than 32 bits on a CPU that only emulates it), float16 on older NVIDIA cards.

    Raises
    ------
    HistoclustError
        If float16 is asked for on a CPU, where PyTorch cannot train in it.
    """
    if settings.precision == "auto":
        return _native_precision(device)
    if settings.precision == "float16" and device.type == "cpu":
        raise SettingError("{precision} float16: not for the CPU, choose {precision} auto.")
    return _DTYPES[settings.precision]


def _native_precision(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else torch.float16
    if device.type == "cpu" and _multiplies_bfloat16():
        return torch.bfloat16
    return torch.float32


def _multiplies_bfloat16() -> bool:
    """Whether this CPU has bfloat16 multiply instructions, as far as PyTorch can tell (2.10 or later)."""
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "sve_bf16"))


def on_card(pixels: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return the pixels on the graphics card, if half of what is free there holds them."""
    if device.type != "cuda":
        return pixels
    free, _ = torch.cuda.mem_get_info(device)
    return pixels.to(device) if pixels.nbytes < free / 2 else pixels


@contextmanager
def readable_memory_errors() -> Iterator[None]:
    """Turn "out of memory" on a graphics card into a sentence that names what to lower.

    Raises
    ------
    HistoclustError
        In place of torch.cuda.OutOfMemoryError.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise SettingError(
            "{batch}: the graphics card is out of memory, give a smaller {batch} or {device} cpu."
        ) from error
