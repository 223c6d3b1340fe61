"""One LLM call from the wire to its row: decode, count tokens, price."""

import msgspec

from processors.columns import Unfit
from processors.llm.cost.book import PriceBook
from processors.llm.cost.usage import Sent, Usage, find_usage, usage_of
from processors.llm.fields import PICO_PER_CENT, pico_of, read_object, tags_of
from schemas.llm.rows import TraceRow
from schemas.llm.wire import TraceItem, amount_of, counts_of, text_of, trace_decoder
from schemas.projects import ProjectId
from schemas.rows import Position
from schemas.times import parse_timestamp_us


def decode_trace(body: bytes) -> TraceItem:
    """Decodes what the edge has validated. Raises `Unfit` when it is not a trace after all."""
    try:
        return trace_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unfit(f"not a trace: {error}") from error


def trace_row(
    item: TraceItem,
    *,
    project_id: ProjectId,
    received_at_us: int,
    position: Position,
    book: PriceBook,
) -> TraceRow:
    """Builds the row of a trace. Raises `Unfit`, naming the field that cannot be stored."""
    try:
        timestamp_us = parse_timestamp_us(item.timestamp)
    except ValueError as error:
        raise Unfit(f"timestamp {item.timestamp!r}: {error}") from error
    metadata_text = text_of(item.metadata)
    metadata = read_object(metadata_text)
    response_body = text_of(item.response_body)
    usage = _usage(item, response_body)
    quote = book.price_used_or_requested(
        item.provider, item.model_used, item.model_requested, timestamp_us, usage
    )
    return TraceRow(
        project_id=project_id,
        trace_id=item.trace_id,
        session_id=item.session_id or "",
        timestamp_us=timestamp_us,
        received_at_us=received_at_us,
        provider=item.provider,
        model_requested=item.model_requested,
        model_used=item.model_used,
        provider_request_id=item.provider_request_id,
        status=item.status,
        latency_ms=item.latency_ms,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        computed_cost_pico=quote.cost_pico_usd if quote else None,
        reported_cost_pico=_reported_pico(item),
        price_id=quote.price_id if quote else "",
        environment=_text(metadata.get("environment")),
        user_id=_text(metadata.get("userId") or metadata.get("user_id")),
        tags=tags_of(metadata),
        finish_reason=item.finish_reason,
        output_text=item.output_text,
        request_body=text_of(item.request_body),
        response_body=response_body,
        error=text_of(item.error),
        metadata=metadata_text,
        position=position,
    )


def _reported_pico(item: TraceItem) -> int | None:
    try:
        cents = amount_of(item.cost_cents)
    except ValueError as error:
        raise Unfit(f"cost_cents: {error}") from error
    return None if cents is None else pico_of(cents, PICO_PER_CENT)


def _usage(item: TraceItem, response_body: str) -> Usage:
    # The provider's own usage object tells cached and reasoning tokens apart; most SDKs leave it
    # out, and looking for the word is a hundredth of decoding the body.
    raw = find_usage(read_object(response_body)) if '"usage' in response_body else None
    counts = counts_of(item)
    if raw is None and counts.cache_read_tokens is None and counts.cache_write_tokens is None:
        return Usage(
            counts.input_tokens,
            counts.output_tokens,
            reasoning_tokens=counts.reasoning_tokens,
        )
    return usage_of(Sent(*counts), raw)


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else repr(value)
