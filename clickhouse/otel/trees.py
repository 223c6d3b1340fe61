"""The tree of a trace, a page of it at a time: spans in their places with what belongs to them.

All spans of the trace are read by ids and times for each page, and the details of its own alone. So
a trace of any size takes bounded memory, and pages fit together while spans still come in.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from clickhouse.client import Warehouse
from clickhouse.otel.arranging import BareSpan, Tree, arrange
from clickhouse.otel.bare_spans import BareTrace, read_bare
from clickhouse.otel.span_calls import Moments, read_calls, read_tools
from clickhouse.otel.span_details import Details, read_details
from clickhouse.otel.trace_beside import (
    LogCount,
    count_logs,
    describe_whole,
    first_logs,
    list_errors,
    running_deployments,
)
from clickhouse.otel.trace_places import TracePlace, find_trace
from clickhouse.queries.values import number
from schemas.otel.answers import (
    LogStart,
    TraceTree,
    TreeCall,
    TreeError,
    TreeLogs,
    TreeSpan,
    TreeTool,
)
from schemas.projects import ProjectContext
from schemas.times import iso_ms

DEFAULT_SPANS = 1_000
MOST_SPANS = 10_000
"""Of a page."""
GONE = Details("")


class Cursor(NamedTuple):
    """Where a page begins: after a span, which stood at a place."""

    place: int
    after: str = ""


class Page(NamedTuple):
    """Which part of a tree."""

    limit: int = DEFAULT_SPANS
    cursor: Cursor = Cursor(0)
    under: str = ""
    """The id of a span: only it, and what is below it."""


class _Shown(NamedTuple):
    """Places of the order that are on a page, and the cursor of the next."""

    places: range
    cursor: str | None


class _Found(NamedTuple):
    """What was found of the spans of a page."""

    details: Mapping[tuple[str, str], Details]
    calls: Mapping[str, TreeCall]
    tools: Mapping[str, TreeTool]
    errors: Mapping[str, list[TreeError]]
    counts: Mapping[str, LogCount]
    logs: Mapping[str, list[LogStart]]


async def read_tree(
    warehouse: Warehouse, project: ProjectContext, asked: str, page: Page
) -> TraceTree | None:
    """Returns a page of a trace's tree; `None` where nothing of the trace is stored."""
    place = await find_trace(warehouse, project, asked)
    if place is None:
        return None
    bare, whole, errors, counts, deployments = await asyncio.gather(
        read_bare(warehouse, project, place),
        describe_whole(warehouse, project, place),
        list_errors(warehouse, project, place),
        count_logs(warehouse, project, place),
        running_deployments(warehouse, project, place),
    )
    tree = await asyncio.to_thread(arrange, bare.spans)
    shown = _shown(bare.spans, tree, page)
    on_page = [bare.spans[tree.order[one]] for one in shown.places]
    known = {span.span_id for span in bare.spans}
    are_most = 2 * len(on_page) >= len(bare.spans)
    found = await _find(warehouse, project, place, on_page, counts, are_most=are_most)
    found = found._replace(errors=_by_span(errors))
    first_us = min((span.at_us for span in bare.spans), default=place.first_us)
    last_us = max((_end_us(span) for span in bare.spans), default=place.last_us)
    return TraceTree(
        trace_id=place.trace_id,
        timestamp=iso_ms(first_us),
        duration_ms=number((last_us - first_us) / 1000),
        services=whole.services,
        releases=whole.releases,
        span_count=max(len(bare.spans), whole.spans),
        is_cut=bare.is_cut,
        error_count=whole.failed,
        log_count=sum(one.records for one in counts.values()),
        deployments=deployments,
        errors=[error for error in errors if error.span_id not in known],
        spans=[_node(bare, tree, one, first_us, found) for one in shown.places],
        cursor=shown.cursor,
    )


def _shown(spans: Sequence[BareSpan], tree: Tree, page: Page) -> _Shown:
    """Returns which places of the order are on a page, and where the next one begins."""
    first, end = 0, len(tree.order)
    if page.under:
        first = _place_of(spans, tree, page.under, range(end), end)
        end = min(end, first + 1 + tree.below[first] if first < end else end)
    begin, after = first + page.cursor.place, page.cursor.after
    if after and not _stands_at(spans, tree, begin - 1, after):
        begin = 1 + _place_of(spans, tree, after, range(first, end), begin - 1)
    places = range(min(begin, end), min(begin + page.limit, end))
    if not places or places.stop == end:
        return _Shown(places, None)
    last = spans[tree.order[places.stop - 1]].span_id
    return _Shown(places, f"{places.stop - first}_{last}")


def _place_of(
    spans: Sequence[BareSpan], tree: Tree, span_id: str, within: range, default: int
) -> int:
    return next((n for n in within if spans[tree.order[n]].span_id == span_id), default)


def _stands_at(spans: Sequence[BareSpan], tree: Tree, place: int, span_id: str) -> bool:
    return 0 <= place < len(tree.order) and spans[tree.order[place]].span_id == span_id


async def _find(
    warehouse: Warehouse,
    project: ProjectContext,
    place: TracePlace,
    shown: Sequence[BareSpan],
    counts: Mapping[str, LogCount],
    *,
    are_most: bool,
) -> _Found:
    if not shown:
        return _Found({}, {}, {}, {}, counts, {})
    details = await read_details(warehouse, project, place, shown, are_most=are_most)
    within = Moments(min(one.at_us for one in shown), max(one.at_us for one in shown))
    keys: dict[str, list[str]] = defaultdict(list)
    for span in shown:
        kind = details.get((span.source, span.key), GONE).kind
        if span.source == "call" or (span.source == "otel" and kind not in ("span", "tool", "")):
            keys["calls"].append(span.key)
        elif kind in ("tool", "tool_use") and span.source in ("otel", "agent_event"):
            keys["tools"].append(span.key)
    calls, tools, logs = await asyncio.gather(
        read_calls(
            warehouse, project, keys["calls"], within, of_traces=place.ids if are_most else ()
        ),
        read_tools(warehouse, project, keys["tools"], within),
        first_logs(
            warehouse, project, place, [one.span_id for one in shown if one.span_id in counts]
        ),
    )
    return _Found(details, calls, tools, {}, counts, logs)


def _by_span(errors: Sequence[TreeError]) -> Mapping[str, list[TreeError]]:
    found: dict[str, list[TreeError]] = defaultdict(list)
    for error in errors:
        found[error.span_id].append(error)
    return found


def _node(bare: BareTrace, tree: Tree, place: int, first_us: int, found: _Found) -> TreeSpan:
    span, depth = bare.spans[tree.order[place]], tree.depths[place]
    details = found.details.get((span.source, span.key), GONE)
    above = tree.parents[place]
    counts = found.counts.get(span.span_id)
    call, tool = found.calls.get(span.key), found.tools.get(span.key)
    return TreeSpan(
        id=span.key,
        source=span.source,
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_id or None,
        depth=depth,
        children=tree.children[place],
        descendants=tree.below[place],
        is_orphan=bool(span.parent_id) and depth == 0,
        is_skewed=above >= 0 and span.at_us < bare.spans[tree.order[above]].at_us,
        name=details.name,
        label=(tool and tool.name) or (call and call.model) or details.name,
        service=details.service,
        kind=details.kind,
        span_kind=details.span_kind,
        convention=details.convention,
        status=details.status,
        status_message=details.status_message,
        session_id=details.session_id,
        timestamp=iso_ms(span.at_us),
        offset_ms=number((span.at_us - first_us) / 1000),
        duration_ms=number(span.duration_ns / 1e6),
        call=call,
        tool=tool,
        errors=list(found.errors.get(span.span_id, ())),
        logs=TreeLogs(*counts, found.logs.get(span.span_id, [])) if counts else None,
    )


def _end_us(span: BareSpan) -> int:
    return span.at_us + span.duration_ns // 1000
