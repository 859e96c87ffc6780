"""The robustness card of a model: how many patches keep their cluster when what is no tissue changes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class CardLine(BaseModel):
    """One change of a slide and the share of the patches that keep their cluster.

    Attributes
    ----------
    change : str
        In words: "10 % darker".
    stain : str or None
        The stain that is changed; None where all are.
    kept : float
        Share of the patches, 0..1, when the changed slide is calibrated anew, as every slide is.
    uncalibrated : float
        The same with the calibration of the slide as it was: what the calibration is good for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    change: str
    stain: str | None = None
    kept: Share
    uncalibrated: Share

    @property
    def caption(self) -> str:
        """The change, with the stain that it concerns."""
        return self.change if self.stain is None else f"{self.stain} {self.change}"


class Card(BaseModel):
    """The changes that a model was tried with.

    Attributes
    ----------
    patches : int
        Random patches of the training slides, none of which trained.
    seconds : float
        Time that measuring took.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    patches: int
    seconds: float
    lines: tuple[CardLine, ...]

    def kept_without(self, stain: str) -> float | None:
        """Return the share of patches that keep their cluster where `stain` is missing."""
        return next((line.kept for line in self.lines if line.caption == f"{stain} {MISSING}"), None)


MISSING = "missing"
CARD_HEADER = ("Change", "Kept", "Without calibration")
CARD_WORDS = (
    "Share of {patches:,} patches, none of which trained, that keep their cluster when the slide is changed. "
    "Every slide is calibrated by itself, which takes out light and stain strength: the last column is "
    "without that."
)


def card_rows(card: Card) -> tuple[tuple[str, str, str], ...]:
    """Return the lines as text, in the order of `CARD_HEADER`."""
    return tuple((line.caption, f"{line.kept:.1%}", f"{line.uncalibrated:.1%}") for line in card.lines)


def card_summary(card: Card) -> tuple[str, ...]:
    """Return what to know at a glance: one line for each kind of change, the worst stain of it."""
    worst: dict[str, CardLine] = {}
    for line in card.lines:
        if line.change not in worst or line.kept < worst[line.change].kept:
            worst[line.change] = line
    return tuple(f"{line.kept:.0%} {line.caption}" for line in worst.values())
