"""How fast this machine multiplies and copies, and what the network therefore takes at the least.

    python benchmarks/bench_floor.py [--rounds 7]

The floor of a step is its operations (two for each multiplication in a convolution, forwards and backwards)
over the measured rate of large matrix products. A convolution can be faster than that rate says: the
library of matrix products is not always the best one for the processor, so the rate of the network's own
largest convolution is shown beside it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from napari_histoclust.core.model.network import Network

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def main() -> None:
    rounds = arguments(__doc__, rounds=7).rounds
    network = Network(stains=5, clusters=14)
    encoding, training = (count(network) / 1e9 for count in (encoding_operations, training_operations))
    print(f"{torch.get_num_threads()} threads, PyTorch {torch.__version__}")
    print(f"encoding takes {encoding:.3f} GFLOP a patch, training {training:.3f}")
    print(f"copying: {copy_rate(rounds):.1f} GB/s")
    print(f"{'':10}{'matrix GFLOP/s':>16}{'conv GFLOP/s':>14}{'encode floor/s':>16}{'train floor/s':>15}")
    for name, dtype in PRECISIONS.items():
        rate = matrix_rate(dtype, rounds)
        floors = f"{rate / encoding:16.0f}{rate / training:15.0f}"
        print(f"{name:10}{rate:16.0f}{convolution_rate(dtype, rounds):14.0f}{floors}")


def arguments(description: str | None, **defaults: int) -> argparse.Namespace:
    """Read whole-number options."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def matrix_rate(dtype: torch.dtype, rounds: int = 7, size: int = 2048) -> float:
    """GFLOP/s of a square matrix product, median of the rounds."""
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    a @ b
    return 2e-9 * size**3 / statistics.median(seconds(lambda: a @ b) for _ in range(rounds))


def convolution_rate(dtype: torch.dtype, rounds: int = 7) -> float:
    """GFLOP/s of the encoder's third convolution on 200 patches, channels last."""
    x = torch.randn(200, 128, 16, 16).to(dtype, memory_format=torch.channels_last)
    layer = nn.Conv2d(128, 196, 4, 2, 1).to(dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.inference_mode():
        layer(x)
        time_s = statistics.median(seconds(lambda: layer(x)) for _ in range(rounds))
    return 2e-9 * 200 * 128 * 196 * 16 * 64 / time_s


def copy_rate(rounds: int = 7) -> float:
    """GB/s read and written when 128 MB are copied."""
    source, target = torch.empty(2, 2**25)
    return (
        2e-9 * source.nbytes / statistics.median(seconds(lambda: target.copy_(source)) for _ in range(rounds))
    )


def operations(module: nn.Module, *inputs: torch.Tensor) -> dict[nn.Module, int]:
    """Count the operations of each convolution in one pass."""
    counts: dict[nn.Module, int] = {}

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        counts[layer] = 2 * output.numel() * layer.in_channels * layer.kernel_size[0] ** 2

    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    module.eval()(*inputs)
    for hook in hooks:
        hook.remove()
    return counts


def encoding_operations(network: Network) -> int:
    """Operations to encode and classify a patch."""
    counts = operations(network, torch.rand(1, 15, 64, 64))
    decoder = set(network.decoder.modules())
    return sum(count for layer, count in counts.items() if layer not in decoder)


def training_operations(network: Network) -> int:
    """Operations of a step a patch.

    Forwards, and twice that backwards (to the weights and to the input); both views pass encoder and
    classifier; the first layer's input needs no gradient.
    """
    counts = operations(network, torch.rand(1, 15, 64, 64))
    encoding = encoding_operations(network)
    first = counts[network.encoder.blocks()[0][0]]
    return 2 * (3 * encoding - first) + 3 * (sum(counts.values()) - encoding)


if __name__ == "__main__":
    main()
