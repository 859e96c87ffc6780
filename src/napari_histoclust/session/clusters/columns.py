"""What stands in the columns of the table: no Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.session.clusters.rows import Row

SHOWN, COLOUR, NAME, PATCHES, SELECTED = range(5)
"""Places of the columns that have a meaning of their own."""

DASH = "–"
_NOT_MEASURED = "This run does not hold it: map the slide again to measure it."


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    title, hint : str
    value : callable
        What the rows are sorted by; None where there is nothing to say.
    text : callable
        What is written for such a value.
    widest : str
        A text that it should hold.
    spread : callable, optional
        Standard deviation that belongs to the value, told when the mouse rests on it.
    """

    title: str
    hint: str
    value: Callable[[Row], float | str | None]
    text: Callable[[float], str] = str
    widest: str = "0.000"
    spread: Callable[[Row], float | None] | None = None

    def hint_for(self, row: Row) -> str:
        """Return the hint, after the mean and the spread where there is one."""
        value, spread = self.value(row), None if self.spread is None else self.spread(row)
        if spread is None or not isinstance(value, float):
            return self.hint
        return (
            f"Mean {self.text(value)}, standard deviation {self.text(spread)} over its patches. {self.hint}"
        )


def columns_of(run: Run) -> tuple[Column, ...]:
    """Return the columns for a run; the optical densities of its stains and dyes come last."""
    scaled, most = None not in run.um_per_px, f"{len(run):,}"
    return (
        Column("", "Shown or hidden: click the eye", lambda row: row.is_hidden, _nothing),
        Column("", "Number of the cluster; its colour", lambda row: row.id, _nothing),
        Column("Name", "Double-click or F2 to rename", lambda row: row.summary.cluster.name.casefold()),
        Column("Patches", "Number of patches", lambda row: row.summary.patches, _count, most),
        Column("Sel.", "How many of them are selected", lambda row: row.selected, _count_or_nothing, most),
        Column("mm²", "Area in mm²", lambda row: row.summary.area_mm2, _rounded)
        if scaled
        else Column("Mpx", "Area in million px: the scale of a slide is unknown", _area_mpx, _rounded),
        Column("Conf.", "Mean confidence, 0 to 1", lambda row: row.summary.mean_confidence, "{:.2f}".format),
        *(_stain_column(run, number, stain) for number, stain in enumerate(_stains(run))),
        *(_dye_column(number, dye) for number, dye in enumerate(run.dyes if run.dye_od is not None else ())),
    )


def _stains(run: Run) -> tuple[str, ...]:
    """Stains of the run; of a version that did not say, those of its first slide."""
    return run.stains or tuple(str(image["stain"]) for image in run.manifest.slides[0].inputs)


def _stain_column(run: Run, number: int, stain: str) -> Column:
    hint = f"Mean optical density of {stain}: 0 is clear glass. "
    hint += _NOT_MEASURED if run.stain_od is None else "Compare it between clusters, not between stains."
    mean, spread = (partial(_part, name, number) for name in ("mean_stain_od", "stain_od_sd"))
    return Column(stain, hint, mean, "{:.3f}".format, spread=spread)


def _dye_column(number: int, dye: str) -> Column:
    """Return the column of a dye; its title leaves the stain before it to the hint."""
    hint = f"Amount of {dye} after the dyes are taken apart (Ruifrok and Johnston), as optical density."
    mean, spread = (partial(_part, name, number) for name in ("mean_dye_od", "dye_od_sd"))
    return Column(dye, hint, mean, "{:.3f}".format, spread=spread)


def _part(name: str, number: int, row: Row) -> float | None:
    values = getattr(row.summary, name)
    return None if values is None else float(values[number])


def _area_mpx(row: Row) -> float:
    return row.summary.area_px2 / 1e6


def _nothing(_: float) -> str:
    return ""


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _count_or_nothing(value: float) -> str:
    return f"{value:,.0f}" if value else ""


def _rounded(area: float) -> str:
    """Three decimals below 1, two below 10, one below 100."""
    decimals = next((3 - n for n, end in enumerate((1, 10, 100)) if area < end), 0)
    return f"{area:,.{decimals}f}"
