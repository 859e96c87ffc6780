from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_histoclust.core.model.network import Network, latent_vectors


def _size(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _random_network(seed: int = 0, stains: int = 2, clusters: int = 3, input_px: int = 32) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(stains, clusters, input_px)


def test_parameter_counts_of_the_paper() -> None:
    network = Network(stains=5, clusters=14)
    assert _size(network.encoder) == 907_267
    assert _size(network.classifier) == 280_846
    assert _size(network.decoder) == 535_347


def test_names_and_shapes_are_those_of_the_published_checkpoints(shared_data: Path) -> None:
    published = {}
    for file in sorted((shared_data / "kpc_model_128").glob("*.ckpt")):
        published |= torch.load(file, map_location="cpu", weights_only=True)
    ours = Network(stains=5, clusters=14).state_dict()
    assert {name: t.shape for name, t in ours.items()} == {name: t.shape for name, t in published.items()}


@pytest.mark.parametrize("input_px", [32, 64])
@pytest.mark.parametrize("stains", [1, 5])
def test_shapes_of_one_pass(input_px: int, stains: int) -> None:
    network = Network(stains, 7, input_px).eval()
    pictures = torch.rand(2, 3 * stains, input_px, input_px)
    output = network(pictures)
    assert output.hidden.shape == (2, 128, input_px // 16, input_px // 16)
    assert output.logits.shape == (2, 7, 1, 1)
    assert output.picture.shape == pictures.shape
    assert 0 <= output.picture.min() <= output.picture.max() <= 1


def test_one_pass_over_two_views_is_two_passes() -> None:
    plain, changed = torch.rand(2, 8, 6, 32, 32)
    together, apart = _random_network(), _random_network()
    both = together.encoder(torch.cat([plain, changed]), views=2)
    logits = together.classifier(both, views=2)
    passes = [apart.encoder(plain), apart.encoder(changed)]
    torch.testing.assert_close(both, torch.cat(passes), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(logits, torch.cat([apart.classifier(h) for h in passes]), atol=1e-5, rtol=1e-4)
    running = apart.state_dict()
    for name, tensor in together.state_dict().items():
        torch.testing.assert_close(tensor, running[name], atol=1e-5, rtol=1e-4)


def test_pooled_statistics_would_not_be_two_passes() -> None:
    """Show that the test above can fail: BatchNorm over both views at once gives something else."""
    plain, changed = torch.rand(8, 6, 32, 32), torch.rand(8, 6, 32, 32) ** 4
    network = _random_network()
    by_view = network.encoder(torch.cat([plain, changed]), views=2)
    pooled = network.encoder(torch.cat([plain, changed]), views=1)
    assert (by_view - pooled).abs().max() > 0.1


def test_latent_vector_is_the_mean_softmax() -> None:
    hidden = torch.randn(3, 128, 2, 2) * 4
    slow = torch.stack(
        [
            sum(torch.exp(h[:, y, x]) / torch.exp(h[:, y, x]).sum() for y in range(2) for x in range(2)) / 4
            for h in hidden
        ]
    )
    torch.testing.assert_close(latent_vectors(hidden), slow)
    torch.testing.assert_close(latent_vectors(hidden.bfloat16()).sum(dim=1), torch.ones(3))
