"""From a span or a log record to its meaning. The names are in `names.toml`."""

from collections.abc import Sequence
from typing import NamedTuple

from processors.otel.calls import read_call
from processors.otel.conversations import Conversation, message_of, read_conversation
from processors.otel.names import Names
from processors.otel.plain import json_of, text_of
from processors.otel.reading import Reading, flavour_of
from schemas.otel.meanings import Agent, Call, Failure, Kind, Meaning, Role, Tool, Usage
from schemas.otel.signals import Event, LogRecord, Span
from schemas.otel.values import Attributes, Value

_NO_TALK = Conversation([], [])
_CLAUDE_CODE = "claude_code"
_EXCEPTIONS = ("exception", "gen_ai.client.operation.exception")
_MAX_TAGS = 64


class _Sent(NamedTuple):
    """What spans and records share."""

    name: str
    attributes: Attributes
    events: Sequence[Event]
    has_failed: bool
    message: str
    default_environment: str
    first_token_ms: float | None = None
    """As its events say it."""


def read_span(span: Span) -> Meaning:
    """Says what a span means. Never raises: what is not understood is in `rest`."""
    flavour = flavour_of(span.scope.name, span.name, span.attributes)
    reading = Reading(flavour, span.attributes, span.resource.attributes)
    sent = _Sent(
        span.name,
        span.attributes,
        span.events,
        span.status == "error" or span.attributes.get("success") is False,
        span.status_message,
        span.resource.default_environment,
        _first_token_ms(reading.names, span),
    )
    return _meaning(reading, sent, _kind(reading, span.name), None)


def read_record(record: LogRecord) -> Meaning:
    """Says what a log record means: `event` where it is neither a call nor a tool's.

    Claude Code's `api_request` is a call, whatever trace it belongs to or none. A record that holds
    a message of a call has it in `call`, with the role "none": it belongs to the span of its ids.
    """
    name = event_of(record)
    flavour = flavour_of(record.scope.name, name, record.attributes)
    reading = Reading(flavour, record.attributes, record.resource.attributes)
    has_failed = name.endswith("_error") or record.attributes.get("success") in (False, "false")
    sent = _Sent(name, record.attributes, (), has_failed, "", record.resource.default_environment)
    kind = reading.names.names.get(name, "event")
    body = record.body if isinstance(record.body, dict) else {}
    talk = message_of(reading.names, name, {**body, **record.attributes})
    return _meaning(reading, sent, kind, name, talk)


def event_of(record: LogRecord) -> str:
    """The name of what happened, with the prefix of its sender: `claude_code.api_request`."""
    name = record.event_name or text_of(record.attributes.get("event.name")) or ""
    body = record.body if isinstance(record.body, str) else ""
    if name and body.endswith(f".{name}"):
        return body
    if not name and body.startswith(f"{_CLAUDE_CODE}."):
        return body
    if name and record.scope.name.startswith("com.anthropic.claude_code") and "." not in name:
        return f"{_CLAUDE_CODE}.{name}"
    return name


def _kind(reading: Reading, name: str) -> Kind:
    flavour = reading.flavour.name
    if not flavour:
        return "span"
    for rule in reading.names.kind:
        if rule.only and flavour not in rule.only:
            continue
        value = reading.attributes.get(rule.attribute)
        if isinstance(value, str) and (found := rule.values.get(value.lower())):
            reading.take(rule.attribute)
            return found
    if found := reading.names.names.get(name):
        return found
    if reading.first("tool_call_id", text_of) or reading.first("tool_name", text_of):
        return "tool"
    return "llm" if _looks_like_a_call(reading) else "span"


def _looks_like_a_call(reading: Reading) -> bool:
    """Whether a model is named, and tokens are counted or messages are there."""
    names, present = reading.names, reading.attributes.keys()
    if present.isdisjoint((*names.fields["model_requested"], *names.fields["model_used"])):
        return False
    counted = (*names.counts["input_tokens"], *names.counts["output_tokens"])
    objects = {one.attribute for one in names.object}
    return not present.isdisjoint((*counted, *objects)) or any(
        name.startswith(("gen_ai.prompt.", "llm.input_messages.")) for name in present
    )


def _meaning(
    reading: Reading, sent: _Sent, kind: Kind, event: str | None, talk: Conversation | None = None
) -> Meaning:
    role = _role(reading.names, kind, sent.name)
    if kind == "span" and role == "none" and not reading.flavour.name:
        return _plain(reading, sent)
    call = _call(reading, sent, role, talk)
    if role == "wrapper" and call is not None and call.usage == Usage():
        role = "none"
    return Meaning(
        flavour=reading.flavour.name,
        kind=kind,
        role=role if call is not None else "none",
        call=call,
        tool=_tool(reading, sent, kind),
        agent=_agent(reading),
        failure=_failure(reading, sent),
        service=reading.first_around("service"),
        environment=reading.first_around("environment") or sent.default_environment or None,
        release=reading.first_around("release"),
        session_id=reading.first_around("session_id"),
        user_id=reading.first_around("user_id"),
        workflow=_known(reading, "workflow"),
        prompt_name=_known(reading, "prompt_name"),
        prompt_version=_known(reading, "prompt_version"),
        event=event if event is not None else _known(reading, "event_name"),
        tags=reading.first("tags", _texts) or [],
        metadata=_metadata(reading) if reading.flavour.name else {},
        rest=reading.rest(),
        content=frozenset(reading.content),
    )


def _metadata(reading: Reading) -> Attributes:
    names = reading.names.metadata
    kept = reading.keep(names)
    return reading.gather(names) | kept


def _plain(reading: Reading, sent: _Sent) -> Meaning:
    """Of most spans, which are of no model: what `_meaning` would say, without its questions."""
    return Meaning(
        flavour="",
        kind="span",
        failure=_failure(reading, sent),
        service=reading.first_around("service"),
        environment=reading.first_around("environment") or sent.default_environment or None,
        release=reading.first_around("release"),
        session_id=reading.first_around("session_id"),
        user_id=reading.first_around("user_id"),
        tags=reading.first("tags", _texts) or [],
        rest=reading.rest(),
    )


def _role(names: Names, kind: Kind, name: str) -> Role:
    if name in names.roles.copies:
        return "copy"
    if kind in names.roles.inference:
        return "inference"
    return "wrapper" if kind in names.roles.wrapper else "none"


def _call(reading: Reading, sent: _Sent, role: Role, talk: Conversation | None) -> Call | None:
    if talk is not None:
        return read_call(reading, talk, sent.first_token_ms)
    if role == "none":
        return None
    with reading.content_within():
        talk = read_conversation(reading, sent.events)
    return read_call(reading, talk, sent.first_token_ms)


def _first_token_ms(names: Names, span: Span) -> float | None:
    if not span.events:
        return None
    said = names.first_token_events.names
    at_ns = next((one.time_ns for one in span.events if one.name in said), 0)
    return (at_ns - span.start_ns) / 1e6 if at_ns >= span.start_ns else None


def _tool(reading: Reading, sent: _Sent, kind: Kind) -> Tool | None:
    if kind != "tool":
        return None
    with reading.content_within():
        given, output = reading.first_value("tool_input"), reading.first_value("tool_output")
    for one in sent.events:
        if output is None and one.name == "tool.output":
            output = one.attributes.get("output", dict(one.attributes))
    return Tool(
        reading.first("tool_name", text_of) or sent.name or None,
        reading.first("tool_call_id", text_of),
        given,
        output,
    )


def _agent(reading: Reading) -> Agent | None:
    if not reading.flavour.name:
        return None
    found = Agent(
        reading.first("agent_name", text_of),
        reading.first("agent_id", text_of),
        reading.first("agent_parent_id", text_of),
    )
    return found if found != Agent() else None


def _failure(reading: Reading, sent: _Sent) -> Failure | None:
    if not sent.has_failed:
        return None
    thrown: Attributes = next(
        (one.attributes for one in reversed(sent.events) if one.name in _EXCEPTIONS), {}
    )
    return Failure(
        text_of(thrown.get("exception.type")) or reading.first("error_type", text_of),
        text_of(thrown.get("exception.message"))
        or reading.first("error_message", text_of)
        or sent.message
        or None,
        text_of(thrown.get("exception.stacktrace")),
    )


def _known(reading: Reading, field: str) -> str | None:
    """A field that spans without a flavour do not have, whatever their attributes are called."""
    return reading.first(field, text_of) if reading.flavour.name else None


def _texts(value: Value) -> list[str] | None:
    held = json_of(value)
    if isinstance(held, str):
        held = [one.strip() for one in held.split(",")]
    if not isinstance(held, list):
        return None
    return [text for one in held[:_MAX_TAGS] if (text := text_of(one))] or None
