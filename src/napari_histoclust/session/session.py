"""The results at hand, and which of them fall when another one changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_histoclust.core.run.edits import ClusterEdits, edited, scored
from napari_histoclust.session.palette import Palette
from napari_histoclust.session.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_histoclust.core.alignment import StainAlignment
    from napari_histoclust.core.config import Preset
    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.stack import Stack


CLUSTER = "cluster"
"""What plot and map are coloured by at first; `COLOUR_BYS` names the others."""


class Aspect(Enum):
    """What of a session can change."""

    STACKS = auto()
    SLIDE = auto()
    MODEL = auto()
    RUN = auto()
    PALETTE = auto()
    SELECTION = auto()
    FOCUS = auto()
    COLOUR_BY = auto()
    SAVED = auto()


@dataclass
class Typed:
    """What stands in the forms of the model dock, usable or not."""

    preset: Preset
    fit: Mapping[str, Any]
    mapping: Mapping[str, Any]


@dataclass
class Notes:
    """What a dock that is opened again shows as before. Nothing of it is saved with a run.

    Attributes
    ----------
    folder : Path
        Where the user chose files last.
    typed : Typed or None
        None until something was typed.
    choose_k_folder : Path or None
        The last comparison of numbers of clusters.
    alignments : WeakKeyDictionary of Stack to tuple of StainAlignment
        The slides that were checked.
    gallery_order : str
        In which order the gallery shows patches.
    gallery_side : int or None
        Side of its thumbnails in px; None: as fits.
    """

    folder: Path = field(default_factory=Path.home)
    typed: Typed | None = None
    choose_k_folder: Path | None = None
    alignments: WeakKeyDictionary[Stack, tuple[StainAlignment, ...]] = field(
        default_factory=WeakKeyDictionary
    )
    gallery_order: str = "typical"
    gallery_side: int | None = None


class Session:
    """Stacks, model and run, with the selection and the palette of the run.

    Results are frozen and told apart by identity, never by comparing their arrays. A run is computed from
    the stacks and the model, so that new stacks or another model drop it; a model outlives the stacks,
    because it may be laid over other slides.

    Attributes
    ----------
    selection : Selection
        Patches of the run; the same object for the session's whole life, emptied with each new run.
    palette : Palette
        Names and colours of the run's clusters; likewise.
    notes : Notes
        What the docks keep for as long as the session lives.
    saved_version : str
        `edits_version` of what the edits began with, or were saved as.

    Signals
    -------
    changed : frozenset of Aspect
        Everything that one call has changed, once all of it stands.
    """

    changed = Signal(object)

    def __init__(self) -> None:
        self._stacks: tuple[Stack, ...] = ()
        self._slide = 0
        self._model: Model | None = None
        self._run: Run | None = None
        self.selection = Selection(0)
        self.palette = Palette(())
        self._focus: int | None = None
        self._colour_by = CLUSTER
        self._saved_edits = self.palette.state
        self.saved_version = ""
        self._scored: tuple[Run, Run] | None = None
        self.notes = Notes()
        self.selection.changed.connect(self._on_selection_changed)
        self.palette.changed.connect(self._on_palette_changed)

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """The slides at hand; those of the run, in its order, where there is a run."""
        return self._stacks

    @property
    def slide(self) -> int:
        """Position in `stacks` of the one that is shown."""
        return self._slide

    @property
    def stack(self) -> Stack | None:
        """The slide that is shown; None where there is none, or its images have moved."""
        return self._stacks[self._slide] if self._slide < len(self._stacks) else None

    @property
    def model(self) -> Model | None:
        """The trained model."""
        return self._model

    @property
    def run(self) -> Run | None:
        """The labelled patches."""
        return self._run

    @property
    def focus(self) -> int | None:
        """Patch id that was pointed at last: ringed in the plot and on the tissue."""
        return self._focus

    @property
    def colour_by(self) -> str:
        """What plot and map are coloured by: "cluster", "confidence", "slide" or the name of a stain."""
        return self._colour_by

    @property
    def has_unsaved_edits(self) -> bool:
        """Whether names, colours, merges or splits differ from what the run folder holds."""
        now, then = self.palette.state, self._saved_edits
        are_of_k = 0 < now.k == len(now.names)  # then K alone decides the labels
        return self._run is not None and (now != then or not (are_of_k or now.labels is then.labels))

    def set_focus(self, patch: int | None) -> None:
        """Point at a patch, or at none."""
        if patch != self._focus:
            self._focus = patch
            self._notify(Aspect.FOCUS)

    def set_colour_by(self, name: str) -> None:
        """Colour plot and map by something else."""
        if name != self._colour_by:
            self._colour_by = name
            self._notify(Aspect.COLOUR_BY)

    def load_edits(self, edits: ClusterEdits) -> None:
        """Show the clusters as they were saved."""
        self.palette.load(edits)
        self._saved_edits = edits
        self.palette.changed.emit()

    def mark_saved(self) -> None:
        """Note that the present edits are in the run folder."""
        self._saved_edits = self.palette.state
        self._notify(Aspect.SAVED)

    @property
    def scored_run(self) -> Run | None:
        """The run with the confidence of the number of clusters that is shown, one and the same for each."""
        run, edits = self._run, self.palette.state
        if run is None or not edits.k:
            return run
        before, shown = self._scored or (None, None)
        if shown is None or before is not run or shown.confidence is not edits.confidence:
            shown = scored(run, edits)
            self._scored = run, shown
        return shown

    def edited_run(self) -> Run | None:
        """Return the run as it is shown: named, merged and split; what exports and figures are made of."""
        return None if self._run is None else edited(self._run, self.palette.state)

    def set_stacks(self, stacks: Sequence[Stack]) -> None:
        """Load other slides."""
        self._load(tuple(stacks), self._model, None)

    def set_model(self, model: Model | None) -> None:
        """Load another model."""
        self._load(self._stacks, model, None)

    def set_run(self, run: Run | None) -> None:
        """Load a run of the present stacks and model.

        The same run read again, such as with an embedding, keeps the selection and the palette.
        """
        self._load(self._stacks, self._model, run)

    def load(self, run: Run, stacks: Sequence[Stack], model: Model | None = None) -> None:
        """Load a run together with the slides, and the model, that it came from."""
        self._load(tuple(stacks), model, run)

    def show_slide(self, slide: int) -> None:
        """Show another of the slides; a run whose images have moved has slides too.

        Raises
        ------
        IndexError
            If there is no such slide.
        """
        count = len(self._stacks) or (0 if self._run is None else len(self._run.slides))
        if not 0 <= slide < count:
            raise IndexError(f"slide {slide} of {count}")
        if slide != self._slide:
            self._slide = slide
            self._notify(Aspect.SLIDE)

    def _load(self, stacks: tuple[Stack, ...], model: Model | None, run: Run | None) -> None:
        """Put the three in place, drop what belonged to those before, then notify."""
        if len(stacks) == len(self._stacks) and all(map(is_, stacks, self._stacks)):
            stacks = self._stacks
        before = {Aspect.STACKS: self._stacks, Aspect.MODEL: self._model, Aspect.RUN: self._run}
        now = {Aspect.STACKS: stacks, Aspect.MODEL: model, Aspect.RUN: run}
        changed = {aspect for aspect, value in now.items() if value is not before[aspect]}
        if Aspect.STACKS in changed:
            self._slide = 0
            changed.add(Aspect.SLIDE)
        if not _same_labels(self._run, run):
            self.selection.reset(0 if run is None else len(run))
            self._reset_palette(run)
            self.saved_version = ""
            self._focus, self._colour_by = None, CLUSTER
            changed |= {Aspect.PALETTE, Aspect.SELECTION, Aspect.FOCUS, Aspect.COLOUR_BY}
        self._stacks, self._model, self._run = stacks, model, run
        if changed:
            self._notify(*changed)

    def _notify(self, *changed: Aspect) -> None:
        self.changed.emit(frozenset(changed))

    def _on_selection_changed(self) -> None:
        self._notify(Aspect.SELECTION)

    def _on_palette_changed(self) -> None:
        self._notify(Aspect.PALETTE)

    def _reset_palette(self, run: Run | None) -> None:
        if run is None:
            self.palette.reset(())
        else:
            self.palette.reset(run.clusters, run.labels)
        self._saved_edits = self.palette.state


def _same_labels(before: Run | None, after: Run | None) -> bool:
    """Whether row i is the same patch with the same label in both, without a look at the arrays."""
    if before is None or after is None:
        return before is after
    return before.path == after.path and before.manifest.fingerprint == after.manifest.fingerprint
