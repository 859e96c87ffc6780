"""Networks that the user brings: a TorchScript file, or a model of timm where that is installed.

Pathology encoders (UNI, Virchow, Phikon and the like) are gated: whoever has the right to one names it here.
Nothing is unpickled: TorchScript is read by `torch.jit.load`, weights from safetensors.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from napari_histoclust.core.config import ENCODERS
from napari_histoclust.core.errors import HistoclustError, SettingError
from napari_histoclust.core.model.encoder import EncoderRecord, FrozenIdentity, split_side
from napari_histoclust.core.model.frozen import FrozenEncoder, FrozenNetwork, check_file, checksum_of_file

if TYPE_CHECKING:
    from napari_histoclust.core.model.spec import ModelSpec

FOLDER_VARIABLE = "HISTOCLUST_NETWORKS"
_SUFFIXES = (".pt", ".pth", ".pts", ".ts", ".torchscript")
_TIMM = "timm:"
_USUAL_PX = 224

Load = Callable[[str, str | None, int], tuple[FrozenNetwork, str]]
"""Takes name, checksum (None: any) and side; returns the network and its checksum."""


def brought(name: str) -> EncoderRecord:
    """Return the record of "timm:NAME", "timm:NAME=WEIGHTS.safetensors" or the path of a TorchScript file.

    Raises
    ------
    HistoclustError
        If it is neither.
    """
    if name.startswith(_TIMM) and len(name) > len(_TIMM):
        architecture, mark, weights = name.partition("=")
        whole = f"{architecture}={_whole_path(weights)}" if mark else name
        return _record(whole, _load_timm, "a network of timm, as it was trained elsewhere.")
    if Path(name).suffix.lower() in _SUFFIXES:
        # the whole path, as a bundle is used in other folders
        return _record(
            str(Path(name).expanduser().absolute()), _load_script, "a network in a TorchScript file."
        )
    raise SettingError(
        "{encoder} {}: unknown, choose among {}, timm:NAME, or give the path of a TorchScript file ({}).",
        name,
        ", ".join(ENCODERS),
        ", ".join(_SUFFIXES),
    )


def _whole_path(name: str) -> str:
    """Return the path that a bundle keeps, as it is used in other folders."""
    return str(Path(name).expanduser().absolute())


def _record(name: str, load: Load, text: str) -> EncoderRecord:
    return EncoderRecord(
        help=text,
        make=partial(_make, load),
        input_px=_USUAL_PX,
        identify=partial(_identify, load),
        value=name,
    )


def _make(load: Load, spec: ModelSpec) -> FrozenEncoder:
    assert spec.frozen is not None, "the pipeline has identified it"
    name, expected = split_side(spec.encoder)[0], spec.frozen.sha256
    return FrozenEncoder(
        len(spec.stains), spec.input_px, spec.frozen, lambda: load(name, expected, spec.input_px)[0]
    )


def _identify(load: Load, value: str) -> FrozenIdentity:
    name, side = split_side(value)
    side = side or _USUAL_PX
    network, checksum = load(name, None, side)
    with torch.inference_mode():
        width = network.answer(torch.ones(1, 3, side, side)).shape[1]
    return FrozenIdentity(sha256=checksum, width=width)


def find_file(name: str) -> Path:
    """Return where a network's file lies: at its path, else in the folder that HISTOCLUST_NETWORKS names.

    Raises
    ------
    HistoclustError
        If it lies in neither.
    """
    path = Path(name)
    folder = os.environ.get(FOLDER_VARIABLE)
    places = [path, Path(folder) / path.name] if folder else [path]
    for place in places:
        if place.is_file():
            return place
    raise HistoclustError(
        f"{path}: no such file: the encoder is this network; put it back, or into a folder that the "
        f"environment variable {FOLDER_VARIABLE} names."
    )


def _load_script(name: str, expected: str | None, _: int) -> tuple[FrozenNetwork, str]:
    path = find_file(name)
    if expected is not None:
        check_file(path, expected, "put the former file there, or fit the model again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # its successor cannot be read without pickle
            module = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, OSError) as error:
        raise HistoclustError(
            f"{path}: is no TorchScript file: write one with torch.jit.save(torch.jit.trace(network, "
            f"example), path)."
        ) from error
    return FrozenNetwork(module.eval()), expected or checksum_of_file(path)


def _load_timm(name: str, expected: str | None, side: int) -> tuple[FrozenNetwork, str]:
    try:
        timm: Any = import_module("timm")
    except ImportError as error:
        raise HistoclustError(
            f"The encoder {name} needs the package timm, which is not installed here: pip install timm."
        ) from error
    except Exception as error:  # such as a torchvision that was built for another PyTorch
        raise HistoclustError(
            f"The encoder {name}: timm cannot be imported ({_first_words(error)})."
        ) from error
    architecture, _, weights = name.removeprefix(_TIMM).partition("=")
    try:
        network = timm.create_model(architecture, pretrained=not weights, num_classes=0)
        configuration = timm.data.resolve_data_config({"input_size": (3, side, side)}, model=network)
    except Exception as error:  # whatever timm and its hub raise: unknown name, gated, offline
        raise HistoclustError(f"{name}: timm cannot make it ({_first_words(error)}).") from error
    if weights:
        _take_weights(network, find_file(weights))
    network = network.eval().requires_grad_(False)
    checksum = _checksum_of_weights(network)
    if expected is not None and expected != checksum:
        raise HistoclustError(
            f"{name}: has other weights here than the model was made with (SHA-256 {checksum[:12]}… in place "
            f"of {expected[:12]}…): give timm the former ones, or fit the model again."
        )
    return FrozenNetwork(network, tuple(configuration["mean"]), tuple(configuration["std"])), checksum


def _first_words(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _take_weights(network: torch.nn.Module, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        kept = network.load_state_dict(load_file(path), strict=False)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise HistoclustError(f"{path}: does not hold this network's weights as safetensors.") from error
    if kept.missing_keys:
        raise HistoclustError(f"{path}: lacks the weight {kept.missing_keys[0]}, it is of another network.")


def _checksum_of_weights(network: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
