"""What the read side answers: one Struct per JSON shape, camelCase outside, every key always there.

Costs are US cents; a JSON number that is whole is written without a fraction.
"""

from msgspec import UNSET, Raw, Struct, UnsetType, field

from schemas.answers import CostSource, Number
from schemas.sums import SumsOnly


class TraceAnswer(Struct, rename="camel", kw_only=True, omit_defaults=True, dict=True):
    """One LLM call. `Raw` fields hold the JSON that the sender sent."""

    trace_id: str
    project_id: str
    session_id: str | None
    timestamp: str
    latency_ms: Number
    provider: str
    model_requested: str
    model_used: str | None
    provider_request_id: str | None
    request_body: Raw | None
    response_body: Raw | None
    input_tokens: int | None
    output_tokens: int | None
    output_text: str | None
    finish_reason: str | None
    status: str
    error: Raw | None
    cost_cents: Number | None
    metadata: Raw | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    computed_cost_cents: Number | None
    reported_cost_cents: Number | None
    cost_source: CostSource | None
    price_snapshot: str | None
    environment: str | None
    api_key: str | None
    """The id of the key that it came with; null where it is not known."""
    received_at: str
    source: str
    """As the next six, of the distributed trace that the call belongs to; of itself without one."""
    services: list[str]
    span_count: int
    summary: str
    """`3 tool calls · 2 files edited`, or the model."""
    tool_call_count: int
    files_edited: int
    error_service: str | None
    """Of the first span that failed."""
    billing: str = ""
    """Why the call is not billed, as `repeated`; not there where it is."""
    convention: str | None = None
    """Whose conventions OpenTelemetry told the call by; `None` of what came otherwise, as are the
    next three."""
    service: str | None = None
    span_id: str | None = None
    otel_trace_id: str | None = None
    first_token_ms: Number | None = None
    prompt: str | None = None
    """Which prompt it used, and which version: as its sender says, or as they were found."""
    prompt_version: str | None = None
    spans: "list[LabelledSpan] | None" = None
    """The first of agents and tools of its distributed trace; where one call is asked for."""

    @property
    def told(self) -> bytes | None:
        """What prices need beside the counts, of a call that OpenTelemetry told; else `None`.

        It is no part of the answer.
        """
        return self.__dict__.get("told_usage")

    def tell(self, usage: bytes) -> None:
        """Notes it, as table `traces` keeps it."""
        self.__dict__["told_usage"] = usage


class SpanAnswer(Struct, rename="camel", kw_only=True):
    """One agent event. `duration_ms` of an end event may be measured from its start event."""

    span_id: str
    project_id: str
    session_id: str
    parent_span_id: str | None
    timestamp: str
    duration_ms: Number | None
    source: str
    kind: str
    event_type: str
    status: str
    tool_use_id: str | None
    tool_name: str | None
    tool_input: Raw | None
    tool_response: Raw | None
    error: Raw | None
    is_interrupt: bool | None
    cwd: str | None
    model: str | None
    agent_name: str | None
    metadata: Raw | None
    provider: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_cents: Number | None
    computed_cost_cents: Number | None
    reported_cost_cents: Number | None
    cost_source: CostSource | None
    price_snapshot: str | None
    received_at: str
    trace_id: str | None = None
    """Of a distributed trace that OpenTelemetry told."""
    service: str | None = None
    convention: str | None = None
    api_key: str | None = None
    """The id of the key that it came with; null where it is not known."""


class LabelledSpan(SpanAnswer, rename="camel", kw_only=True):
    """One agent event within a trace. The label is its tool, its agent, its model or its event."""

    label: str


class TraceList(Struct, rename="camel"):
    """One page of traces; `total` counts all matches, of a search 10,000 at most.

    `nextCursor` is where the next page begins, `null` at the end.
    """

    traces: list[TraceAnswer]
    total: int
    limit: int
    offset: int
    next_cursor: str | None


class SpanList(Struct, rename="camel"):
    """One page of spans; `total` counts all matches."""

    spans: list[SpanAnswer]
    total: int
    limit: int
    offset: int


class SessionTraces(Struct, rename="camel"):
    """The traces of one session, oldest first."""

    session_id: str
    traces: list[TraceAnswer]


class SessionSpans(Struct, rename="camel"):
    """The spans of one session, oldest first."""

    session_id: str
    spans: list[SpanAnswer]


class TokenTotals(Struct, rename="camel"):
    """Sums of tokens; a call that named none counts as none."""

    input: int
    output: int
    total: int
    cache_read: int
    cache_write: int
    reasoning: int


class ContractTokens(Struct, rename="camel"):
    """The three sums that Pulse's own clients know."""

    input: int
    output: int
    total: int


class PeriodCost(Struct, rename="camel"):
    """What one provider cost in one period, which is named by its local date or time."""

    period: str
    provider: str
    cost_cents: Number
    start: str
    """The period's first moment, with the offset of the zone."""


class ProviderCost(Struct, rename="camel"):
    """What one provider cost over the range."""

    provider: str
    cost_cents: Number
    requests: int


class ModelUse(Struct, rename="camel"):
    """How much one model was used over the range."""

    provider: str
    model: str
    requests: int
    cost_cents: Number
    avg_latency: Number
    total_tokens: int
    error_rate: Number


class Ratios(Struct, rename="camel"):
    """Quotients of the totals; 0 where the divisor is 0."""

    cost_per_request: Number
    tokens_per_request: Number
    cost_per1k_tokens: Number = field(name="costPer1kTokens")
    traces_per_session: Number
    avg_input_tokens: Number
    avg_output_tokens: Number


class Spread(Struct, rename="camel"):
    """Mean (exact) and percentiles (within 1 %) in milliseconds; 0 where nothing was measured."""

    avg: Number
    p50: Number
    p90: Number
    p95: Number
    p99: Number


class UnpricedModel(Struct, rename="camel"):
    """A model with calls whose cost is not known, neither by price list nor from the sender."""

    provider: str
    model: str
    requests: int


class CostSums(Struct, rename="camel"):
    """Both costs side by side, whatever the project's preference."""

    reported_cents: Number
    computed_cents: Number


class Bucket(Struct, rename="camel", kw_only=True):
    """One group's numbers in one period; names as in `PeriodCost`."""

    period: str
    start: str
    requests: int
    errors: int
    error_rate: Number
    tokens: TokenTotals
    cost_cents: Number
    reported_cost_cents: Number
    computed_cost_cents: Number
    unpriced_requests: int
    avg_latency: Number


class Group(Struct, rename="camel", kw_only=True, omit_defaults=True):
    """One group of a `group_by`; a part of the key is null where a trace has no such value."""

    key: dict[str, str | None]
    start: str | None = None
    """The first moment of the period in the key, with the offset of the zone."""
    requests: int
    errors: int
    error_rate: Number
    sessions: int
    tokens: TokenTotals
    cost_cents: Number
    reported_cost_cents: Number
    computed_cost_cents: Number
    unpriced_requests: int
    avg_latency: Number
    p50: Number
    p90: Number
    p95: Number
    p99: Number
    buckets: list[Bucket] | None = None


class SummedGroup(Struct, frozen=True, kw_only=True):
    """One group with what adds up, which one statement yields; names as in `Group`."""

    key: dict[str, str | None]
    start: str | None
    requests: int
    errors: int
    error_rate: Number
    tokens: TokenTotals
    cost_cents: Number
    reported_cost_cents: Number
    computed_cost_cents: Number
    unpriced_requests: int
    avg_latency: Number


class AnalyticsAnswer(Struct, rename="camel", kw_only=True, omit_defaults=True):
    """`GET /v1/analytics`; `groups` only where a group_by asks for them."""

    total_cost: Number
    total_requests: int
    total_sessions: int
    total_tokens: ContractTokens
    avg_latency: Number
    error_rate: Number
    cost_over_time: list[PeriodCost]
    cost_by_provider: list[ProviderCost]
    top_models: list[ModelUse]
    computed: Ratios
    latency: Spread
    unpriced: list[UnpricedModel]
    costs: CostSums
    time_zone: str
    """Whose days, weeks and months the periods are."""
    groups: list[Group] | None = None
    sums_only: SumsOnly | None = None
    """Only where the range reaches into a time whose rows retention has deleted."""


class ToolUse(Struct, rename="camel"):
    """How many spans use one tool, and in how many calls; an error rate is of calls, in percent."""

    name: str
    count: int
    calls: int
    error_rate: Number


class KindCount(Struct, rename="camel"):
    """How many spans are of one kind."""

    kind: str
    count: int


class SourceCount(Struct, rename="camel"):
    """How many spans come from one source."""

    source: str
    count: int


class PeriodCount(Struct, rename="camel"):
    """How many spans fall in one period; names as in `PeriodCost`."""

    period: str
    count: int
    start: str


class SpanAnalyticsAnswer(Struct, rename="camel", kw_only=True):
    """`GET /v1/analytics/spans`. Tokens and costs are those of the spans of kind `llm_response`."""

    agent_runs: int
    tool_calls: int
    """Spans of the kind: start and end of a call are two."""
    calls: int
    """Start and end are one; a call without an end counts where it last began."""
    call_error_rate: Number
    avg_session_duration_ms: Number
    success_rate: Number
    top_tools: list[ToolUse]
    total_spans: int
    error_rate: Number
    avg_duration_ms: Number
    spans_by_kind: list[KindCount]
    spans_by_source: list[SourceCount]
    spans_over_time: list[PeriodCount]
    durations: Spread
    session_durations: Spread
    tokens: TokenTotals
    cost_cents: Number
    costs: CostSums
    unpriced_requests: int
    time_zone: str
    sums_only: SumsOnly | UnsetType = UNSET
    """As in `AnalyticsAnswer`."""
