"""Spans that came by themselves are read as those that came within their transaction."""

import uuid

from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.errors.repeated_spans import find_patterns
from clickhouse.errors.transaction_filters import Named, SpanFilter, TransactionFilter
from clickhouse.errors.transaction_lines import fetch_transaction, list_lines
from clickhouse.errors.transaction_spans import (
    fetch_span,
    list_spans,
    list_with_data,
    slowest_spans,
)
from clickhouse.errors.transaction_values import span_values_like
from schemas.errors.transaction import MAX_SPANS
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.rows import DAY_US, HOUR_US, START_US
from tests.integration.queries.transaction_rows import (
    MS,
    Span,
    Transaction,
    store_spans,
    store_streamed,
    store_transactions,
)

EVENT_ID = "a" * 32
EVERYTHING = TransactionFilter(from_us=START_US - DAY_US, to_us=START_US + DAY_US)
HOSTILE = "'; DROP TABLE streamed_spans -- \\ ` {x:String} \" 🙂\n"


def transaction(project: ProjectContext, event_id: str = EVENT_ID, **fields: object) -> Transaction:
    return Transaction(project_id=project.project_id, event_id=event_id, **fields)  # type: ignore[arg-type]


def span(project: ProjectContext, span_id: str, at_us: int = START_US, **fields: object) -> Span:
    given = {"event_id": EVENT_ID, "transaction": "/checkout", **fields}
    return Span(project_id=project.project_id, timestamp_us=at_us, span_id=span_id, **given)  # type: ignore[arg-type]


async def ids_of(warehouse: Warehouse, project: ProjectContext, event_id: str) -> list[str]:
    found = await fetch_transaction(warehouse, project, event_id)
    assert found is not None
    return [one.span_id for one in await list_spans(warehouse, project, found.line)]


async def test_they_stand_among_the_others_whenever_they_began(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_transactions(warehouse, [transaction(project, spans=1)])
    store_spans(warehouse, [span(project, "whole", started_us=START_US + 5)])
    # Long before their transaction, within it, and long after: each in a block of its own.
    for name, at_us in (("late", 9 * HOUR_US), ("early", -9 * HOUR_US), ("within", 7)):
        one = span(project, name, START_US + at_us, data=b'{"of":"%b"}' % name.encode())
        store_streamed(warehouse, [one])

    found = await fetch_transaction(warehouse, project, EVENT_ID)
    assert found is not None
    pairs = await list_with_data(warehouse, project, found.line)
    opened = await fetch_span(warehouse, project, found.line, "late")
    (line,) = await list_lines(warehouse, project, EVERYTHING, order="slowest", limit=9)

    assert [one.span.span_id for one in pairs] == ["early", "whole", "within", "late"]
    assert [one.span for one in pairs] == await list_spans(warehouse, project, found.line)
    assert [bytes(one.data or b"") for one in pairs if one.data] == [
        b'{"of":"early"}',
        b'{"of":"within"}',
        b'{"of":"late"}',
    ]
    assert opened is not None
    assert (opened[0].started_us, bytes(opened[1] or b"")) == (
        START_US + 9 * HOUR_US,
        b'{"of":"late"}',
    )
    assert found.has_come
    assert found.line.spans == line.spans == 4


async def test_those_over_the_bound_are_counted_and_not_listed(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_transactions(warehouse, [transaction(project)])
    store_streamed(warehouse, [span(project, f"{n}", START_US + n) for n in range(MAX_SPANS + 1)])

    found = await fetch_transaction(warehouse, project, EVENT_ID)

    assert found is not None
    assert found.line.spans == MAX_SPANS + 1
    assert len(await list_spans(warehouse, project, found.line)) == MAX_SPANS


async def test_they_are_among_the_slowest_the_patterns_and_the_suggestions(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_transactions(
        warehouse, [transaction(project), transaction(project, "b" * 32, environment="staging")]
    )
    store_streamed(
        warehouse,
        [
            span(project, f"q{n}", START_US + n, parent_span_id="p", description=f"SELECT {n}")
            for n in range(5)
        ],
    )
    other = {"event_id": "b" * 32, "transaction": "/other", "op": "http.client"}
    store_spans(warehouse, [span(project, "x", description="GET /", duration_ns=9 * MS, **other)])

    wanted = SpanFilter(within=EVERYTHING)
    slow = await slowest_spans(warehouse, project, wanted, order="total", limit=9)
    staging = replace(EVERYTHING, named=(Named("environment", "staging"),))
    narrowed = await slowest_spans(
        warehouse, project, SpanFilter(within=staging), order="total", limit=9
    )
    patterns = await find_patterns(warehouse, project, EVERYTHING)
    ops = await span_values_like(warehouse, project, wanted, "op", "")

    assert [(one.shape, one.count, one.transactions) for one in slow.sorts] == [
        ("GET /", 1, 1),
        ("SELECT ?", 5, 1),
    ]
    assert slow.looked_at == 6
    assert slow.sorts[1].slowest == EVENT_ID
    assert [one.shape for one in narrowed.sorts] == ["GET /"]
    assert [(one.shape, one.spans, one.example) for one in patterns.patterns] == [
        ("SELECT ?", 5, EVENT_ID)
    ]
    assert ops == [("db", 5), ("http.client", 1)]


async def test_a_transaction_that_has_not_come_is_what_its_spans_tell(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    spans = [
        span(project, "1", START_US + 3, duration_ns=2_500),
        span(project, "2", START_US, duration_ns=1_000),
    ]
    store_streamed(warehouse, spans, trace_id="t")

    before = await fetch_transaction(warehouse, project, str(uuid.UUID(EVENT_ID)))
    assert before is not None
    listed = await list_lines(warehouse, project, EVERYTHING, order="newest", limit=9)
    opened = await fetch_span(warehouse, project, before.line, "1")
    store_transactions(warehouse, [transaction(project, duration_ns=7)])
    after = await fetch_transaction(warehouse, project, EVENT_ID)

    assert (before.has_come, before.body) == (False, None)
    assert (before.line.name, before.line.trace_id, before.line.spans) == ("/checkout", "t", 2)
    assert (before.line.at_us, before.line.duration_ns) == (START_US, 5_500)
    assert (before.line.status, before.line.failed) == ("unknown", False)
    assert opened is not None
    assert listed == []
    assert after is not None
    assert (after.has_come, after.line.duration_ns, after.line.spans) == (True, 7, 2)
    assert await ids_of(warehouse, project, EVENT_ID) == ["2", "1"]


async def test_nothing_of_another_project_is_in_any_answer(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    other = replace(project, project_id=ProjectId(uuid.uuid4().hex))
    # The same ids in both.
    store_transactions(warehouse, [transaction(project), transaction(other)])
    theirs = [span(other, f"t{n}", START_US + n, description="theirs") for n in range(9)]
    unfinished = span(other, "u", event_id="c" * 32)
    store_streamed(warehouse, [*theirs, unfinished, span(project, "o", description=HOSTILE)])

    (line,) = await list_lines(warehouse, project, EVERYTHING, order="newest", limit=9)
    wanted = SpanFilter(within=EVERYTHING)
    slow = await slowest_spans(warehouse, project, wanted, order="total", limit=9)

    assert await ids_of(warehouse, project, EVENT_ID) == ["o"]
    assert line.spans == 1
    assert await fetch_span(warehouse, project, line, "t1") is None
    assert await fetch_transaction(warehouse, project, "c" * 32) is None
    assert [one.shape for one in slow.sorts] == [HOSTILE.strip()]
    assert (await find_patterns(warehouse, project, EVERYTHING)).patterns == []
