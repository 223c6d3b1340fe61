"""The rows that a page lists, to take away: all of them, whole, by the menu *Export*."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from api.auth import AnyRequest
from api.exports.lists import ListFilter, equal, within
from api.exports.sending import send_file
from api.pages.navigation import Section
from api.pages.parts.ranges import range_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import NothingFound, invalid, values_of
from api.reads import reader_of
from clickhouse.exports.columns import FORMATS, Format
from clickhouse.exports.registry import EXPORTED
from clickhouse.exports.statements import Wanted
from clickhouse.exports.tables import Exported
from clickhouse.queries.conditions import Condition

ALWAYS = "all"
"""A range of a page that has none."""


def section_of(filters: Mapping[str, ListFilter]) -> Section:
    """Returns the route of the files, which no navigation names."""

    @get("/export/{table:str}", include_in_schema=False)
    async def export_page(
        request: AnyRequest, viewer: Viewed, table: FromPath[str]
    ) -> Response[Any]:
        """Give the rows that a page lists as a file."""
        if table not in EXPORTED:
            raise NothingFound("There is no such table")
        narrow = filters[table].on_page
        if narrow is None:
            where = _by_range(EXPORTED[table], request, viewer)
        else:
            found = narrow(request, viewer)
            where = found if isinstance(found, Condition) else await found
        wanted = Wanted(
            project=viewer.project,
            table=EXPORTED[table],
            where=where,
            format=_format(values_of(request).get("format", "csv")),
        )
        return await send_file(request, reader_of(request, viewer.project), wanted)

    return Section("", (), (export_page,))


def _format(text: str) -> Format:
    for one in FORMATS:
        if text == one:
            return one
    raise invalid("format", f"Expected one of {', '.join(FORMATS)}")


def _by_range(table: Exported, request: AnyRequest, viewer: Viewer) -> Condition:
    values = values_of(request)
    if values.get("range") == ALWAYS:
        ranged = within(table, None, None)
    else:
        shown = range_of(values, viewer.project)
        ranged = within(table, shown.first_us, shown.last_us)
    return equal(table, {name: values.get(name) for name in table.equal}, ranged)
