"""One LLM call from the wire to its row: decode, count tokens, price."""

import msgspec
from msgspec.structs import astuple

from processors.columns import Unfit
from processors.llm.cost.own import Book
from processors.llm.cost.usage import SentCounts, Usage, find_usage, usage_of
from processors.llm.fields import PICO_PER_CENT, UNPRICED, pico_of, read_object, tags_of
from schemas.llm.rows import TraceRow
from schemas.llm.wire import TraceItem, amount_of, counts_of, json_of, trace_decoder
from schemas.times import parse_timestamp_us


def decode_trace(body: bytes) -> TraceItem:
    """Decodes what the edge has validated. Raises `Unfit` when it is not a trace after all."""
    try:
        return trace_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unfit(f"not a trace: {error}") from error


def trace_row(item: TraceItem, book: Book) -> TraceRow:
    """Builds the row of a trace. Raises `Unfit`, naming the field that cannot be stored."""
    try:
        timestamp_us = parse_timestamp_us(item.timestamp)
    except ValueError as error:
        raise Unfit(f"timestamp {item.timestamp!r}: {error}") from error
    metadata_json = json_of(item.metadata)
    metadata = read_object(metadata_json)
    response_body = json_of(item.response_body)
    usage = _usage(item, response_body)
    quote = book.price_used_or_requested(
        item.provider, item.model_used, item.model_requested, timestamp_us, usage
    )
    cost, price_id = quote or UNPRICED
    # By position: naming so many fields takes 3 us.
    return TraceRow(
        item.trace_id,
        item.session_id or "",
        timestamp_us,
        item.provider,
        item.model_requested,
        item.model_used,
        item.provider_request_id,
        item.status,
        item.latency_ms,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        cost,
        price_id,
        _reported_pico(item),
        _text(metadata.get("environment")),
        _text(metadata.get("userId") or metadata.get("user_id")),
        tags_of(metadata),
        item.finish_reason,
        item.output_text,
        json_of(item.request_body),
        response_body,
        json_of(item.error),
        metadata_json,
    )


def _reported_pico(item: TraceItem) -> int | None:
    try:
        cents = amount_of(item.cost_cents)
    except ValueError as error:
        raise Unfit(f"cost_cents: {error}") from error
    return None if cents is None else pico_of(cents, PICO_PER_CENT)


def _usage(item: TraceItem, response_body: bytes) -> Usage:
    # The provider's own usage object counts cached and reasoning tokens separately. Most SDKs
    # leave it out, and looking for the word costs a hundredth of decoding the body.
    raw = find_usage(read_object(response_body)) if b'"usage' in response_body else None
    counts = counts_of(item)
    if raw is None and counts.cache_read_tokens is None and counts.cache_write_tokens is None:
        sent = counts.input_tokens, counts.output_tokens, None, None, None
        return Usage(*sent, counts.reasoning_tokens)
    return usage_of(SentCounts(*astuple(counts)), raw)


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else repr(value)
