"""What the spans of a page are of: their details, by the keys of their places."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.errors.trace_links import AROUND_US
from clickhouse.otel.arranging import BareSpan
from clickhouse.otel.bare_spans import OF_TRACE, WITHIN
from clickhouse.otel.trace_places import TracePlace
from schemas.projects import ProjectContext

LABEL_CHARS = 300
MOST_BYTES = 64 << 20


class Details(NamedTuple):
    """What a span is of. What is unset is the empty text."""

    name: str
    service: str = ""
    kind: str = ""
    span_kind: str = ""
    convention: str = ""
    status: str = ""
    status_message: str = ""
    session_id: str = ""


class _Kind(NamedTuple):
    table: str
    key: str
    columns: str
    """In the order of `Details`."""
    which: str
    whole: str = ""
    """Which, of a whole trace: 10,000 ids cost more to read than all of its rows."""


def _label(column: str) -> str:
    return f"substringUTF8({column}, 1, {{label:UInt32}})"


SENTRY_STATUS = "multiIf(status IN ('', 'ok'), status::String, 'error')"
KINDS: Mapping[str, _Kind] = {
    "otel": _Kind(
        "otel_spans",
        "item_id",
        f"{_label('name')}, service::String, kind::String, span_kind::String, convention::String,"
        f" status::String, {_label('status_message')}, session_id",
        f"{OF_TRACE} AND item_id IN {{keys:Array(String)}}",
        OF_TRACE,
    ),
    "transaction": _Kind(
        "transactions",
        "event_id",
        f"{_label('name')}, server_name::String, op::String, '', 'sentry',"
        " if(failed, 'error', 'ok'), status::String, ''",
        f"{OF_TRACE} AND event_id IN {{keys:Array(String)}}",
    ),
    "transaction_span": _Kind(
        "transaction_spans",
        "concat(event_id, '-', span_id)",
        f"{_label('description')}, '', op::String, '', 'sentry', {SENTRY_STATUS}, '', ''",
        f"{WITHIN} AND event_id IN {{events:Array(String)}}"
        " AND concat(event_id, '-', span_id) IN {keys:Array(String)}",
    ),
    "streamed_span": _Kind(
        "streamed_spans",
        "item_id",
        f"{_label('description')}, '', op::String, '', 'sentry', {SENTRY_STATUS}, '', ''",
        f"{OF_TRACE} AND item_id IN {{keys:Array(String)}}",
    ),
    "call": _Kind(
        "traces",
        "trace_id",
        "model_requested::String, service::String, 'llm', '', convention::String,"
        " if(status = 'error', 'error', 'ok'), '', session_id",
        f"{WITHIN} AND trace_id IN {{keys:Array(String)}}",
    ),
    "agent_event": _Kind(
        "spans",
        "span_id",
        f"{_label('''if(ifNull(tool_name, '') = '', event_type, ifNull(tool_name, ''))''')},"
        " service::String, kind::String, '', source::String,"
        " if(status = 'error', 'error', 'ok'), '', session_id",
        f"{WITHIN} AND span_id IN {{keys:Array(String)}}",
    ),
}
FOUND = """
SELECT {key}, {columns}
FROM {table}
WHERE {which}
LIMIT 1 BY {key}
"""


async def read_details(
    warehouse: Warehouse,
    project: ProjectContext,
    place: TracePlace,
    spans: Sequence[BareSpan],
    *,
    are_most: bool,
) -> Mapping[tuple[str, str], Details]:
    """Returns details by source and key; of what is gone meanwhile there are none.

    Where these are most of the trace, others of it may be among them.
    """
    by_source: dict[str, list[BareSpan]] = defaultdict(list)
    for span in spans:
        by_source[span.source].append(span)
    found = await asyncio.gather(
        *(
            _read(warehouse, source, _values(project, place, source, some), are_most=are_most)
            for source, some in by_source.items()
        )
    )
    return {
        (source, row[0]): Details(*row[1:])
        for source, rows in zip(by_source, found, strict=True)
        for row in rows
    }


def _values(
    project: ProjectContext, place: TracePlace, source: str, spans: Sequence[BareSpan]
) -> dict[str, Any]:
    values = place.values(project) | {
        "keys": [span.key for span in spans],
        "label": LABEL_CHARS,
        "from_us": min(span.at_us for span in spans),
        "to_us": max(span.at_us for span in spans),
    }
    if source == "transaction_span":
        values["events"] = sorted({span.key[: -len(span.span_id) - 1] for span in spans})
        # Here `timestamp` is when the transaction began.
        values["from_us"] = place.first_us - AROUND_US
        values["to_us"] = place.last_us + AROUND_US
    return values


async def _read(
    warehouse: Warehouse, source: str, values: dict[str, Any], *, are_most: bool
) -> Sequence[Sequence[Any]]:
    kind, which = KINDS[source], KINDS[source].which
    if are_most and kind.whole:
        which, values = kind.whole, values | {"keys": []}
    sql = (
        FOUND.replace("{key}", kind.key)
        .replace("{columns}", kind.columns)
        .replace("{table}", kind.table)
        .replace("{which}", which)
    )
    return (await warehouse.query(sql, values, max_result_bytes=MOST_BYTES)).rows
