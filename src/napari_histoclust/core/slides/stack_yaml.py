"""A stack.yaml: the stains said explicitly, with an affine where one is not registered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.found import Found
from napari_histoclust.core.slides.names import canonical_stain, in_order
from napari_histoclust.core.slides.protocol import Slide
from napari_histoclust.core.slides.registry import open_slide
from napari_histoclust.core.slides.warped import WarpedSlide

Row = tuple[float, float, float]
_SCALES = 0.02, 50.0


class StainEntry(BaseModel):
    """One stain: its file, and where it lies in the reference's frame."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    path: str
    affine: tuple[Row, Row, Row] | None = None


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


def stains_in_yaml(path: Path) -> Found:
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
    placed = {s: _placed(path, s, slides[s], entries[s], slides[reference], reference) for s in stains}
    return Found(document.name or path.resolve().parent.name, placed, reference, document.um_per_px)


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
    path: Path, stain: str, slide: Slide, entry: StainEntry, reference: Slide, reference_stain: str
) -> Slide:
    """Return the slide in the reference's frame."""
    if entry.affine is None:
        return slide
    matrix = np.asarray(entry.affine, np.float64)
    _check_affine(path, stain, matrix)
    if np.array_equal(matrix, np.eye(3)) and slide.shapes[0] == reference.shapes[0]:
        return slide
    if stain == reference_stain:
        raise HistoclustError(
            f"{path}: the reference {stain} has an affine: give affines to the other stains."
        )
    return WarpedSlide(slide, matrix, reference.shapes)


def _check_affine(path: Path, stain: str, matrix: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    if not np.isfinite(matrix).all() or not np.allclose(matrix[2], (0, 0, 1)):
        raise HistoclustError(f"{path}: the affine of {stain} must be finite and end in the row [0, 0, 1].")
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if not _SCALES[0] <= scale <= _SCALES[1]:
        raise HistoclustError(
            f"{path}: the affine of {stain} scales by {scale:g}, which is singular or out of reason: correct "
            "it."
        )
