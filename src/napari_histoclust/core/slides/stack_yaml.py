"""A stack.yaml: the stains said explicitly, with an affine or a displacement where one is not registered."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.reading import check_name, read_text
from napari_histoclust.core.slides.listing import not_described
from napari_histoclust.core.slides.names import canonical_stain, in_order
from napari_histoclust.core.slides.placed.affine import (
    Matrix,
    Order,
    check_affine,
    in_our_convention,
    read_affine,
)
from napari_histoclust.core.slides.placed.displacement import (
    Displacement,
    Unit,
    padding_between,
    read_displacement,
)
from napari_histoclust.core.slides.placed.position import coordinate_affine
from napari_histoclust.core.slides.placed.warped import WarpedSlide
from napari_histoclust.core.slides.protocol import Slide, StackContents
from napari_histoclust.core.slides.registry import open_slide
from napari_histoclust.core.slides.scale import stated_by_person

# Far more than a slide has. The parser takes a second for 128 KiB, and the square of the depth.
_MOST_BYTES, _MOST_DEPTH, _MOST_ALIASES, _MOST_STAINS = 2**17, 40, 12, 500

Row = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _as_path(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


def _as_matrix(value: Any) -> Any:
    return {"matrix": value} if isinstance(value, list) else _as_path(value)


class AffineEntry(BaseModel):
    """An affine: a matrix, or a JSON or .npy file, and the convention it is in.

    Parameters
    ----------
    matrix : 3 x 3 numbers, optional
    path : str, optional
        File relative to the stack.yaml.
    order : "yx" or "xy"
        What it acts on.
    maps : "to-reference" or "from-reference"
        Whether it takes places of the stain to the reference or the other way.
    downsample : float
        Level-0 px per px of the pictures that it was computed on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    matrix: tuple[Row, Row, Row] | None = None
    path: str | None = None
    order: Order = "yx"
    maps: Literal["to-reference", "from-reference"] = "to-reference"
    downsample: Positive = 1.0


class DisplacementEntry(BaseModel):
    """A displacement field, from places of the reference to those of the stain, and its convention.

    Parameters
    ----------
    path : str
        File relative to the stack.yaml.
    order : "xy" or "yx"
        Which displacement comes first.
    unit : "field", "px" or "um"
        See `read_displacement`.
    padded : bool
        Whether both pictures were padded to one size around their centres, as DeeperHistReg does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    path: str
    order: Order = "xy"
    unit: Unit = "field"
    padded: bool = False


class StainEntry(BaseModel):
    """One stain: its file, and where it lies in the reference's frame."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    path: str
    affine: Annotated[AffineEntry | None, BeforeValidator(_as_matrix)] = None
    displacement: Annotated[DisplacementEntry | None, BeforeValidator(_as_path)] = None


class StackFile(BaseModel):
    """The contents of a stack.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str | None = None
    um_per_px: float | None = None
    stains: Annotated[
        dict[Annotated[str, Field(min_length=1)], StainEntry],
        Field(min_length=1, max_length=_MOST_STAINS),
    ]
    reference: str | None = None


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice, of which PyYAML would silently keep the last."""

    aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse more repetitions (*name) than anybody writes: each may stand for many others."""
        if self.check_event(yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > _MOST_ALIASES:
                raise yaml.YAMLError(f"more than {_MOST_ALIASES} repetitions by *name")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is no plain name", key.start_mark)
            if (key.tag, key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value} is given twice", node.start_mark
                )
            seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


def stains_in_yaml(path: Path) -> StackContents:
    """Open the stains that a stack.yaml names; paths are relative to it.

    Raises
    ------
    HistoclustError
        If the file is no valid stack.yaml or one of its images cannot be opened.
    """
    document = _parse(path)
    slides = _open_all(path, document)
    stains = in_order(slides)
    reference = canonical_stain(document.reference) if document.reference else stains[0]
    if reference not in slides:
        raise HistoclustError(
            f"{path}: reference {document.reference} is none of its stains ({', '.join(stains)}): name one "
            "of them."
        )
    entries = {canonical_stain(name): entry for name, entry in document.stains.items()}
    placed = {
        stain: _placed(path, stain, entry, slides, reference, document.um_per_px)
        for stain, entry in entries.items()
    }
    scale = stated_by_person(str(path), document.um_per_px)
    left = not_described(path, (path.parent / entry.path for entry in document.stains.values()))
    return StackContents(document.name or path.resolve().parent.name, placed, reference, scale, left)


def _parse(path: Path) -> StackFile:
    try:
        text = read_text(path, _MOST_BYTES)
        if _depth(text) > _MOST_DEPTH:
            raise RecursionError
        document = StackFile.model_validate(yaml.load(text, _Loader))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part)[:40] for part in first["loc"]) or "the document"
        raise HistoclustError(f"{path}: {where}: {first['msg'].lower()}: correct the entry.") from error
    except RecursionError as error:
        raise HistoclustError(f"{path}: is not readable YAML (nested too deeply): correct it.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: dates and numbers that there are not
        reason = " ".join(str(error).split())[:200]
        raise HistoclustError(f"{path}: is not readable YAML ({reason}): correct it.") from error
    for name in (document.name, document.reference, *document.stains):
        if name is not None:
            check_name(str(path), name)
    return document


def _depth(text: str) -> int:
    """Return how deeply brackets are nested, whatever else a text holds."""
    steps = [1 if sign in "[{" else -1 for sign in text if sign in "[]{}"]
    return max(accumulate(steps), default=0)


def _open_all(path: Path, document: StackFile) -> dict[str, Slide]:
    slides: dict[str, Slide] = {}
    for name, entry in document.stains.items():
        stain = canonical_stain(name)
        if stain in slides:
            raise HistoclustError(f"{path}: stain {stain} is given twice: keep one entry.")
        image = path.parent / entry.path
        if not image.exists():
            raise HistoclustError(f"{path}: {entry.path} of stain {name} does not exist: correct its path.")
        slides[stain] = open_slide(image)
    return slides


def _placed(
    path: Path,
    stain: str,
    entry: StainEntry,
    slides: dict[str, Slide],
    reference: str,
    um_per_px: float | None,
) -> Slide:
    """Return the slide in the reference's frame."""
    slide, base = slides[stain], slides[reference]
    matrix = None if entry.affine is None else _affine(path, stain, entry.affine)
    if stain == reference:
        _refuse_moved(path, stain, matrix, entry.displacement)
        return slide
    if entry.displacement is not None:
        warp = _displacement(path, entry.displacement, slide, base, um_per_px)
        return WarpedSlide(slide, _base_affine(matrix, entry.displacement, slide, base), base.shapes, warp)
    if matrix is None:
        return slide
    # an affine that is given stands in place of the coordinates in the files, even where it changes nothing
    return WarpedSlide(slide, matrix, base.shapes)


def _affine(path: Path, stain: str, entry: AffineEntry) -> Matrix:
    if (entry.matrix is None) == (entry.path is None):
        raise HistoclustError(f"{path}: the affine of {stain} needs either a matrix or a path: give one.")
    if entry.path is not None:
        matrix = read_affine(path.parent / entry.path)
    else:
        matrix = np.asarray(entry.matrix, np.float64)
    check_affine(f"{path}: the affine of {stain}", matrix)
    return in_our_convention(matrix, entry.order, entry.maps == "from-reference", entry.downsample)


def _refuse_moved(path: Path, stain: str, matrix: Matrix | None, field: DisplacementEntry | None) -> None:
    if field is not None or (matrix is not None and not np.array_equal(matrix, np.eye(3))):
        moved = "an affine" if field is None else "a displacement"
        raise HistoclustError(
            f"{path}: the reference {stain} has {moved}: move the other stains in place of it."
        )


def _displacement(
    path: Path, entry: DisplacementEntry, slide: Slide, base: Slide, um_per_px: float | None
) -> Displacement:
    return read_displacement(
        path.parent / entry.path,
        base.shapes[0],
        order=entry.order,
        unit=entry.unit,
        um_per_px=um_per_px or base.um_per_px,
        centred_with=slide.shapes[0] if entry.padded else None,
    )


def _base_affine(matrix: Matrix | None, entry: DisplacementEntry, slide: Slide, base: Slide) -> Matrix:
    """Return what places a stain apart from its displacement: its affine, or what the pictures state."""
    if matrix is not None:
        return matrix
    if entry.padded:
        shift = np.eye(3)
        shift[:2, 2] = padding_between(base.shapes[0], slide.shapes[0])
        return shift
    stated = coordinate_affine(slide, base)
    return np.eye(3) if stated is None else stated
