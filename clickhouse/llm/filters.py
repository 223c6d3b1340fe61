"""What a list or an analysis is narrowed to, and the SQL conditions for it.

Conditions are fixed texts with bound values; a filter that is `None` adds none.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from clickhouse.attribute_filters import Attribute
from clickhouse.llm.scored import Scored, scored_calls
from clickhouse.queries.conditions import Condition
from clickhouse.span_attributes import AttributesOfSpans, having_attributes
from clickhouse.tags import stored_tag, tag_sql
from clickhouse.texts import (
    INPUT_WORDS,
    TRACE_WORDS,
    Term,
    in_bodies,
    standing_in,
    written_forms,
)
from schemas.ids import spellings
from schemas.projects import CostPreference, ProjectContext

# The cost that counts, on base rows.
COUNTED_COST: Mapping[CostPreference, str] = {
    "reported": "coalesce(reported_cost, computed_cost)",
    "computed": "coalesce(computed_cost, reported_cost)",
}
AT_LEAST = " >= {min_cost:Decimal(38, 12)}"
GREATER_COST = "\n        AND greatest(ifNull(computed_cost, 0), ifNull(reported_cost, 0))"
"""Where the cost that counts is at least so much, this is: the index `by_cost` knows it."""
FROM = "timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')"
TO = "timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"
BILLED = "billing = ''"
"""Of the rows of `traces`; the rollups have sums of these alone."""
# Filter name to condition; the value is bound under the filter's name.
EQUALITIES: Mapping[str, str] = {
    "session_id": "session_id IN {session_id:Array(String)}",
    "provider": "provider = {provider:String}",
    "model": "model_requested = {model:String}",
    "model_used": "model_used = {model_used:String}",
    "status": "status = {status:String}",
    "user": "user_id = {user:String}",
    "environment": "environment = {environment:String}",
    "api_key": "api_key = {api_key:String}",
    "prompt": "prompt = {prompt:String}",
    "prompt_version": "prompt_version = {prompt_version:String}",
    "source": "source = {source:String}",
    "kind": "kind = {kind:String}",
    "tool_name": "tool_name = {tool_name:String}",
    "otel_trace": "trace_id = {otel_trace:String}",
    "service": "service = {service:String}",
    "convention": "convention = {convention:String}",
    "tag": "has(JSONExtract(metadata, 'tags', 'Array(String)'), {tag:String})",
}
# Columns that are never NULL: what is unset there is the empty text.
NEGATABLE: Mapping[str, str] = {
    "session_id": "session_id",
    "provider": "provider",
    "model": "model_requested",
    "status": "status",
    "user": "user_id",
    "environment": "environment",
    "api_key": "api_key",
}
UNNAMED_SOURCE = "sdk"
"""The source of calls whose sender names none, as Pulse has it."""
# A call that came with a span has the source of its trace.
OF_SOURCE = """(span_id = ''
            AND if(convention = '', '{unnamed}', convention::String) = {source:String}
        OR span_id != '' AND sipHash64(substring(trace_id, 1, 32)) IN (
            SELECT sipHash64(trace_id)
            FROM otel_traces
            WHERE project_id = {project_id:String}
                AND source = {source:String}
                AND hour >= fromUnixTimestamp64Micro({source_from_us:Int64}, 'UTC')
                AND hour <= fromUnixTimestamp64Micro({source_to_us:Int64}, 'UTC')
        ))""".replace("{unnamed}", UNNAMED_SOURCE)
AROUND_US = 6 * 3_600_000_000
"""How far from a call the span may be that says the source."""
LATEST_US = 4_000_000_000_000_000
"""In the year 2096: what `DateTime` holds."""
SEARCHED = ("request_body", "response_body", "ifNull(output_text, '')", "error")
"""Where a text is looked for."""


class TraceFilter(Struct, frozen=True, kw_only=True):
    """Which traces. Bounds are inclusive; times are microseconds since 1970 UTC."""

    from_us: int | None = None
    to_us: int | None = None
    session_id: str | None = None
    provider: str | None = None
    model: str | None = None
    model_used: str | None = None
    status: str | None = None
    user: str | None = None
    environment: str | None = None
    api_key: str | None = None
    """The id of the key that they came with."""
    prompt: str | None = None
    """As its sender names it, or as it was found (`processors.llm.templates`)."""
    prompt_version: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    """Pairs of a top-level metadata key and the text of its value; all must match."""
    without: tuple[tuple[str, str], ...] = ()
    """Pairs of a name in `NEGATABLE` and a value; none may match."""
    texts: tuple[str, ...] = ()
    """Each stands in the request, the answer or the error, in capitals or not."""
    without_texts: tuple[str, ...] = ()
    """None of these does."""
    min_latency_ms: Decimal | None = None
    max_latency_ms: Decimal | None = None
    min_cost_cents: Decimal | None = None
    max_cost_cents: Decimal | None = None
    every_billing: bool = False
    """Also calls that are not billed, because others tell of them too."""
    service: str | None = None
    convention: str | None = None
    """By which OpenTelemetry told it."""
    tag: str | None = None
    """One of the `tags` of its metadata."""
    trace_source: str | None = None
    """Who sent the trace that it belongs to."""
    attributes: tuple[Attribute, ...] = ()
    """Of the span that told it, and of no other calls."""
    resource: tuple[Attribute, ...] = ()
    words: tuple[Term, ...] = ()
    """Each stands in the request or the answer, which came as JSON. Calls that OpenTelemetry told
    are found by their messages: `clickhouse.message_search`."""
    scored: Scored | None = None

    @property
    def reads_rows(self) -> bool:
        """Whether it asks for what no rollup can have."""
        of_texts = (self.metadata, self.texts, self.without_texts, self.words)
        of_spans = (self.service, self.convention, self.tag, self.trace_source)
        others = (self.attributes, self.resource, self.scored)
        return self.every_billing or any((*of_texts, *of_spans, *others))


class SpanFilter(Struct, frozen=True, kw_only=True):
    """Which spans. Bounds are inclusive; times are microseconds since 1970 UTC."""

    from_us: int | None = None
    to_us: int | None = None
    session_id: str | None = None
    source: str | None = None
    kind: str | None = None
    tool_name: str | None = None
    status: str | None = None
    otel_trace: str | None = None
    """The id of a distributed trace."""
    service: str | None = None
    words: tuple[Term, ...] = ()
    """Each stands in what the tool was given."""


def condition(project: ProjectContext, wanted: TraceFilter | SpanFilter) -> Condition:
    """Returns the condition that binds the project and everything `wanted` names."""
    parts = ["project_id = {project_id:String}"]
    values: dict[str, Any] = {"project_id": project.project_id}
    for name, sql in (("from_us", FROM), ("to_us", TO), *EQUALITIES.items()):
        value = getattr(wanted, name, None)
        if value is not None:
            parts.append(sql)
            values[name] = list(spellings(value)) if name == "session_id" else value
    if isinstance(wanted, TraceFilter):
        if not wanted.every_billing:
            parts.append(BILLED)
        for number, (name, text) in enumerate(wanted.without):
            parts.append(f"{NEGATABLE[name]} NOT IN {{without_{number}:Array(String)}}")
            values[f"without_{number}"] = list(spellings(text) if name == "session_id" else (text,))
        _add_source(wanted, parts, values)
        _add_metadata(wanted, parts, values)
        _add_texts(wanted, parts, values)
        _add_amounts(project, wanted, parts, values)
        if wanted.scored is not None:
            scored = scored_calls(wanted.scored, wanted.from_us)
            parts.append(scored.sql)
            values |= scored.values
    _add_attributes(wanted, parts, values)
    _add_words(wanted, parts, values)
    return Condition("\n        AND ".join(parts), values)


def _add_source(wanted: TraceFilter, parts: list[str], values: dict[str, Any]) -> None:
    if wanted.trace_source is None:
        return
    from_us = 0 if wanted.from_us is None else wanted.from_us - AROUND_US
    to_us = LATEST_US if wanted.to_us is None else wanted.to_us + AROUND_US
    parts.append(OF_SOURCE)
    values |= {
        "source": wanted.trace_source,
        "source_from_us": max(0, min(from_us, LATEST_US)),
        "source_to_us": max(0, min(to_us, LATEST_US)),
    }


def _add_metadata(wanted: TraceFilter, parts: list[str], values: dict[str, Any]) -> None:
    for number, (key, value) in enumerate(wanted.metadata):
        parts.append(f"{tag_sql(key)} = {{tag_{number}:String}}")
        values[f"tag_{number}"] = stored_tag(value)


def _add_texts(wanted: TraceFilter, parts: list[str], values: dict[str, Any]) -> None:
    texts = [("", text) for text in wanted.texts] + [("NOT ", one) for one in wanted.without_texts]
    for number, (sign, text) in enumerate(texts):
        name = f"text_{number}"
        parts.append(f"{sign}{standing_in(SEARCHED, name)}")
        values[name] = written_forms(text)


def _add_attributes(
    wanted: TraceFilter | SpanFilter, parts: list[str], values: dict[str, Any]
) -> None:
    if isinstance(wanted, TraceFilter) and (wanted.attributes or wanted.resource):
        within = [sql for us, sql in ((wanted.from_us, FROM), (wanted.to_us, TO)) if us is not None]
        asked = AttributesOfSpans(wanted.attributes, wanted.resource)
        found = having_attributes("trace_id", asked, within)
        parts.append(found.sql)
        values |= found.values


def _add_words(wanted: TraceFilter | SpanFilter, parts: list[str], values: dict[str, Any]) -> None:
    if not wanted.words:
        return
    if isinstance(wanted, SpanFilter):
        found = in_bodies(wanted.words, INPUT_WORDS, ("tool_input",))
        parts.append(found.sql)
    else:
        found = in_bodies(wanted.words, TRACE_WORDS, ("request_body", "ifNull(output_text, '')"))
        parts += ("scope.size = 0", found.sql)
    values |= found.values


def _add_amounts(
    project: ProjectContext, wanted: TraceFilter, parts: list[str], values: dict[str, Any]
) -> None:
    cost = COUNTED_COST[project.cost_preference]
    amounts = (
        ("min_latency", "latency_ns >= {min_latency:UInt64}", wanted.min_latency_ms, 10**6),
        ("max_latency", "latency_ns <= {max_latency:UInt64}", wanted.max_latency_ms, 10**6),
        ("min_cost", cost + AT_LEAST + GREATER_COST + AT_LEAST, wanted.min_cost_cents, None),
        ("max_cost", cost + " <= {max_cost:Decimal(38, 12)}", wanted.max_cost_cents, None),
    )
    for name, sql, value, scale in amounts:
        if value is not None:
            parts.append(sql)
            values[name] = round(value * scale) if scale else dollars(value)


def dollars(cents: Decimal) -> str:
    """Returns an amount of cents as a condition on a cost binds it."""
    return f"{cents.scaleb(-2):.12f}"
