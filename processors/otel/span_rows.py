"""From a span and what it means to the rows of its tables. Pure."""

from collections.abc import Callable, Sequence

import msgspec

from processors.llm.cost.own import Book
from processors.otel.addressed import addressed, each_once, hashes_of
from processors.otel.agent_rows import agent_row
from processors.otel.call_rows import Talk, call_row
from processors.otel.names import standing_names
from processors.otel.said import PULSE, SOURCE, host_of, item_id_of, session_of
from schemas.otel.meanings import TOOLS, Call, Meaning, Message, Part
from schemas.otel.rows import OtelSpanRow, SpanRows
from schemas.otel.signals import Span
from schemas.otel.values import Attributes

_NEITHER = ("span", "llm", "embedding")
"""Kinds that are no rows of table `spans`: calls are rows of `traces`."""
Spell = Callable[[Attributes], bytes]
_encode = msgspec.json.Encoder().encode


def rows_of(span: Span, meaning: Meaning, book: Book, spell: Spell) -> SpanRows:
    """Builds all rows of a span. Which calls are billed is said later, for all of a block.

    `spell` writes attributes as their column has them.
    """
    at_us = span.start_ns // 1_000
    call = meaning.call
    talk = _talk_of(call, at_us)
    is_told = call is not None and meaning.role != "none"
    is_agent = meaning.kind not in _NEITHER and meaning.role != "inference"
    return SpanRows(
        item_id_of(span),
        _span_row(span, meaning, talk, spell),
        call_row(span, meaning, call, book, talk) if call is not None and is_told else None,
        agent_row(span, meaning) if is_agent else None,
        each_once((*talk.input, *talk.output)) if call is not None else (),
    )


def _talk_of(call: Call | None, at_us: int) -> Talk:
    """What was said; first of it, as if it were a message, the tools that could be chosen.

    So these are stored once too, though they are sent with every turn.
    """
    if call is None:
        return Talk()
    offered = [] if call.tools is None else [Message(TOOLS, [Part("other", value=call.tools)])]
    return Talk(addressed([*offered, *call.input], at_us), addressed(call.output, at_us))


def _span_row(span: Span, meaning: Meaning, talk: Talk, spell: Spell) -> OtelSpanRow:
    resource = span.resource.attributes
    return OtelSpanRow(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id or "",
        timestamp_us=span.start_ns // 1_000,
        duration_ns=span.end_ns - span.start_ns,
        name=span.name,
        span_kind=span.kind,
        kind=meaning.kind,
        convention=meaning.flavour,
        service=meaning.service or "",
        library=span.scope.name,
        environment=meaning.environment or "",
        release=meaning.release or "",
        host=host_of(resource),
        status="error" if meaning.failure else span.status,
        status_message=span.status_message,
        session_id=session_of(span, meaning),
        user_id=meaning.user_id or "",
        # Here, while they are at hand: by the end of a block they are far away in memory.
        attributes=spell(_attributes(_sourced(span, meaning), meaning)),
        resource=resource,
        events=_events(span, meaning),
        links=_links(span),
        trace_state=span.trace_state,
        problems=_problems(span),
        input_messages=hashes_of(talk.input),
        output_messages=hashes_of(talk.output),
    )


def _sourced(span: Span, meaning: Meaning) -> Attributes:
    """All attributes, with who sent them: Pulse's CLI says that once, of its resource.

    The rollup of traces reads it from spans.
    """
    sent, source = span.attributes, span.resource.attributes.get(SOURCE)
    if meaning.flavour != PULSE or source is None or SOURCE in sent:
        return sent
    return {**sent, SOURCE: source}


def _attributes(sent: Attributes, meaning: Meaning) -> Attributes:
    """All attributes but those whose content is in messages or in the row of a tool."""
    if not meaning.content:
        return sent
    return {name: value for name, value in sent.items() if name not in meaning.content}


def _events(span: Span, meaning: Meaning) -> bytes:
    """Events as JSON, without those that are messages of the call: these are stored once."""
    if not span.events:
        return b""
    said = standing_names().message_events if meaning.call else {}
    told = [
        {"name": one.name, "timeUnixNano": str(one.time_ns), "attributes": one.attributes}
        for one in span.events
        if one.name not in said
    ]
    return _encode(told) if told else b""


def _links(span: Span) -> bytes:
    if not span.links:
        return b""
    told = [
        {
            "traceId": one.trace_id,
            "spanId": one.span_id,
            "traceState": one.trace_state,
            "attributes": one.attributes,
        }
        for one in span.links
    ]
    return _encode(told)


def _problems(span: Span) -> Sequence[str]:
    if not span.end_moved and not span.dropped:
        return ()
    found = []
    if span.end_moved:
        found.append("end: before the start, taken as the start")
    if span.dropped:
        found.append(f"dropped: {span.dropped} attributes, events or links, by the sender")
    return found
