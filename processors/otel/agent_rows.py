"""From a span of an agent or a tool to its row of table `spans`. Pure."""

import msgspec

from processors.llm.fields import tags_of
from processors.llm.spans import pair_of
from processors.otel.plain import flag_of, text_of
from processors.otel.said import (
    PULSE,
    SOURCE,
    failure_json,
    item_id_of,
    json_or_nothing,
    metadata_of,
    ms_of,
    parent_item_id_of,
    session_of,
)
from schemas.llm.rows import SpanRow
from schemas.otel.meanings import Meaning
from schemas.otel.rows import ToldSpan
from schemas.otel.signals import Span

SHOWN_AS = {"tool": "tool_use", "agent": "agent_run", "prompt": "user_prompt"}
"""Kinds of agent spans by the names that Pulse gave them; others keep their own."""
_encode = msgspec.json.Encoder().encode


def agent_row(span: Span, meaning: Meaning) -> ToldSpan:
    """Builds the row of a span of an agent, a tool, or what else is neither call nor plain."""
    metadata = metadata_of(meaning)
    tool, call = meaning.tool, meaning.call
    # Pulse's CLI says some of it once, of all that it sends.
    said = span.resource.attributes | meaning.rest
    tool_id = tool.call_id if tool else None
    is_pulse = meaning.flavour == PULSE
    event = meaning.event or span.name
    pair = pair_of(event, tool_id, metadata) if is_pulse else pair_of("", None, {})
    row = SpanRow(
        span_id=item_id_of(span),
        session_id=session_of(span, meaning),
        parent_span_id=parent_item_id_of(span),
        timestamp_us=span.start_ns // 1_000,
        duration_ms=None if pair.role else ms_of(span),
        source=text_of(said.get(SOURCE)) or meaning.flavour,
        kind=_shown_kind(span, meaning),
        event_type=event,
        status="error" if meaning.failure else "success",
        pair_key=pair.key,
        pair_role=pair.role,
        tool_use_id=tool_id,
        tool_name=tool.name if tool else None,
        is_interrupt=flag_of(said.get("pulse.is_interrupt")),
        cwd=text_of(said.get("pulse.cwd")),
        model=(call.model_used or call.model_requested) if call else None,
        agent_name=meaning.agent.name if meaning.agent else None,
        provider=None,
        input_tokens=None,
        output_tokens=None,
        cache_read_tokens=None,
        cache_write_tokens=None,
        reasoning_tokens=None,
        computed_cost_pico=None,
        price_id="",
        reported_cost_pico=None,
        reported_digits="",
        tags=tags_of(metadata),
        tool_input=json_or_nothing(tool.input) if tool else b"",
        tool_response=json_or_nothing(tool.output) if tool else b"",
        error=failure_json(meaning.failure),
        metadata=_encode(metadata) if metadata else b"",
    )
    return ToldSpan(row, span.trace_id, meaning.flavour, meaning.service or "")


def _shown_kind(span: Span, meaning: Meaning) -> str:
    own = text_of(span.attributes.get("pulse.kind")) if meaning.flavour == PULSE else None
    return own or SHOWN_AS.get(meaning.kind, meaning.kind)
