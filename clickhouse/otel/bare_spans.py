"""All spans of one trace by ids and times alone, from wherever they are stored.

`otel_spans`, and what came by other ways with the id of the same trace: transactions of Sentry's
SDKs with their spans, LLM calls and events of agents whose metadata name the trace.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.errors.trace_links import AROUND_US, TAGGED
from clickhouse.otel.arranging import BareSpan
from clickhouse.otel.trace_places import TracePlace
from clickhouse.tags import stored_tag, tag_sql
from schemas.projects import ProjectContext

Source = Literal["otel", "transaction", "transaction_span", "streamed_span", "call", "agent_event"]
MOST_SPANS = 200_000
"""Of a trace, those that began first: a tree of more is cut. Each takes some 500 bytes here."""
MOST_BESIDE = 2_000
"""Of a trace, of each other sort."""
MOST_BYTES = 128 << 20
WITHIN = """project_id = {project_id:String}
    AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"""
OF_TRACE = f"{WITHIN}\n    AND trace_id IN {{ids:Array(String)}}"
BARE = """
SELECT {columns}
FROM {table}
WHERE {which}
ORDER BY timestamp, {first}
LIMIT {limit:UInt32}
"""
AT = "toUnixTimestamp64Micro(timestamp), duration_ns"
OF_TRANSACTIONS = """project_id = {project_id:String}
    AND toUnixTimestamp64Micro(timestamp) IN {moments:Array(Int64)}
    AND event_id IN {events:Array(String)}"""
SPAN_TAG = f"""substring(if({tag_sql("spanId")} != '', {tag_sql("spanId")},
    {tag_sql("span_id")}), 2)"""


class BareTrace(NamedTuple):
    """All spans of a trace, those of OpenTelemetry first."""

    spans: list[BareSpan]
    is_cut: bool
    """Whether there are more."""


async def read_bare(warehouse: Warehouse, project: ProjectContext, place: TracePlace) -> BareTrace:
    """Returns all spans of a trace, without what they are of."""
    values = place.values(project)
    around = values | {
        "from_us": place.first_us - AROUND_US,
        "to_us": place.last_us + AROUND_US,
        "tags": [stored_tag(one) for one in place.ids],
    }
    told, *others = await asyncio.gather(
        _read(warehouse, "otel", values, MOST_SPANS + 1),
        _transactions(warehouse, around),
        *(_read(warehouse, source, around) for source in ("streamed_span", "call", "agent_event")),
    )
    spans = [*told[:MOST_SPANS], *(span for some in others for span in some)]
    return BareTrace(spans, len(told) > MOST_SPANS)


class _Kind(NamedTuple):
    table: str
    columns: str
    """Id, parent, time, length, key, trace."""
    which: str
    first: str
    """What comes first of spans that began together."""


KINDS: dict[str, _Kind] = {
    "otel": _Kind(
        "otel_spans", f"span_id, parent_span_id, {AT}, item_id, trace_id", OF_TRACE, "item_id"
    ),
    "transaction": _Kind(
        "transactions", f"span_id, parent_span_id, {AT}, event_id, trace_id", OF_TRACE, "event_id"
    ),
    "transaction_span": _Kind(
        "transaction_spans",
        "span_id, parent_span_id, toUnixTimestamp64Micro(started), duration_ns,"
        " concat(event_id, '-', span_id), ''",
        OF_TRANSACTIONS,
        "started, span_id",
    ),
    "streamed_span": _Kind(
        "streamed_spans", f"span_id, parent_span_id, {AT}, item_id, trace_id", OF_TRACE, "item_id"
    ),
    # Those that OpenTelemetry told are among its spans.
    "call": _Kind(
        "traces",
        f"trace_id, {SPAN_TAG}, toUnixTimestamp64Micro(timestamp), latency_ns, trace_id, ''",
        f"{WITHIN}\n    AND span_id = '' AND {TAGGED}",
        "trace_id",
    ),
    "agent_event": _Kind(
        "spans",
        f"span_id, if(ifNull(parent_span_id, '') = '', {SPAN_TAG}, ifNull(parent_span_id, '')),"
        " toUnixTimestamp64Micro(timestamp), toUInt64(round(ifNull(duration_ms, 0) * 1e6)),"
        " span_id, ''",
        f"{WITHIN}\n    AND trace_id = '' AND {TAGGED}",
        "span_id",
    ),
}


async def _transactions(warehouse: Warehouse, values: dict[str, Any]) -> list[BareSpan]:
    """Returns transactions, and the spans that came within them."""
    found = await _read(warehouse, "transaction", values)
    if not found:
        return []
    within = values | {
        "moments": [span.at_us for span in found],
        "events": [span.key for span in found],
    }
    return found + await _read(warehouse, "transaction_span", within)


async def _read(
    warehouse: Warehouse, source: str, values: dict[str, Any], limit: int = MOST_BESIDE
) -> list[BareSpan]:
    kind = KINDS[source]
    sql = (
        BARE.replace("{columns}", kind.columns)
        .replace("{table}", kind.table)
        .replace("{which}", kind.which)
        .replace("{first}", kind.first)
    )
    answer = await warehouse.query(sql, values | {"limit": limit}, max_result_bytes=MOST_BYTES)
    return _spans(source, answer.rows)


def _spans(source: str, rows: Sequence[Sequence[Any]]) -> list[BareSpan]:
    return [
        BareSpan(span_id, parent, at_us, duration_ns, source, key, trace_id)
        for span_id, parent, at_us, duration_ns, key, trace_id in rows
    ]
