"""What is answered of transactions: one Struct per JSON shape, camelCase outside, every key there.

Durations are milliseconds, rates percent, times ISO in UTC. What is unknown is `null`.
"""

from msgspec import Raw, Struct

from schemas.answers import Number


class Sums(Struct, rename="camel", kw_only=True):
    """What some transactions add up to."""

    count: int
    throughput_per_minute: Number
    failed: int
    failure_rate: Number | None
    apdex: Number | None
    """From 0 to 1, with a target of 300 ms."""
    avg: Number | None
    p50: Number | None
    p90: Number | None
    p95: Number | None
    p99: Number | None
    """Percentiles of a sketch, within 1 % of the exact ones."""
    total_ms: Number


class GroupAnswer(Sums, rename="camel", kw_only=True):
    """The transactions of one name and operation."""

    name: str
    op: str


class GroupList(Struct, rename="camel"):
    """One page of groups; `cursor` is where the next one begins, `null` at the end."""

    transactions: list[GroupAnswer]
    totals: Sums
    groups: int
    """How many there are in all."""
    date_from: str
    date_to: str
    cursor: str | None


class SpanAnswer(Struct, rename="camel", kw_only=True):
    """One span within a transaction."""

    span_id: str
    parent_span_id: str | None
    op: str
    description: str
    status: str | None
    timestamp: str
    duration_ms: Number
    data: Raw | None


class RepeatedAnswer(Struct, rename="camel", kw_only=True):
    """The same operation and description, without values, five times or more under one parent."""

    op: str
    description: str
    parent_span_id: str | None
    first_span_id: str
    count: int
    total_ms: Number


class LinkAnswer(Struct, rename="camel", kw_only=True):
    """What else belongs to the trace."""

    kind: str
    """`transaction`, `error`, `llm_call` or `agent_event`."""
    id: str
    timestamp: str
    title: str
    status: str


class LineAnswer(Struct, rename="camel", kw_only=True):
    """One transaction, as lists show it."""

    id: str
    name: str
    op: str
    trace_id: str | None
    duration_ms: Number
    status: str
    failed: bool
    environment: str | None
    release: str | None
    timestamp: str
    span_count: int


class TransactionAnswer(LineAnswer, rename="camel", kw_only=True):
    """One transaction with its spans."""

    span_id: str | None
    parent_span_id: str | None
    platform: str | None
    server_name: str | None
    sdk: str | None
    dist: str | None
    user: str | None
    """What the person is counted by."""
    received_at: str
    details: Raw | None
    """What else the sender said: tags, contexts, measurements, request, user."""
    spans: list[SpanAnswer]
    repeated: list[RepeatedAnswer]
    links: list[LinkAnswer]


class SpanSortAnswer(Struct, rename="camel", kw_only=True):
    """Spans of one operation whose descriptions differ by values alone."""

    op: str
    description: str
    count: int
    transactions: int
    total_ms: Number
    avg: Number
    p50: Number
    p95: Number
    max: Number
    share: Number
    """Of the time of all spans that were looked at, in percent."""
    slowest_transaction: str
    slowest_span: str


class SpanSortList(Struct, rename="camel"):
    """Sorts of spans, the first in an order."""

    spans: list[SpanSortAnswer]
    total: int
    looked_at: int
    since: str
    """Older spans of the range were not looked at."""
    is_cut: bool


class Performance(Struct, rename="camel"):
    """What Open Sentry's agent API answers of a project's performance."""

    stats: Sums
    transactions: list[LineAnswer]
