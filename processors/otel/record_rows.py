"""From a log record and what it means to the rows of its tables. Pure."""

from typing import NamedTuple

from processors.errors.logs import Mask
from processors.llm.cost.own import Book
from processors.otel.addressed import addressed, each_once, hashes_of
from processors.otel.agent_events import agent_event
from processors.otel.billing import scope_of
from processors.otel.call_rows import Talk, trace_row
from processors.otel.log_rows import OTEL, is_message_of, log_row
from processors.otel.said import duration_of
from processors.otel.scores import record_scores
from schemas.otel.meanings import Meaning
from schemas.otel.record_rows import RecordRows, ToldLog
from schemas.otel.rows import CallRow, ToldCall
from schemas.otel.signals import LogRecord


class Arrived(NamedTuple):
    """What stands around a record beside what it says."""

    item_id: str
    received_at_us: int
    mask: Mask
    book: Book


def record_rows(record: LogRecord, meaning: Meaning, arrived: Arrived) -> RecordRows:
    """Builds all rows of a record. Which calls are billed is said later, for all of a block."""
    log = log_row(record, meaning, arrived.mask, arrived.item_id, arrived.received_at_us)
    call, at_us = meaning.call, log.timestamp_us
    is_call = call is not None and meaning.role == "inference"
    holds = call is not None and (is_call or is_message_of(meaning))
    talk = Talk()
    if call is not None and holds:
        talk = Talk(addressed(call.input, at_us), addressed(call.output, at_us))
    told = ToldLog(
        log,
        meaning.flavour or OTEL,
        hashes_of(talk.input),
        hashes_of(talk.output),
    )
    return RecordRows(
        arrived.item_id,
        told,
        _call(record, meaning, arrived, talk, at_us) if is_call else None,
        agent_event(record, meaning, arrived.item_id, at_us),
        each_once((*talk.input, *talk.output)),
        record_scores(record, meaning, arrived.item_id, arrived.received_at_us),
    )


def record_scope(record: LogRecord, meaning: Meaning, item_id: str) -> str:
    """Within what a record is billed; of no trace and no session, by itself."""
    return scope_of(record.trace_id or item_id, meaning)


def _call(
    record: LogRecord, meaning: Meaning, arrived: Arrived, talk: Talk, at_us: int
) -> ToldCall:
    """The row of a call: it is told when it is over, and the row has its beginning."""
    latency_ms = duration_of(record) or 0.0
    began_us = max(0, at_us - round(latency_ms * 1_000))
    row, usage_extras = trace_row(arrived.item_id, began_us, latency_ms, meaning, arrived.book)
    call = CallRow(
        scope=record_scope(record, meaning, arrived.item_id),
        role=meaning.role,
        billing="",
        span_id="",
        parent_span_id=record.span_id or "",
        convention=meaning.flavour,
        service=meaning.service or "",
        first_token_ms=meaning.call.first_token_ms if meaning.call else None,
        usage_extras=usage_extras,
        input_messages=hashes_of(talk.input),
        output_messages=hashes_of(talk.output),
    )
    return ToldCall(row, call)
