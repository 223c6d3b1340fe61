"""One span of OpenTelemetry as it is stored, with all that came with it."""

from typing import Any

from msgspec import json

from clickhouse.client import Warehouse
from clickhouse.log_attributes import read_attributes
from clickhouse.message_shapes import shown_messages
from clickhouse.messages import OfDay, hashes_of, read_messages
from clickhouse.queries.parts import ONE_ROW
from clickhouse.queries.values import number
from schemas.otel.answers import StoredSpan
from schemas.projects import ProjectContext
from schemas.times import iso_ms

ONE = """
SELECT item_id, trace_id, span_id, nullIf(parent_span_id, ''), name, service::String, kind::String,
    span_kind::String, convention::String, library::String, environment::String, release::String,
    host::String, status::String, status_message, session_id, user_id::String,
    toUnixTimestamp64Micro(timestamp), duration_ns, attributes::String, resource::String, events,
    links, trace_state, problems, toUnixTimestamp64Micro(received_at), received_date,
    {asked}, {answered}
FROM otel_spans
WHERE project_id = {project_id:String}
    AND item_id = {item_id:String}
LIMIT 1
"""
SQL = ONE.replace("{asked}", hashes_of("input_messages")).replace(
    "{answered}", hashes_of("output_messages")
)
NAMES = (
    *("id", "trace_id", "span_id", "parent_span_id", "name", "service", "kind", "span_kind"),
    *("convention", "library", "environment", "release", "host", "status", "status_message"),
    *("session_id", "user_id"),
)
"""Of the first columns."""


async def fetch_span(
    warehouse: Warehouse, project: ProjectContext, item_id: str
) -> StoredSpan | None:
    """Returns a span by its id, `{trace id}-{span id}`; `None` where the project has none."""
    values = {"project_id": project.project_id, "item_id": item_id}
    rows = (await warehouse.query(SQL, values, as_bytes=(), **ONE_ROW)).rows
    if not rows:
        return None
    row = rows[0]
    said = await read_messages(
        warehouse, project, {OfDay(row[26], one) for one in (*row[27], *row[28])}
    )
    return StoredSpan(
        **dict(zip(NAMES, row[:17], strict=True)),
        timestamp=iso_ms(row[17]),
        duration_ms=number(row[18] / 1e6),
        attributes=read_attributes(row[19].encode()),
        resource=read_attributes(row[20].encode()),
        events=_list(row[21]),
        links=_list(row[22]),
        trace_state=row[23],
        problems=row[24],
        input_messages=shown_messages(row[27], said),
        output_messages=shown_messages(row[28], said),
        received_at=iso_ms(row[25]),
    )


def _list(text: str) -> list[Any]:
    found = json.decode(text) if text else []
    return found if isinstance(found, list) else []
