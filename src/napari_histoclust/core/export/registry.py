"""The one way out: from the command line and from the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.export.geojson import write_geojson, write_geojson_patches
from napari_histoclust.core.export.h5ad import write_h5ad
from napari_histoclust.core.export.map_figure import write_pdf, write_png, write_svg
from napari_histoclust.core.export.neighbours import write_neighbourhood
from napari_histoclust.core.export.ngff import write_ome_zarr
from napari_histoclust.core.export.ome_tiff import write_ome_tiff
from napari_histoclust.core.export.options import ExportOptions
from napari_histoclust.core.export.overlay import write_overlay
from napari_histoclust.core.export.report import write_report_html, write_report_pdf
from napari_histoclust.core.export.spatialdata import require_spatialdata, write_spatialdata
from napari_histoclust.core.export.tables import write_csv, write_parquet
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.run import Run

Writer = Callable[..., Job[tuple[Path, ...]]]
"""Takes the run, the folder, and what `ExportOptions.of` says by name."""

FORMATS: Mapping[str, Writer] = MappingProxyType(
    {
        "geojson": write_geojson,
        "geojson-patches": write_geojson_patches,
        "ome-tiff": write_ome_tiff,
        "overlay": write_overlay,
        "ome-zarr": write_ome_zarr,
        "csv": write_csv,
        "parquet": write_parquet,
        "h5ad": write_h5ad,
        "spatialdata": write_spatialdata,
        "neighbourhood": write_neighbourhood,
        "png": write_png,
        "pdf": write_pdf,
        "svg": write_svg,
        "report": write_report_html,
        "report-pdf": write_report_pdf,
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
        Made if it is not there; files of the same name in it are replaced.
    options : ExportOptions, optional
        What can be chosen about single formats.

    Returns
    -------
    tuple of Path
        What was written, in the order asked for. Each is whole or not there.

    Raises
    ------
    HistoclustError
        If a format is unknown (nothing is written then) or the folder cannot be written.
    """
    check_formats(formats)
    if folder.exists() and not folder.is_dir():
        raise HistoclustError(f"{folder}: is a file: give --out the name of a folder.")
    chosen = options or ExportOptions()
    written: list[Path] = []
    for name in dict.fromkeys(formats):
        written.extend((yield from FORMATS[name](run, folder, **chosen.of(name))))
    return tuple(written)


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
