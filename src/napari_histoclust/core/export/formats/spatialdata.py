"""spatialdata.zarr: the run as a SpatialData object: lattice, patches, outlines and their table.

Each slide is a coordinate system of its own ("global" where there is one slide), in um, or in level-0 px
where the scale is unknown. The library is an extra of this package: its pins hold other libraries back.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_histoclust.core.atomic import atomic_folder
from napari_histoclust.core.errors import SettingError
from napari_histoclust.core.export.format import Format, safe_slides
from napari_histoclust.core.export.formats.h5ad import open_store, without_latent
from napari_histoclust.core.jobs import Job, Progress, drive

if TYPE_CHECKING:
    import anndata

    from napari_histoclust.core.run.run import Run


def write_spatialdata(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write spatialdata.zarr.

    For each slide `clusters_<slide>` are the labels at the resolution of the lattice, `outlines_<slide>` the
    outlines of the clusters, `patches_<slide>` the squares of the patches; `table` tells of the patches what
    patches.h5ad does.

    Raises
    ------
    HistoclustError
        If spatialdata is not installed.
    """
    require_spatialdata()
    from spatialdata import SpatialData

    path, slides = folder / "spatialdata.zarr", safe_slides(run)
    labels, shapes = {}, {}
    for slide, name in enumerate(slides):
        yield Progress("Outlining clusters", slide, len(slides))
        system = "global" if len(slides) == 1 else name
        labels[f"clusters_{name}"] = _labels(run, slide, system)
        shapes[f"outlines_{name}"] = _outlines(run, slide, system)
        shapes[f"patches_{name}"] = _patches(run, slide, system)
    yield Progress(f"Writing {path.name}")
    whole = SpatialData(labels=labels, shapes=shapes, tables={"table": _table(run, slides)})
    with atomic_folder(path) as partial:
        whole.write(partial)
    return (path,)


def require_spatialdata() -> None:
    """Raise HistoclustError where spatialdata cannot be imported."""
    if find_spec("spatialdata") is None:
        raise SettingError(
            "{to} spatialdata: the library spatialdata is not installed: pip install "
            "'napari-histoclust[spatialdata]', or choose another format."
        )


def _units(run: Run, slide: int) -> float:
    """Size of a level-0 px in units of the slide's coordinate system."""
    return run.um_per_px[slide] or 1.0


def _labels(run: Run, slide: int, system: str) -> Any:
    from spatialdata.models import Labels2DModel
    from spatialdata.transformations import Scale, Sequence, Translation

    grid, units = run.grids[slide], _units(run, slide)
    corner = [(origin_px - grid.place_px / 2) * units for origin_px in grid.origin_px]
    place = Scale([grid.place_px * units] * 2, axes=("y", "x"))
    lead = Sequence([place, Translation(corner, axes=("y", "x"))])
    return Labels2DModel.parse(run.label_picture(slide), dims=("y", "x"), transformations={system: lead})


def _outlines(run: Run, slide: int, system: str) -> Any:
    import geopandas

    from napari_histoclust.core.export.outlines import to_level0
    from napari_histoclust.core.export.polygons import cluster_polygons

    ids, places = cluster_polygons(run.label_picture(slide))
    names = {cluster.id: cluster.name for cluster in run.clusters}
    colours = {cluster.id: cluster.colour for cluster in run.clusters}
    columns = {"name": [names[i] for i in ids], "colour": [colours[i] for i in ids]}
    frame = geopandas.GeoDataFrame(
        columns, geometry=_scaled(run, slide, to_level0(places, run.grids[slide])), index=ids
    )
    return _shapes(frame, system)


def _patches(run: Run, slide: int, system: str) -> Any:
    import geopandas

    from napari_histoclust.core.export.outlines import patch_squares

    squares = _scaled(run, slide, patch_squares(run.grids[slide], slice(None)))
    return _shapes(geopandas.GeoDataFrame(geometry=squares, index=run.ids[run.rows(slide)]), system)


def _scaled(run: Run, slide: int, shapes_px: Any) -> Any:
    import shapely

    units = _units(run, slide)
    return shapely.transform(shapes_px, lambda xy: xy * units)


def _shapes(frame: Any, system: str) -> Any:
    from spatialdata.models import ShapesModel
    from spatialdata.transformations import Identity

    return ShapesModel.parse(frame, transformations={system: Identity()})


def _table(run: Run, slides: tuple[str, ...]) -> anndata.AnnData:
    import pandas as pd
    from spatialdata.models import TableModel

    from napari_histoclust.core.run.reader import read_latent

    table = without_latent(run, open_store(run))
    table.obsm["latent"] = drive(read_latent(run))
    regions = [f"patches_{name}" for name in slides]
    table.obs["region"] = pd.Categorical.from_codes(run.slide_index, pd.Index(regions))
    table.obs["patch"] = run.ids
    used = [regions[i] for i in np.unique(run.slide_index)]
    return TableModel.parse(table, region=used, region_key="region", instance_key="patch")


FORMATS = (
    Format(
        "spatialdata",
        write_spatialdata,
        ("spatialdata.zarr",),
        rank=90,
        is_folder=True,
        require=require_spatialdata,
    ),
)
