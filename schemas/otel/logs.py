"""Requests of `/v1/logs`. A record without ids, or with wrong ones, belongs to no span."""

import re
from typing import Any

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as SentLogRecord

from schemas.otel import json_wire
from schemas.otel.bounds import STANDARD, Bounds, Decoded
from schemas.otel.readers import Reader, attributes_of, moment, whole
from schemas.otel.signals import LogRecord
from schemas.otel.traces import SPAN_ID_BYTES, TRACE_ID_BYTES
from schemas.otel.walk import Around, Encoding, Signal, Taking, decode

_SEVERITY = re.compile(r"(?:SEVERITY_NUMBER_)?(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)([234])?")
_FIRST = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}
_MOST_SEVERE = 24


def decode_logs(body: bytes, encoding: Encoding, bounds: Bounds = STANDARD) -> Decoded[LogRecord]:
    """Decodes the records of a request. Raises `Undecodable` when it is none."""
    return decode(LOGS, body, encoding, bounds)


def known_id(reader: Reader, sent: Any, size: int) -> str | None:
    """Returns an id that need not be there, `None` for one that is wrong."""
    try:
        return reader.id_of(sent, size)
    except ValueError:
        return None


def _record(sent: Any, around: Around, taking: Taking) -> LogRecord:
    reader = taking.reader
    observed_ns = moment(sent.observed_time_unix_nano)
    return LogRecord(
        time_ns=moment(sent.time_unix_nano) or observed_ns,
        observed_ns=observed_ns,
        severity=_severity(sent.severity_number),
        severity_text=sent.severity_text or "",
        body=reader.value(sent.body, taking.bounds.depth),
        event_name=sent.event_name or "",
        attributes=attributes_of(sent.attributes, reader, taking.bounds),
        trace_id=known_id(reader, sent.trace_id, TRACE_ID_BYTES),
        span_id=known_id(reader, sent.span_id, SPAN_ID_BYTES),
        flags=whole(sent.flags),
        resource=around.resource,
        scope=around.scope,
        dropped=whole(sent.dropped_attributes_count),
    )


def _severity(sent: int | str | None) -> int:
    if isinstance(sent, str):
        if found := _SEVERITY.fullmatch(sent):
            return _FIRST[found[1]] + int(found[2] or 1) - 1
        sent = int(sent) if sent.isdecimal() and len(sent) < 3 else 0
    return sent if sent and 0 < sent <= _MOST_SEVERE else 0


def _one(_: Any) -> int:
    return 1


LOGS: Signal[LogRecord] = Signal(
    SentLogRecord,
    json_wire.Logs,
    json_wire.LogRecord,
    ("resource_logs", "scope_logs", "log_records"),
    _record,
    _one,
)
