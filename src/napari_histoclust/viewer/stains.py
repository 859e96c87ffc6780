"""Which stain is seen: one, or two blended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from psygnal import Signal

if TYPE_CHECKING:
    from napari.layers import Layer


class Stains:
    """The image layers of one slide, of which one or two are visible.

    Flicking changes visibility alone: place, zoom and what the user set on a layer stay.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._layers: dict[str, Layer] = {}
        self.names: tuple[str, ...] = ()
        self.shown = ""
        self.blended = ""
        self.share = 0.0

    @property
    def shown_layer(self) -> Layer | None:
        """The layer of the stain that is seen."""
        return self._layers.get(self.shown)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of all stains."""
        return tuple(self._layers.values())

    def take_up(self, names: tuple[str, ...], layers: Mapping[str, Layer]) -> None:
        """Begin with the layers of another slide; the stain seen before is seen again if there is one."""
        self.names, self._layers = names, dict(layers)
        visible = next((name for name, layer in layers.items() if layer.visible), "")
        self.blended, self.share = "", 0.0
        self.show(self.shown if self.shown in layers else visible)

    def show(self, stain: str) -> None:
        """See one stain alone."""
        self.blend(stain, "", 0.0)

    def show_number(self, number: int) -> None:
        """See the stain at a place in the order of the slide, 0 and up; nothing where there is none."""
        if number < len(self.names):
            self.show(self.names[number])

    def blend(self, stain: str, other: str, share: float) -> None:
        """See `stain` with `share` (0..1) of `other` over it."""
        self.shown, self.share = stain, share
        self.blended = other if other != stain else ""
        above = self._upper(stain, self.blended)
        for name, layer in self._layers.items():
            layer.visible = name == stain or (name == self.blended and share > 0)
            layer.opacity = 1.0
        if self.blended and share > 0:
            layer = self._layers[above]
            layer.opacity = share if above == self.blended else 1 - share
        self.changed.emit()

    def _upper(self, stain: str, other: str) -> str:
        """Return which of two stains napari draws over the other; layers stand in drawing order."""
        return next((name for name in reversed(self._layers) if name in (stain, other)), stain)
