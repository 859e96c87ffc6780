"""The five stains: what each colours, how strongly, and the glass around.

Colours are mixed as light is absorbed (Beer and Lambert): the optical densities of the dyes add up, channel
by channel, and the picture is the light of the glass times ten to minus their sum. The vectors were set by
eye after haematoxylin, eosin, DAB and the two dyes of Masson's trichrome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PARTS = ("nucleus", "cytoplasm", "collagen", "muscle", "erythrocyte", "keratin", "endothelium", "cycling")
"""What a stain can colour: the rows of `Stain.densities`."""

NUCLEUS, CYTOPLASM, COLLAGEN, SMOOTH_MUSCLE, ERYTHROCYTE, KERATIN, ENDOTHELIUM, IN_CYCLE = range(8)


@dataclass(frozen=True, eq=False)
class Stain:
    """One stain.

    Parameters
    ----------
    name : str
        Canonical name.
    densities : (8, 3) float32
        Optical density in R, G, B of one unit of each part.
    glass, padding : (int, int, int)
        Colour of the empty slide, and of the canvas where nothing was scanned.
    turn_deg : float
        Turn of the scanned area on the canvas.
    holes : int
        Square areas that the scanner missed.
    """

    name: str
    densities: NDArray[np.float32]
    glass: tuple[int, int, int]
    padding: tuple[int, int, int]
    turn_deg: float
    holes: int = 0


def _densities(*rows: tuple[float, float, float]) -> NDArray[np.float32]:
    table = np.array(rows, np.float32)
    table.flags.writeable = False
    return table


_WHITE = (255, 255, 255)

STAINS = (
    Stain(
        "HE",
        _densities(
            (0.56, 0.62, 0.26), (0.07, 0.28, 0.12), (0.03, 0.19, 0.08), (0.05, 0.36, 0.16),
            (0.05, 0.52, 0.36), (0.16, 0.34, 0.13), (0.10, 0.25, 0.11), (0.0, 0.0, 0.0),
        ),
        (232, 230, 236), (190, 190, 202), 3.0,
    ),
    Stain(
        "CD31",
        _densities(
            (0.36, 0.25, 0.10), (0.06, 0.05, 0.03), (0.03, 0.03, 0.03), (0.06, 0.07, 0.06),
            (0.06, 0.10, 0.14), (0.08, 0.07, 0.04), (0.34, 0.62, 0.88), (0.0, 0.0, 0.0),
        ),
        (246, 244, 241), _WHITE, -2.4,
    ),
    Stain(
        "CK19",
        _densities(
            (0.36, 0.25, 0.10), (0.06, 0.05, 0.03), (0.03, 0.03, 0.03), (0.05, 0.05, 0.04),
            (0.05, 0.08, 0.11), (0.33, 0.58, 0.86), (0.04, 0.04, 0.04), (0.0, 0.0, 0.0),
        ),
        (246, 244, 240), _WHITE, 2.1,
    ),
    Stain(
        "Ki67",
        _densities(
            (0.34, 0.24, 0.10), (0.06, 0.08, 0.09), (0.03, 0.03, 0.04), (0.05, 0.06, 0.06),
            (0.06, 0.09, 0.13), (0.07, 0.08, 0.07), (0.04, 0.05, 0.05), (0.30, 0.62, 0.92),
        ),
        (246, 245, 242), _WHITE, -3.3, holes=5,
    ),
    Stain(
        "MT",
        _densities(
            (0.50, 0.62, 0.40), (0.16, 0.52, 0.32), (0.56, 0.28, 0.10), (0.10, 0.58, 0.38),
            (0.05, 0.58, 0.66), (0.20, 0.50, 0.28), (0.28, 0.36, 0.22), (0.0, 0.0, 0.0),
        ),
        (247, 243, 243), _WHITE, 1.6,
    ),
)  # fmt: skip
"""HE first: it is the reference, and the truth lies on it exactly."""
