"""One agent event from the wire to its row: decode, pair, count tokens, price."""

from typing import Any, NamedTuple

import msgspec

from processors.columns import Unfit
from processors.llm.cost.book import PriceBook
from processors.llm.cost.usage import Usage, usage_of_agent
from processors.llm.fields import PICO_PER_USD, pico_of, read_object, tags_of
from schemas.llm.rows import SpanRow
from schemas.llm.wire import SpanItem, span_decoder, text_of
from schemas.projects import ProjectId
from schemas.rows import Position
from schemas.times import parse_timestamp_us

PAIRED_EVENTS = {
    "pre_tool_use": ("tool", "start"),
    "post_tool_use": ("tool", "end"),
    "post_tool_use_failure": ("tool", "end"),
    "subagent_start": ("agent", "start"),
    "subagent_stop": ("agent", "end"),
    "session_start": ("session", "start"),
    "session_end": ("session", "end"),
}
"""Which events begin and end what: the CLI's hook names (contracts.md 1.d.4)."""


class Pair(NamedTuple):
    """What an event is one end of; both empty when it stands alone."""

    key: str
    role: str


def decode_span(body: bytes) -> SpanItem:
    """Decodes what the edge has validated. Raises `Unfit` when it is not a span after all."""
    try:
        return span_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unfit(f"not a span: {error}") from error


def pair_of(event_type: str, tool_use_id: str | None, metadata: dict[str, Any]) -> Pair:
    """Names the pair whose start and end give a duration, within the event's session.

    The ends may come in different batches, partitions and orders: nothing is matched here. The
    store keeps the earliest start of each key, and a reader takes an end's duration from it.
    """
    kind, role = PAIRED_EVENTS.get(event_type, ("", ""))
    name = {"tool": tool_use_id, "agent": metadata.get("agent_id"), "session": "session"}.get(kind)
    if not isinstance(name, str) or not name:
        return Pair("", "")
    return Pair(name if kind == "session" else f"{kind}:{name}", role)


def span_row(
    item: SpanItem,
    *,
    project_id: ProjectId,
    received_at_us: int,
    position: Position,
    book: PriceBook,
) -> SpanRow:
    """Builds the row of a span. Raises `Unfit`, naming the field that cannot be stored."""
    try:
        timestamp_us = parse_timestamp_us(item.timestamp)
    except ValueError as error:
        raise Unfit(f"timestamp {item.timestamp!r}: {error}") from error
    metadata_text = text_of(item.metadata)
    metadata = read_object(metadata_text)
    pair = pair_of(item.event_type, item.tool_use_id, metadata)
    usage, reported = _usage(item, metadata)
    quote = book.price(None, item.model, timestamp_us, usage) if item.model else None
    return SpanRow(
        project_id=project_id,
        span_id=item.span_id,
        session_id=item.session_id,
        parent_span_id=item.parent_span_id,
        timestamp_us=timestamp_us,
        received_at_us=received_at_us,
        duration_ms=item.duration_ms,
        source=item.source,
        kind=item.kind,
        event_type=item.event_type,
        status=item.status,
        pair_key=pair.key,
        pair_role=pair.role,
        tool_use_id=item.tool_use_id,
        tool_name=item.tool_name,
        is_interrupt=item.is_interrupt,
        cwd=item.cwd,
        model=item.model,
        agent_name=item.agent_name,
        provider=quote.price_id.split("/")[1] if quote else None,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        computed_cost_pico=quote.cost_pico_usd if quote else None,
        reported_cost_pico=reported,
        price_id=quote.price_id if quote else "",
        tags=tags_of(metadata),
        tool_input=text_of(item.tool_input),
        tool_response=text_of(item.tool_response),
        error=text_of(item.error),
        metadata=metadata_text,
        position=position,
    )


def _usage(item: SpanItem, metadata: dict[str, Any]) -> tuple[Usage, int | None]:
    """Returns the tokens of a model's answer and what its sender says that they cost, in pico."""
    raw = metadata.get("usage")
    if item.kind != "llm_response" or not isinstance(raw, dict):
        return Usage(), None
    cost = raw.get("cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return usage_of_agent(raw), None
    return usage_of_agent(raw), pico_of(cost, PICO_PER_USD)
