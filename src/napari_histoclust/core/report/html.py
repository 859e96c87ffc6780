"""A report as one HTML file that needs nothing beside it: no network, no script, no other file."""

from __future__ import annotations

import base64
from functools import cache
from typing import TYPE_CHECKING

from napari_histoclust.core.report.content import Picture, Report

if TYPE_CHECKING:
    from jinja2 import Template


def report_html(report: Report) -> str:
    """Return the report as an HTML page; every word of a user is escaped, pictures are within."""
    return _template().render(report=report, kind=_kind, data_uri=_data_uri)


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("napari_histoclust.core.report", ".")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.j2")


def _kind(block: object) -> str:
    return type(block).__name__


def _data_uri(picture: Picture) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii")
