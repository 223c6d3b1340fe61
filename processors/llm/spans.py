"""One agent event from the wire to its row: decode, pair, count tokens, price."""

from typing import Any, NamedTuple

import msgspec

from processors.columns import Unfit
from processors.llm.cost.call import read_agent_call
from processors.llm.cost.own import Book
from processors.llm.cost.usage import Usage
from processors.llm.fields import (
    PICO_PER_USD,
    UNPRICED,
    Reported,
    read_metadata,
    reported_of,
    tags_of,
)
from schemas.ids import canonical_id
from schemas.llm.rows import SpanRow
from schemas.llm.wire import SpanItem, json_of, span_decoder
from schemas.times import parse_timestamp_us

PAIRED_EVENTS = {
    "pre_tool_use": ("tool", "start"),
    "post_tool_use": ("tool", "end"),
    "post_tool_use_failure": ("tool", "end"),
    "tool_request": ("tool", "start"),
    "tool_result": ("tool", "end"),
    "subagent_start": ("agent", "start"),
    "subagent_stop": ("agent", "end"),
    "session_start": ("session", "start"),
    "session_end": ("session", "end"),
}
"""Which events begin and end what: the hook names of Pulse's CLI (docs/wire-formats.md, "Span"),
and those of its newer SDKs for a tool that a model asks for, and for what is sent back to it."""


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
    store keeps every start and end, and a reader finds the start of each end. A session that was
    compacted says so with another start, which is none.
    """
    kind, role = PAIRED_EVENTS.get(event_type, ("", ""))
    if kind == "session" and role == "start" and metadata.get("source") == "compact":
        return Pair("", "")
    name = {"tool": tool_use_id, "agent": metadata.get("agent_id"), "session": "session"}.get(kind)
    if not isinstance(name, str) or not name:
        return Pair("", "")
    return Pair(name if kind == "session" else f"{kind}:{name}", role)


def span_row(item: SpanItem, book: Book) -> SpanRow:
    """Builds the row of a span. Raises `Unfit`, naming the field that cannot be stored."""
    try:
        timestamp_us = parse_timestamp_us(item.timestamp)
    except ValueError as error:
        raise Unfit(f"timestamp {item.timestamp!r}: {error}") from error
    metadata_json = json_of(item.metadata)
    metadata = read_metadata(metadata_json)
    pair = pair_of(item.event_type, item.tool_use_id, metadata)
    usage, reported = usage_and_reported(item.kind, metadata)
    quote = book.price(None, item.model, timestamp_us, usage) if item.model else None
    cost, price_id = quote or UNPRICED
    # By position, as `trace_row`.
    return SpanRow(
        item.span_id.lower(),
        canonical_id(item.session_id),
        item.parent_span_id.lower() if item.parent_span_id else item.parent_span_id,
        timestamp_us,
        item.duration_ms,
        item.source,
        item.kind,
        item.event_type,
        item.status,
        pair.key,
        pair.role,
        item.tool_use_id,
        item.tool_name,
        item.is_interrupt,
        item.cwd,
        item.model,
        item.agent_name,
        (quote.price_id.split("/")[1] or None) if quote else None,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        cost,
        price_id,
        reported.pico,
        reported.digits,
        tags_of(metadata),
        json_of(item.tool_input),
        json_of(item.tool_response),
        json_of(item.error),
        metadata_json,
    )


def usage_and_reported(kind: str, metadata: dict[str, Any]) -> tuple[Usage, Reported]:
    """Returns the tokens of a model's answer and what its sender says that they cost."""
    raw = metadata.get("usage")
    if kind != "llm_response" or not isinstance(raw, dict):
        return Usage(), Reported()
    call = read_agent_call(raw)
    stated = call.stated_usd
    return call.usage, Reported() if stated is None else reported_of(stated, PICO_PER_USD)
