"""Spans of OpenTelemetry, whatever they are of: filtered, newest first, in pages."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.attribute_filters import Attribute, with_attributes
from clickhouse.client import Warehouse
from clickhouse.log_attributes import read_attributes
from clickhouse.queries.conditions import Condition
from clickhouse.texts import Term
from schemas.ids import spellings
from schemas.projects import ProjectContext

COLUMNS: Mapping[str, str] = {
    "trace_id": "trace_id",
    "service": "service",
    "name": "name",
    "kind": "kind",
    "span_kind": "span_kind",
    "convention": "convention",
    "status": "status",
    "environment": "environment",
    "release": "release",
    "host": "host",
    "session_id": "session_id",
    "user": "user_id",
}
"""Names of equalities, and the columns that they are of."""
# As plain texts: the engine counts a name of a dictionary as the whole dictionary, which holds
# names of other projects too.
LIST = """
SELECT
    item_id, trace_id, span_id, parent_span_id, toUnixTimestamp64Micro(timestamp), duration_ns,
    name, span_kind::String, kind::String, convention::String, service::String, library::String,
    environment::String, release::String, host::String, status::String, status_message,
    session_id, user_id::String, toUnixTimestamp64Micro(received_at), problems,
    attributes::String, resource::String
FROM otel_spans
WHERE {where}
ORDER BY timestamp DESC, item_id DESC
LIMIT {limit:UInt32}
"""
WITHIN = (
    "project_id = {project_id:String}",
    "timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')",
    "timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')",
)
BEYOND = (
    "timestamp <= fromUnixTimestamp64Micro({place_us:Int64}, 'UTC')",
    "(timestamp, item_id) < (fromUnixTimestamp64Micro({place_us:Int64}, 'UTC'), {place_id:String})",
)
IN_TEXTS = "positionCaseInsensitiveUTF8(concat(name, ' ', status_message), {{term_{0}:String}}) > 0"


class OtelSpanFilter(Struct, frozen=True, kw_only=True):
    """Which spans. Bounds are inclusive: microseconds since 1970 UTC, and nanoseconds."""

    from_us: int
    to_us: int
    named: tuple[tuple[str, str], ...] = ()
    """Pairs of a name in `COLUMNS` and the value that it has."""
    min_duration_ns: int | None = None
    max_duration_ns: int | None = None
    attributes: tuple[Attribute, ...] = ()
    resource: tuple[Attribute, ...] = ()
    terms: tuple[Term, ...] = ()
    """Each stands in the name or in what the status says, in capitals or not."""


class SpanPlace(NamedTuple):
    """Where a span stands among others: the cursor of a page."""

    at_us: int
    item_id: str


class ListedSpan(Struct, frozen=True):
    """One span as it is stored. What is unset is the empty text."""

    item_id: str
    trace_id: str
    span_id: str
    parent_span_id: str
    at_us: int
    duration_ns: int
    name: str
    span_kind: str
    kind: str
    convention: str
    service: str
    library: str
    environment: str
    release: str
    host: str
    status: str
    status_message: str
    session_id: str
    user: str
    received_at_us: int
    problems: Sequence[str]
    attributes: dict[str, Any]
    resource: dict[str, Any]

    @property
    def place(self) -> SpanPlace:
        """Where the next page begins."""
        return SpanPlace(self.at_us, self.item_id)


async def list_spans(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: OtelSpanFilter,
    *,
    limit: int,
    beyond: SpanPlace | None = None,
) -> list[ListedSpan]:
    """Returns the first matching spans, newest first; `beyond` and what is before are not."""
    where = condition(project, wanted)
    parts, values = [where.sql], where.values | {"limit": limit}
    if beyond is not None:
        parts += BEYOND
        values |= {"place_us": beyond.at_us, "place_id": beyond.item_id}
    sql = LIST.replace("{where}", "\n    AND ".join(parts))
    rows = (await warehouse.query(sql, values)).rows
    return [_listed(row) for row in rows]


def condition(project: ProjectContext, wanted: OtelSpanFilter) -> Condition:
    """Returns the condition that binds the project and everything `wanted` names."""
    parts = list(WITHIN)
    values: dict[str, Any] = {
        "project_id": project.project_id,
        "from_us": wanted.from_us,
        "to_us": wanted.to_us,
    }
    for number, (name, value) in enumerate(wanted.named):
        parts.append(f"{COLUMNS[name]} IN {{named_{number}:Array(String)}}")
        values[f"named_{number}"] = list(_spelled(name, value))
    for name, sign in (("min_duration_ns", ">="), ("max_duration_ns", "<=")):
        bound = getattr(wanted, name)
        if bound is not None:
            parts.append(f"duration_ns {sign} {{{name}:UInt64}}")
            values[name] = bound
    found = [
        *with_attributes(wanted.attributes),
        *with_attributes(wanted.resource, "resource"),
    ]
    for one in found:
        parts.append(one.sql)
        values |= one.values
    for number, term in enumerate(wanted.terms):
        parts.append(IN_TEXTS.format(number))
        values[f"term_{number}"] = term
    return Condition("\n    AND ".join(parts), values)


def _spelled(name: str, value: str) -> Sequence[str]:
    if name == "trace_id":
        return (value.replace("-", "").lower(),)
    return spellings(value) if name == "session_id" else (value,)


def _listed(row: Sequence[Any]) -> ListedSpan:
    *plain, attributes, resource = row
    values = (*plain, read_attributes(attributes), read_attributes(resource))
    return ListedSpan(*values)
