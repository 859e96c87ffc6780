"""The one way out: from the command line and from the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from napari_histoclust.core.atomic import check_file, check_folder, check_place
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.export.geojson import write_geojson, write_geojson_patches
from napari_histoclust.core.export.h5ad import write_h5ad
from napari_histoclust.core.export.map_figure import write_pdf, write_png, write_svg
from napari_histoclust.core.export.naming import slide_paths
from napari_histoclust.core.export.neighbours import write_neighbourhood
from napari_histoclust.core.export.ngff import write_ome_zarr
from napari_histoclust.core.export.ome_tiff import write_ome_tiff
from napari_histoclust.core.export.options import ExportOptions
from napari_histoclust.core.export.overlay import write_overlay
from napari_histoclust.core.export.report import write_report_html, write_report_pdf
from napari_histoclust.core.export.spatialdata import require_spatialdata, write_spatialdata
from napari_histoclust.core.export.tables import write_csv, write_parquet
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.run.run import Run

Writer = Callable[..., Job[tuple[Path, ...]]]
"""Takes the run, the folder, and what `ExportOptions.of` says by name."""


@dataclass(frozen=True)
class Format:
    """A format that runs are exported in.

    Attributes
    ----------
    write : Writer
    names : tuple of str
        What it writes into the folder.
    per_slide : bool
        Whether there is one of each name a slide, told apart by the slide's name.
    is_folder : bool
        Whether the outputs are folders.
    """

    write: Writer
    names: tuple[str, ...]
    per_slide: bool = False
    is_folder: bool = False

    def outputs(self, run: Run, folder: Path) -> tuple[Path, ...]:
        """Return what it will write."""
        if self.per_slide:
            return tuple(path for name in self.names for path in slide_paths(run, folder, name))
        return tuple(folder / name for name in self.names)


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "geojson": Format(write_geojson, ("clusters.geojson",), per_slide=True),
        "geojson-patches": Format(write_geojson_patches, ("patches.geojson",), per_slide=True),
        "ome-tiff": Format(write_ome_tiff, ("labels.ome.tif",), per_slide=True),
        "overlay": Format(write_overlay, ("overlay.ome.tif",), per_slide=True),
        "ome-zarr": Format(write_ome_zarr, ("labels.ome.zarr",), per_slide=True, is_folder=True),
        "csv": Format(write_csv, ("patches.csv", "clusters.csv", "composition.csv")),
        "parquet": Format(write_parquet, ("patches.parquet",)),
        "h5ad": Format(write_h5ad, ("patches.h5ad",)),
        "spatialdata": Format(write_spatialdata, ("spatialdata.zarr",), is_folder=True),
        "neighbourhood": Format(write_neighbourhood, ("neighbourhood.csv",)),
        "png": Format(write_png, ("map.png",)),
        "pdf": Format(write_pdf, ("map.pdf",)),
        "svg": Format(write_svg, ("map.svg",)),
        "report": Format(write_report_html, ("report.html",)),
        "report-pdf": Format(write_report_pdf, ("report.pdf",)),
    }
)


def export_run(
    run: Run, formats: Sequence[str], folder: Path, options: ExportOptions | None = None
) -> Job[tuple[Path, ...]]:
    """Write a run in formats that other tools open.

    Parameters
    ----------
    run : Run
        Its labels, names and colours are written as they are in memory.
    formats : sequence of str
        Names in `FORMATS`; one named twice is written once.
    folder : Path
        Made if it is not there. A file of the same name in it is replaced if it is as this program left it.
    options : ExportOptions, optional
        What can be chosen about single formats.

    Returns
    -------
    tuple of Path
        What was written, in the order asked for. Each is whole or not there.

    Raises
    ------
    HistoclustError
        If a format is unknown or something else stands in the place of an output (nothing is written then),
        or the folder cannot be written.
    """
    check_formats(formats)
    check_place(folder)
    if folder.exists() and not folder.is_dir():
        raise HistoclustError(f"{folder}: is a file: give --out the name of a folder.")
    wanted = tuple(dict.fromkeys(formats))
    _check_outputs(run, wanted, folder)
    chosen = options or ExportOptions()
    written: list[Path] = []
    for name in wanted:
        written.extend((yield from FORMATS[name].write(run, folder, **chosen.of(name))))
    return tuple(written)


def _check_outputs(run: Run, formats: Sequence[str], folder: Path) -> None:
    for name in formats:
        check = check_folder if FORMATS[name].is_folder else check_file
        for path in FORMATS[name].outputs(run, folder):
            check(path)


def check_formats(formats: Sequence[str]) -> None:
    """Raise HistoclustError if a format is unknown, none is named, or one's library is not installed."""
    known = ", ".join(FORMATS)
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise HistoclustError(f"--to {','.join(unknown)}: unknown, choose among {known}.")
    if not formats:
        raise HistoclustError(f"--to: names no format, choose among {known}.")
    if "spatialdata" in formats:
        require_spatialdata()
