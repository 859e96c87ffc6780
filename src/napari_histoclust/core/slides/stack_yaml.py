"""A stack.yaml: the stains said explicitly, with an affine or a displacement where one is not registered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from napari_histoclust.core.errors import HistoclustError
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
    um_per_px: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    stains: Annotated[dict[str, StainEntry], Field(min_length=1)]
    reference: str | None = None


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice, of which PyYAML would silently keep the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        doubles = [key for place, key in enumerate(keys) if key in keys[:place]]
        if doubles:
            raise yaml.constructor.ConstructorError(
                None, None, f"{doubles[0]} is given twice", node.start_mark
            )
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
        return StackFile.model_validate(yaml.load(path.read_text(encoding="utf-8"), _Loader))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise HistoclustError(f"{path}: {where}: {first['msg'].lower()}: correct the entry.") from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise HistoclustError(f"{path}: is not readable YAML ({reason}): correct it.") from error


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
