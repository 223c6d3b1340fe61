"""From what the store says of transactions to answers."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Raw
from msgspec.structs import asdict

from clickhouse.client import Warehouse
from clickhouse.errors import transactions
from clickhouse.errors.repeated_spans import repeated
from clickhouse.errors.trace_links import Between, TraceLinks, by_trace_id
from clickhouse.errors.transaction_filters import TransactionFilter
from clickhouse.errors.transaction_lines import (
    StoredTransaction,
    TransactionLine,
    fetch_transaction,
    list_lines,
)
from clickhouse.errors.transaction_spans import (
    SlowSpans,
    SpanLine,
    SpanWithData,
    list_spans,
    list_with_data,
)
from clickhouse.errors.transaction_sums import Figures
from clickhouse.errors.transactions import TransactionGroup
from clickhouse.queries.values import number, quotient, text_or_none
from schemas.answers import Number
from schemas.errors.performance import (
    GroupAnswer,
    LineAnswer,
    LinkAnswer,
    Performance,
    RepeatedAnswer,
    SpanAnswer,
    SpanSortAnswer,
    SpanSortList,
    Sums,
    TransactionAnswer,
)
from schemas.projects import ProjectContext
from schemas.times import iso_ms

SHOWN = 100
MINUTE_US = 60_000_000


class Whole(NamedTuple):
    """One transaction with everything that is stored of it, and what else its trace has."""

    stored: StoredTransaction
    spans: list[SpanLine]
    links: TraceLinks


async def performance_body(
    warehouse: Warehouse, project: ProjectContext, wanted: TransactionFilter
) -> Performance:
    """Answers the figures of a range, and its newest transactions (contract 3.a.3)."""
    found, lines = await asyncio.gather(
        transactions.total(warehouse, project, wanted),
        list_lines(warehouse, project, wanted, order="newest", limit=SHOWN),
    )
    return Performance(sums_of(found.figures, wanted), [line_of(line) for line in lines])


async def read_whole(warehouse: Warehouse, project: ProjectContext, event_id: str) -> Whole | None:
    """Returns one transaction, `None` when the project has none of that id."""
    stored = await fetch_transaction(warehouse, project, event_id)
    if stored is None:
        return None
    line = stored.line
    between = Between(line.at_us, line.end_us)
    spans, links = await asyncio.gather(
        list_spans(warehouse, project, line),
        by_trace_id(warehouse, project, line.trace_id, between),
    )
    others = [one for one in links.transactions if one.event_id != line.event_id]
    return Whole(stored, spans, TraceLinks(others, links.errors, links.calls, links.agent_events))


async def read_answer(
    warehouse: Warehouse, project: ProjectContext, event_id: str
) -> TransactionAnswer | None:
    """Returns one transaction as it is answered, `None` when the project has none of that id."""
    whole = await read_whole(warehouse, project, event_id)
    if whole is None:
        return None
    spans = await list_with_data(warehouse, project, whole.stored.line)
    return _transaction(whole, spans)


def sums_of(found: Figures, wanted: TransactionFilter) -> Sums:
    """Returns the figures of a range as they are answered."""
    return Sums(**_figures(found, wanted))


def group_of(group: TransactionGroup, wanted: TransactionFilter) -> GroupAnswer:
    """Returns one group as it is answered."""
    return GroupAnswer(name=group.name, op=group.op, **_figures(group.figures, wanted))


def per_minute(count: int, wanted: TransactionFilter) -> Number:
    """Returns how many a minute of the range has."""
    return quotient(count * MINUTE_US, wanted.to_us - wanted.from_us + 1)


def line_of(line: TransactionLine) -> LineAnswer:
    """Returns one transaction as lists answer it."""
    return LineAnswer(
        id=line.event_id,
        name=line.name,
        op=line.op,
        trace_id=text_or_none(line.trace_id),
        duration_ms=number(line.duration_ms),
        status=line.status,
        failed=line.failed,
        environment=text_or_none(line.environment),
        release=text_or_none(line.release),
        timestamp=iso_ms(line.at_us),
        span_count=line.spans,
    )


def sorts_of(found: SlowSpans) -> SpanSortList:
    """Returns sorts of spans as they are answered."""
    sorts = [
        SpanSortAnswer(
            op=one.op,
            description=one.shape,
            count=one.count,
            transactions=one.transactions,
            total_ms=number(one.total_ms),
            avg=number(one.avg_ms),
            p50=number(one.p50_ms),
            p95=number(one.p95_ms),
            max=number(one.max_ms),
            share=number(one.share),
            slowest_transaction=one.slowest,
            slowest_span=one.slowest_span,
        )
        for one in found.sorts
    ]
    return SpanSortList(sorts, found.whole, found.looked_at, iso_ms(found.since_us), found.is_cut)


def _figures(found: Figures, wanted: TransactionFilter) -> dict[str, Any]:
    spread = found.spread if found.count else (None,) * 4
    return {
        "count": found.count,
        "throughput_per_minute": per_minute(found.count, wanted),
        "failed": found.failed,
        "failure_rate": found.failure_rate,
        "apdex": found.apdex,
        "avg": found.avg_ms,
        "total_ms": found.total_ms,
        **dict(zip(("p50", "p90", "p95", "p99"), spread, strict=True)),
    }


def _transaction(whole: Whole, spans: Sequence[SpanWithData]) -> TransactionAnswer:
    stored, line = whole.stored, whole.stored.line
    return TransactionAnswer(
        **asdict(line_of(line)),
        span_id=text_or_none(stored.span_id),
        parent_span_id=text_or_none(stored.parent_span_id),
        platform=text_or_none(line.platform),
        server_name=text_or_none(line.server),
        sdk=text_or_none(stored.sdk),
        dist=text_or_none(stored.dist),
        user=text_or_none(line.user),
        received_at=iso_ms(stored.received_at_us),
        details=stored.body,
        spans=[_span(one.span, one.data) for one in spans],
        repeated=[
            RepeatedAnswer(
                op=one.op,
                description=one.shape,
                parent_span_id=text_or_none(one.parent_span_id),
                first_span_id=one.first_span_id,
                count=one.count,
                total_ms=number(one.total_ms),
            )
            for one in repeated(one.span for one in spans)
        ],
        links=_links(whole.links),
    )


def _span(span: SpanLine, data: Raw | None) -> SpanAnswer:
    return SpanAnswer(
        span_id=span.span_id,
        parent_span_id=text_or_none(span.parent_span_id),
        op=span.op,
        description=span.description,
        status=text_or_none(span.status),
        timestamp=iso_ms(span.started_us),
        duration_ms=number(span.duration_ns / 1e6),
        data=data,
    )


def _links(links: TraceLinks) -> list[LinkAnswer]:
    found = [
        *(
            ("transaction", one.event_id, one.at_us, one.name, "error" if one.failed else "ok")
            for one in links.transactions
        ),
        *(("error", one.event_id, one.at_us, one.title, one.level) for one in links.errors),
        *(("llm_call", one.trace_id, one.at_us, one.model, one.status) for one in links.calls),
        *(
            ("agent_event", one.span_id, one.at_us, one.tool or one.event_type, one.status)
            for one in links.agent_events
        ),
    ]
    return [
        LinkAnswer(kind=kind, id=identity, timestamp=iso_ms(at_us), title=title, status=status)
        for kind, identity, at_us, title, status in sorted(found, key=lambda one: one[2])
    ]
