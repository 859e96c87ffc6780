"""One stain seen, or two blended, on real layers."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_histoclust.viewer.stains import Stains


@pytest.fixture
def layers() -> dict[str, Image]:
    """Lowest first, as the viewer draws them: MT, CD31, HE."""
    return {
        name: Image(np.zeros((4, 4, 3), np.uint8), name=name, visible=name == "HE")
        for name in ("MT", "CD31", "HE")
    }


@pytest.fixture
def stains(layers: dict[str, Image]) -> Stains:
    stains = Stains()
    stains.take_up(("HE", "CD31", "MT"), layers)
    return stains


def seen(layers: dict[str, Image]) -> dict[str, float]:
    return {name: round(float(layer.opacity), 6) for name, layer in layers.items() if layer.visible}


def test_the_reference_is_seen_first(stains: Stains, layers: dict[str, Image]) -> None:
    assert stains.shown == "HE"
    assert seen(layers) == {"HE": 1.0}


def test_numbers_follow_the_order_of_the_slide(stains: Stains, layers: dict[str, Image]) -> None:
    stains.show_number(1)
    assert seen(layers) == {"CD31": 1.0}
    stains.show_number(4)  # there are three
    assert stains.shown == "CD31"


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
@pytest.mark.parametrize(("stain", "other"), [("HE", "MT"), ("MT", "HE"), ("CD31", "HE")])
def test_a_blend_mixes_by_the_share_whichever_lies_above(
    stains: Stains, layers: dict[str, Image], stain: str, other: str, share: float
) -> None:
    stains.blend(stain, other, share)
    weight, left = {}, 1.0
    for name in reversed(layers):  # topmost first; each lets through what its opacity leaves
        if layers[name].visible:
            weight[name] = left * layers[name].opacity
            left *= 1 - layers[name].opacity
    assert weight.get(other, 0.0) == pytest.approx(share)
    assert weight[stain] == pytest.approx(1 - share)


def test_another_slide_shows_the_same_stain(stains: Stains) -> None:
    stains.show("MT")
    others = {name: Image(np.zeros((4, 4, 3), np.uint8), visible=name == "HE") for name in ("MT", "HE")}
    stains.take_up(("HE", "MT"), others)
    assert seen(others) == {"MT": 1.0}
    without = {"HE": Image(np.zeros((4, 4, 3), np.uint8))}
    stains.take_up(("HE",), without)
    assert seen(without) == {"HE": 1.0}
