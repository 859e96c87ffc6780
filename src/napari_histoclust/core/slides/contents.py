"""What a path holds, before it is checked and becomes a stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_histoclust.core.slides.protocol import Slide


@dataclass(frozen=True, eq=False)
class Found:
    """Stains found under a path.

    Parameters
    ----------
    name : str
        Name of the stack.
    slides : Mapping[str, Slide]
        Slide of each stain; the stain by its canonical name.
    reference : str or None
        Stain whose frame is the stack's; the first one where nobody says.
    um_per_px : float or None
        Size of a level-0 px where it is stated beside the files.
    warnings : tuple of str
        What the user should know, one sentence each.
    """

    name: str
    slides: Mapping[str, Slide]
    reference: str | None = None
    um_per_px: float | None = None
    warnings: tuple[str, ...] = ()
