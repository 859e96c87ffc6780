"""run.json: where a run came from and how far it is."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from napari_histoclust.core.atomic import now, read_json, write_json
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.settings import Settings
from napari_histoclust.core.slides.scale import UmPerPx

FILE_NAME = "run.json"
PATCHES = "patches.zarr"
_LIBRARIES = ("torch", "numpy", "tifffile", "zarr", "anndata", "umap-learn", "scikit-learn", "napari")

FinishReason = Literal["unfinished", "interrupted", "finished"]


_Count = Annotated[int, Field(ge=0, lt=2**40)]
_Side = Annotated[int, Field(ge=1, lt=2**31)]


class InputFile(Settings):
    """An image file of a run, and what tells it apart from another; a line of an older version says less."""

    model_config = ConfigDict(extra="allow")

    stain: str
    path: str = ""
    size: int = Field(-1, description="Bytes of the file, or of a store's metadata; -1 where nobody said.")
    mtime: float = Field(0.0, description="Time of change: the same one and size spare the checksum.")
    header_sha256: str = Field("", description="SHA-256 of the first 64 KiB.")
    content_sha256: str = Field("", description="SHA-256 of samples; see `sampled_sha256`.")
    placement: str = Field("", description="How the stain is laid into the frame; see `placement_of`.")
    reader: str = ""


class SlideEntry(Settings):
    """One slide of a run: where it lies and the lattice laid over it."""

    name: Annotated[str, Field(min_length=1)]
    path: str
    relative_path: str | None = Field(None, description="From the run folder, for where both were moved.")
    reference: str | None = Field(None, description="Stain that gives the frame.")
    um_per_px: UmPerPx | None = Field(
        description="Physical size of a level-0 px; null where the files do not say."
    )
    shape_px: tuple[_Side, _Side] = Field(description="Height and width in level-0 px.")
    rows: _Count
    cols: _Count
    patch_px: _Side = Field(description="Side of a patch in px of `level`.")
    stride_px: _Side = Field(description="Distance between patches in px of `level`.")
    level: Annotated[int, Field(ge=0, lt=64)]
    downsample: Annotated[float, Field(ge=1, lt=2**31)] = Field(description="Level-0 px per px of `level`.")
    patches: _Count
    tissue_share: Annotated[float, Field(ge=0, le=1)]
    warnings: tuple[str, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    missing: tuple[str, ...] = Field((), description="Stains of the model that the slide lacks.")
    drift: dict[str, Any] | None = Field(
        None, description="How far the slide lies from what the model has seen; null where it does not say."
    )

    @model_validator(mode="after")
    def _patches_fit(self) -> Self:
        if self.patches > self.rows * self.cols:
            raise ValueError("more patches than places")
        return self


class Stage(Settings):
    """A finished step."""

    seconds: float = Field(description="Wall time of the last start; an interrupted start's time is lost.")
    finished: str
    details: dict[str, Any] = Field(default_factory=dict)


class Manifest(Settings):
    """The document in run.json."""

    format: Literal[1] = 1
    program: Literal["napari-histoclust"] = "napari-histoclust"
    version: str
    versions: dict[str, str]
    created: str
    finish_reason: FinishReason = "unfinished"
    fingerprint: str = Field(description="Checksum of everything that decides the labels.")
    seed: int
    device: str
    settings: dict[str, Any]
    slides: tuple[SlideEntry, ...]
    stages: dict[str, Stage] = Field(default_factory=dict)

    @field_validator("slides")
    @classmethod
    def _slides_are_apart(cls, slides: tuple[SlideEntry, ...]) -> tuple[SlideEntry, ...]:
        names = [slide.name for slide in slides]
        if len(set(names)) < len(names) or not names:
            raise ValueError("no slides, or two of one name")
        return slides

    def finished_stage(self, name: str, seconds: float, **details: Any) -> Manifest:
        """Return a copy in which stage `name` is done."""
        stage = Stage(seconds=round(seconds, 2), finished=now(), details=details)
        return self.model_copy(update={"stages": {**self.stages, name: stage}})

    def write(self, folder: Path) -> None:
        """Write run.json into `folder`, whole or not at all."""
        write_json(folder / FILE_NAME, self.model_dump(mode="json"))


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide a result."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def is_run(folder: Path) -> bool:
    """Whether `folder` holds one of our runs, finished or not; reads at most one small file."""
    file = folder / FILE_NAME
    if not file.is_file():
        return False
    try:
        document = read_json(file)
    except HistoclustError:
        return False
    return isinstance(document, dict) and document.get("program") == "napari-histoclust"


def read_manifest(folder: Path) -> Manifest:
    """Read and validate run.json.

    Raises
    ------
    HistoclustError
        If `folder` is no run, or run.json was written by a newer version or is damaged.
    """
    if not folder.exists():
        raise HistoclustError(f"{folder}: no such folder.")
    if not (folder / FILE_NAME).is_file():
        raise HistoclustError(f"{folder}: is no run folder, it holds no {FILE_NAME}.")
    document = read_json(folder / FILE_NAME)
    if isinstance(document, dict) and document.get("format", 1) != 1:
        raise HistoclustError(
            f"{folder / FILE_NAME}: has format {document['format']}, this version reads format 1: "
            "update napari-histoclust."
        )
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise HistoclustError(f"{folder / FILE_NAME}: is damaged at {where or 'its top'}.") from error
