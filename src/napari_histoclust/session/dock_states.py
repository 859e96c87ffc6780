"""What each dock shows of a session, as a frozen state that is made without Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_histoclust.core.atomic import read_json
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.model.card import card_summary
from napari_histoclust.core.validation.measures import measures
from napari_histoclust.session.colouring import captions
from napari_histoclust.session.forms.numbers import format_scale, format_side
from napari_histoclust.session.next_step import Step, fit_hindrance, map_hindrance, map_warning, next_step
from napari_histoclust.session.summary import summary_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_histoclust.core.alignment import StainAlignment
    from napari_histoclust.core.model.spec import ModelSpec
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.stack import Stack
    from napari_histoclust.session.session import Session

Document = Mapping[str, Any]

NO_MODEL = "There is no model yet. Train one on the slides, or load one trained for the same stains."
NO_SLIDES = (
    "There are no slides yet. Add the folder that holds one image a stain of the same piece of tissue, or "
    "drop it here. To try the program without slides of your own, take the sample slide."
)
IMAGES_MOVED = (
    "The images of this run are not where they were, or are others. Its clusters, plot and table can be seen "
    "all the same. Find slides looks for the images in another folder."
)
NOTHING_TO_JUDGE = (
    "There is no run yet. Map the slides, or open a run folder; then its clusters can be judged here."
)
NOTHING_TO_SAVE = "There is no run yet. Map a slide, or open a run folder, in the other tabs."


@dataclass(frozen=True)
class SlidesState:
    """What the dock of slides shows; `hint` is empty where slides are, `alignment` None unless checked."""

    stacks: tuple[Stack, ...]
    slide: int
    hint: str
    is_next: bool
    hindrances: Mapping[str, str]
    can_remove: bool
    can_find: bool
    alignment: tuple[Stack, tuple[StainAlignment, ...]] | None


def resolve_slides(session: Session, is_busy: bool) -> SlidesState:
    """Return what the dock of slides shows; while a job works on the slides, none can be removed."""
    stack = session.stack
    lines = None if stack is None else session.notes.alignments.get(stack)
    return SlidesState(
        stacks=session.stacks,
        slide=session.slide,
        hint="" if session.stacks else NO_SLIDES if session.run is None else IMAGES_MOVED,
        is_next=next_step(session) == "slides",
        hindrances={"check": "" if session.stacks else "Add slides first."},
        can_remove=bool(session.stacks) and not is_busy,
        can_find=session.run is not None and not session.stacks,
        alignment=None if stack is None or lines is None else (stack, lines),
    )


@dataclass(frozen=True)
class ModelState:
    """What the dock of models shows; `hindrances` is by job, "train" and so on, empty where there is none."""

    um_per_px: float | None
    hindrances: Mapping[str, str]
    next_step: Step
    note: str
    description: Mapping[str, str]
    history: Sequence[Mapping[str, float]]


def resolve_model(session: Session) -> ModelState:
    """Return what the dock of models shows."""
    spec = None if session.model is None else session.model.spec
    unusable = (map_hindrance(session) or map_warning(session)) if session.stacks else ""
    return ModelState(
        um_per_px=session.stacks[0].um_per_px if session.stacks else None,
        hindrances={
            "train": fit_hindrance(session),
            "everything": fit_hindrance(session),
            "save": NO_MODEL if spec is None else "",
            "map": map_hindrance(session),
            "embed": "Map the slides first." if session.run is None else "",
        },
        next_step=next_step(session),
        note=NO_MODEL if spec is None else f"⚠ {unusable}" if unusable else "",
        description={} if spec is None else describe_model(spec),
        history=() if spec is None else spec.history,
    )


def doubts(run: Run) -> tuple[str, ...]:
    """Return what is to be known before the labels of slides without a stain, or of others, are believed."""
    slides = [
        slide for slide in run.manifest.slides if slide.missing or (slide.drift or {}).get("is_outside")
    ]
    return tuple(f"{slide.name}: {warning}" for slide in slides for warning in slide.warnings)


def describe_model(spec: ModelSpec) -> Mapping[str, str]:
    """Return what there is to know of a model, caption and text, in the order of importance."""
    files = len(spec.trained_on)
    epochs = int(spec.history[-1]["epoch"]) if spec.history else spec.settings.epochs
    is_trained = spec.format < 3 or bool(spec.history)
    return {
        "Stains": ", ".join(spec.stains),
        "Clusters": str(spec.clusters),
        **({} if spec.settings.method == "autoencoder" else {"Encoder": spec.encoder}),
        "Patch": format_side(spec.patch_px, spec.um_per_px),
        "Scale": format_scale(spec.um_per_px),
        "Trained on": f"{files} image{'s' if files > 1 else ''}" if files else spec.source,
        "Epochs": f"{epochs:,}" if is_trained else "none: the encoder is not trained",
        "Made": spec.created.replace("T", " ")[:16],
        **({} if spec.card is None else {"Labels kept": "\n".join(card_summary(spec.card))}),
    }


@dataclass(frozen=True)
class ValidationState:
    """What the dock of validation shows; `note` is a sentence of the core, or what there is to do."""

    hindrances: Mapping[str, str]
    indices: Document | None
    note: str
    comparison: Document | None


def resolve_validation(
    session: Session, indices: Document | None, comparison: Document | None
) -> ValidationState:
    """Return what the dock of validation shows, with what `read_indices` and `read_comparison` return."""
    hindrance = NOTHING_TO_JUDGE if session.run is None else ""
    not_yet = hindrance or "The indices of this run have not been computed."
    return ValidationState(
        hindrances={"validate": hindrance, "compare": fit_hindrance(session)},
        indices=indices,
        note=not_yet if indices is None else titled(indices.get("sentence", "")),
        comparison=comparison,
    )


def read_indices(run: Run | None) -> Document | None:
    """Return the indices in the folder of a run, None where there are none."""
    return None if run is None else _read_document(run.path / "validation.json", "indices")


def read_comparison(folder: Path | None) -> Document | None:
    """Return the comparison of numbers of clusters in a folder, None where there is none."""
    return None if folder is None else _read_document(folder / "choose_k.json", "figures")


def answered(comparison: Document | None) -> tuple[str, str]:
    """Return what a comparison answers, a range of K with its reasons, and the rest of what it says."""
    if comparison is None:
        return "", ""
    answer = str((comparison.get("range") or {}).get("sentence", ""))
    return titled(answer), titled(str(comparison["sentence"]).removeprefix(answer).strip())


def titled(sentence: str) -> str:
    """Return a sentence of the core with the measures by their titles."""
    for measure in measures().values():
        sentence = sentence.replace(measure.name, measure.title)
    return sentence


def _read_document(path: Path, key: str) -> Document | None:
    """Read a small document; a missing or damaged one is computed again."""
    if not path.is_file():
        return None
    try:
        document = read_json(path)
    except HistoclustError:
        return None
    return document if isinstance(document, dict) and key in document else None


@dataclass(frozen=True)
class ResultsState:
    """What the dock of results shows."""

    has_run: bool
    location: str
    save_caption: str
    hindrances: Mapping[str, str]
    stains: tuple[str, ...]


def resolve_results(session: Session, has_format: bool, is_of_selection: bool) -> ResultsState:
    """Return what the dock of results shows.

    Parameters
    ----------
    session : Session
    has_format : bool
        Whether a format is ticked.
    is_of_selection : bool
        Whether the selected patches alone are to be exported.
    """
    run = session.run
    hindrance = "There is no run yet." if run is None else ""
    export_hindrance = hindrance
    if not has_format:
        export_hindrance = hindrance or "Tick at least one format."
    elif is_of_selection and not len(session.selection):
        export_hindrance = hindrance or "Nothing is selected: choose some patches on the plot or the tissue."
    return ResultsState(
        has_run=run is not None,
        location=NOTHING_TO_SAVE if run is None else f"{len(run):,} patches in\n{run.path}",
        save_caption="Save *" if session.has_unsaved_edits else "Save",
        hindrances={"copy": hindrance, "export": export_hindrance},
        stains=() if run is None else run.stains,
    )


@dataclass(frozen=True)
class ScatterState:
    """What the plot shows; `colours` is what decides them."""

    run: Run | None
    colours: tuple[object, ...]
    names: tuple[str, ...]
    selection: NDArray[np.bool_]
    focus: int | None


def resolve_scatter(session: Session) -> ScatterState:
    """Return what the plot shows."""
    edits = session.palette.state
    return ScatterState(
        run=session.run,
        colours=(session.colour_by, edits.colours, edits.shown_as, edits.hidden, id(edits.labels)),
        names=edits.names,
        selection=session.selection.mask,
        focus=session.focus,
    )


@dataclass(frozen=True)
class GalleryState:
    """What the gallery shows besides the patches, which come later; `colours` is what decides them."""

    run: Run | None
    colours: tuple[object, ...]
    focus: int | None


def resolve_gallery(session: Session) -> GalleryState:
    """Return what the gallery shows."""
    edits = session.palette.state
    return GalleryState(session.run, (edits.colours, edits.shown_as, id(edits.labels)), session.focus)


@dataclass(frozen=True)
class BarState:
    """What the bar above the canvas shows; `map` is what the patches on the canvas belong to."""

    colour_bys: Mapping[str, str]
    map: tuple[Run | None, int]
    colour_by: str
    status: str


def resolve_bar(session: Session) -> BarState:
    """Return what the bar above the canvas shows."""
    status = "" if session.run is None else "Click the tissue or sweep over the plot to choose patches."
    return BarState(
        colour_bys=captions(session.run),
        map=(session.run, session.slide),
        colour_by=session.colour_by,
        status=str(summary_of(session)) if len(session.selection) else status,
    )
