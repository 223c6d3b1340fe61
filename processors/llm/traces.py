"""One LLM call from the wire to its row: decode, count tokens, price."""

from decimal import Decimal

import msgspec

from processors.columns import Unfit
from processors.llm.cost.call import read_call
from processors.llm.cost.own import Book
from processors.llm.fields import (
    PICO_PER_CENT,
    PICO_PER_USD,
    UNPRICED,
    Reported,
    read_metadata,
    reported_of,
    tags_of,
    text_of,
)
from processors.llm.prompts import used_prompt
from schemas.ids import canonical_id
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
    metadata = read_metadata(metadata_json)
    request_body, response_body = json_of(item.request_body), json_of(item.response_body)
    call = read_call(counts_of(item), request_body, response_body)
    usage = call.usage
    quote = book.price_used_or_requested(
        item.provider, item.model_used, item.model_requested, timestamp_us, usage
    )
    cost, price_id = quote or UNPRICED
    reported = _reported(item, call.stated_usd)
    prompt = used_prompt(metadata, request_body)
    # By position: naming so many fields takes 3 us.
    return TraceRow(
        item.trace_id.lower(),
        canonical_id(item.session_id or ""),
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
        reported.pico,
        reported.digits,
        text_of(metadata.get("environment")) or "",
        text_of(metadata.get("userId")) or text_of(metadata.get("user_id")) or "",
        tags_of(metadata),
        item.finish_reason,
        item.output_text,
        request_body,
        response_body,
        json_of(item.error),
        metadata_json,
        prompt.name,
        prompt.version,
        prompt.text,
    )


def _reported(item: TraceItem, stated_usd: Decimal | None) -> Reported:
    """What the sender gives counts, else what the provider or the gateway states."""
    try:
        cents = amount_of(item.cost_cents)
    except ValueError as error:
        raise Unfit(f"cost_cents: {error}") from error
    if cents is not None:
        return reported_of(cents, PICO_PER_CENT)
    return Reported() if stated_usd is None else reported_of(stated_usd, PICO_PER_USD)
