"""From a log record to its row of table `logs`, where records of Sentry's SDKs are too. Pure."""

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

from processors.errors.logs import (
    MAX_BODY,
    PERSON,
    Mask,
    PlainLog,
    bounded,
    mask_log,
    severity_of,
)
from processors.errors.parts import Problems, lenient_text, text_of
from processors.otel.names import standing_names
from processors.otel.plain import count_of
from processors.otel.said import HOST
from schemas.errors.rows import LogRow
from schemas.otel.meanings import Meaning
from schemas.otel.signals import LogRecord
from schemas.otel.values import Attributes, Value

EVENT = "event.name"
OTEL = "otel"
"""The convention of a record that follows nobody's."""
_MAX_SEQUENCE = 1 << 32


def log_row(
    record: LogRecord, meaning: Meaning, mask: Mask, item_id: str, received_at_us: int
) -> LogRow:
    """Builds the row. Personal data is masked, and bounds are kept, as in any other record.

    What is a message of a call stands in `messages`, and here only its name.
    """
    problems = _dropped(record)
    is_message = is_message_of(meaning)
    plain = PlainLog(
        body=None if is_message else _plain(record.body),
        attributes=_attributes(record, meaning, is_message=is_message),
    )
    plain = mask_log(plain, mask)
    attributes = bounded(plain.attributes, problems)
    said = _Said(attributes, meaning.flavour, problems)
    body = lenient_text(plain.body, "body", problems, MAX_BODY)
    text = text_of(record.severity_text, "severity_text", problems, 64)
    return LogRow(
        item_id,
        received_at_us if record.time_ns is None else record.time_ns // 1_000,
        _sequence(attributes.get("event.sequence")),
        received_at_us if record.observed_ns is None else record.observed_ns // 1_000,
        severity_of(record.severity, text),
        text,
        body or said.first(EVENT),
        record.trace_id or "",
        record.span_id or "",
        text_of(record.scope.name, "scope", problems),
        said.field("environment") or record.resource.default_environment,
        said.field("release"),
        said.field("service"),
        said.first(*HOST),
        said.first("telemetry.sdk.language"),
        f"{said.first('telemetry.sdk.name')} {said.first('telemetry.sdk.version')}".strip(),
        said.field("user_id") or said.first(*PERSON),
        attributes,
        problems,
    )


class _Said(NamedTuple):
    """Attributes that are masked, looked up by what they mean."""

    attributes: Mapping[str, Any]
    flavour: str
    problems: Problems

    def first(self, *names: str) -> str:
        """The first of some that is there, as a text."""
        found = (text_of(self.attributes.get(name), name, self.problems) for name in names)
        return next(filter(None, found), "")

    def field(self, field: str) -> str:
        """What says this in `names.toml`."""
        names = standing_names()
        only = names.only.get(self.flavour, {}).get(field, ())
        return self.first(*only, *names.fields[field])


def is_message_of(meaning: Meaning) -> bool:
    """Whether a record is a message of a call that something else tells."""
    call = meaning.call
    return call is not None and meaning.role == "none" and bool(call.input or call.output)


def plain_attributes(attributes: Attributes) -> dict[str, Any]:
    """Attributes as JSON can hold them."""
    return {name: _plain(value) for name, value in attributes.items()}


def _attributes(record: LogRecord, meaning: Meaning, *, is_message: bool) -> dict[str, Any]:
    """Those of the record, then of who sends it: of a name that both have, the record's own."""
    content = meaning.content | (_messages_in(record) if is_message else frozenset())
    found = {
        name: _plain(value) for name, value in record.attributes.items() if name not in content
    }
    if record.event_name:
        found.setdefault(EVENT, record.event_name)
    for name, value in record.resource.attributes.items():
        if name not in found:
            found[name] = _plain(value)
    return found


def _messages_in(record: LogRecord) -> frozenset[str]:
    """The attributes of a record that is a message: all of its text."""
    names = standing_names()
    own = (*names.fields["input"], *names.fields["output"], *names.fields["system"])
    texts = ("content", "message", "tool_calls", "gen_ai.event.content", "gen_ai.completion")
    return frozenset((*own, *texts)) & record.attributes.keys()


def _dropped(record: LogRecord) -> Problems:
    return [f"dropped: {record.dropped} attributes, by the sender"] if record.dropped else []


def _plain(value: Value) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value


def _sequence(value: Value) -> int:
    found = count_of(value)
    return found if found is not None and found < _MAX_SEQUENCE else 0
