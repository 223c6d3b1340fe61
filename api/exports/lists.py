"""What an export may be narrowed by: the filters of the list that shows the same rows."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from api.auth import AnyRequest
from api.dates import date_range
from api.pages.viewer import Viewer
from api.parameters import values_of
from clickhouse.exports.registry import EXPORTED
from clickhouse.exports.tables import Exported
from clickhouse.queries.conditions import Condition
from schemas.projects import ProjectContext

FROM = "t.`MOMENT` >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')"
TO = "t.`MOMENT` <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"
NarrowPage = Callable[[AnyRequest, Viewer], Condition | Awaitable[Condition]]
Narrow = Callable[[AnyRequest, ProjectContext], Condition | None]


class ListFilter(Struct, frozen=True):
    """How the rows of one table are narrowed."""

    shapes: tuple[type[Struct], ...]
    """The parameters that are read, but for the range of time."""
    narrow: Narrow
    """Raises `InvalidParameters`."""
    prefixes: tuple[str, ...] = ()
    on_page: NarrowPage | None = None
    """By the address of the page that lists these rows; without one, by its range of time and by
    columns of equal values. Raises `InvalidParameters`."""

    @property
    def names(self) -> set[str]:
        """The names of the parameters."""
        return {name for shape in self.shapes for name in shape.__struct_encode_fields__}


def filters_of(own: Mapping[str, ListFilter]) -> dict[str, ListFilter]:
    """Returns the filters of every exported table: those of systems, else by equality."""
    return {name: own.get(name) or by_equality(table) for name, table in EXPORTED.items()}


def every_parameter(filters: Mapping[str, ListFilter]) -> type[Struct]:
    """Returns the shape of all parameters that some table is narrowed by."""
    names = sorted(set().union(*(one.names for one in filters.values())))
    return _texts("AnyFilter", names)


def range_of(
    request: AnyRequest, project: ProjectContext, time_zone: str
) -> tuple[int | None, int | None]:
    """Returns both ends of the range of time, each `None` where it is open."""
    values = values_of(request)
    return date_range(values.get("date_from"), values.get("date_to"), time_zone)


def within(table: Exported, first: int | None, last: int | None) -> Condition:
    """Returns the condition for rows of a range of time."""
    parts, values = [], {}
    for name, sql, moment in (("from_us", FROM, first), ("to_us", TO, last)):
        if moment is not None:
            parts.append(sql.replace("MOMENT", table.moment))
            values[name] = moment
    return Condition(" AND ".join(parts) or "1", values)


def by_equality(table: Exported) -> ListFilter:
    """Returns how a table is narrowed by columns of equal values, and by its range of time."""

    def narrow(request: AnyRequest, project: ProjectContext) -> Condition:
        values = values_of(request)
        first, last = range_of(request, project, values.get("tz") or project.time_zone)
        ranged = within(table, first, last)
        return equal(table, {name: values.get(name) for name in table.equal}, ranged)

    return ListFilter((_texts("Equal", table.equal),), narrow)


def equal(table: Exported, given: Mapping[str, str | None], also: Condition) -> Condition:
    """Returns the condition for rows whose columns have these values; `None` is any."""
    parts, bound = [also.sql], dict(also.values)
    for number, name in enumerate(table.equal):
        value = given.get(name)
        if value is not None:
            parts.append(f"t.`{name}` = {{equal_{number}:String}}")
            bound[f"equal_{number}"] = value
    return Condition(" AND ".join(parts), bound)


def _texts(name: str, fields: Sequence[str]) -> type[Struct]:
    shape: Any = msgspec.defstruct(
        name, [(one, str | None, None) for one in fields], frozen=True, kw_only=True
    )
    found: type[Struct] = shape
    return found
