"""From a call of a model to its row of table `traces`. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from processors.llm.cost.own import Book
from processors.llm.fields import PICO_PER_USD, Reported, reported_of, tags_of
from processors.llm.prompts import prompt_of
from processors.otel.addressed import hashes_of
from processors.otel.billing import scope_of
from processors.otel.prices import cost_of, told_of
from processors.otel.prompts import system_of
from processors.otel.said import failure_json, item_id_of, metadata_of, ms_of, session_of
from schemas.ids import canonical_id
from schemas.llm.rows import TraceRow
from schemas.otel.meanings import Call, Meaning
from schemas.otel.rows import CallRow, MessageRow, ToldCall
from schemas.otel.signals import Span

_encode = msgspec.json.Encoder().encode
_MOST_PARAMETERS = 50
_MOST_BYTES = 1_000
"""Of a parameter as JSON: some senders put messages and tools among them."""


class Talk(NamedTuple):
    """The messages of a call, each with its hash."""

    input: Sequence[MessageRow] = ()
    output: Sequence[MessageRow] = ()


def call_row(span: Span, meaning: Meaning, call: Call, book: Book, talk: Talk) -> ToldCall:
    """Builds the row of a call that a span told. Whether it is billed is said later."""
    row, told = trace_row(item_id_of(span), span.start_ns // 1_000, ms_of(span), meaning, book)
    row.session_id = session_of(span, meaning)
    return ToldCall(
        row,
        CallRow(
            scope=scope_of(span.trace_id, meaning),
            role=meaning.role,
            billing="",
            span_id=span.span_id,
            parent_span_id=span.parent_span_id or "",
            convention=meaning.flavour,
            service=meaning.service or "",
            first_token_ms=call.first_token_ms,
            usage_extras=told,
            input_messages=hashes_of(talk.input),
            output_messages=hashes_of(talk.output),
        ),
    )


def trace_row(
    identity: str, at_us: int, latency_ms: float, meaning: Meaning, book: Book
) -> tuple[TraceRow, bytes]:
    """Builds what `traces` has of every call, and what prices need besides."""
    call = meaning.call or Call()
    told = told_of(call)
    cost, price_id = cost_of(call, told, book, at_us)
    reported = Reported()
    if call.reported_usd is not None:
        reported = reported_of(call.reported_usd, PICO_PER_USD)
    metadata = metadata_of(meaning)
    prompt = prompt_of(metadata, system_of(call.input))
    usage = call.usage
    row = TraceRow(
        trace_id=identity,
        session_id=canonical_id(meaning.session_id or ""),
        timestamp_us=at_us,
        provider=call.provider or "",
        model_requested=call.model_requested or call.model_used or "",
        model_used=call.model_used,
        provider_request_id=call.response_id,
        status="error" if meaning.failure else "success",
        latency_ms=latency_ms,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        computed_cost_pico=cost,
        price_id=price_id,
        reported_cost_pico=reported.pico,
        reported_digits=reported.digits,
        environment=meaning.environment or "",
        user_id=meaning.user_id or "",
        tags=tags_of(metadata),
        finish_reason=call.finish_reason,
        output_text=None,
        request_body=_parameters(call),
        response_body=b"",
        error=failure_json(meaning.failure),
        metadata=_encode(metadata) if metadata else b"",
        prompt=prompt.name,
        prompt_version=prompt.version,
        prompt_text=prompt.text,
    )
    return row, told


def _parameters(call: Call) -> bytes:
    """The small ones, as what a request has beside its messages."""
    named = list(call.parameters.items())[:_MOST_PARAMETERS]
    found = {name: value for name, value in named if len(_encode(value)) <= _MOST_BYTES}
    return _encode(found) if found else b""
