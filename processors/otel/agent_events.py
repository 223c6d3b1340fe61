"""From a log record of a coding agent to its row of table `spans`. Pure.

Its events have other names than the hooks of Pulse's CLI. Where they mean the same, they get those
names, so that one page counts both.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from processors.llm.fields import tags_of
from processors.otel.plain import json_of, object_of, text_of
from processors.otel.said import duration_of, failure_json, json_or_nothing, metadata_of
from schemas.ids import canonical_id
from schemas.llm.rows import SpanRow
from schemas.otel.meanings import Failure, Meaning, Tool
from schemas.otel.rows import ToldSpan
from schemas.otel.signals import LogRecord

CLAUDE_CODE = "claude_code"
_TOLD = frozenset({"duration_ms", "event.name", "event.timestamp", "event.sequence", "session.id"})
"""Attributes that have a place of their own, or that nobody asks for by event."""
_encode = msgspec.json.Encoder().encode


class _Shown(NamedTuple):
    """As what a page shows an event."""

    kind: str
    event_type: str


_SHOWN: Mapping[str, _Shown] = {
    "user_prompt": _Shown("user_prompt", "user_prompt_submit"),
    "tool_result": _Shown("tool_use", "post_tool_use"),
}
_NO_USAGE: Mapping[str, Any] = {
    **dict.fromkeys(("provider", "input_tokens", "output_tokens", "cache_read_tokens")),
    **dict.fromkeys(("cache_write_tokens", "reasoning_tokens", "computed_cost_pico")),
    **{"price_id": "", "reported_cost_pico": None, "reported_digits": ""},
}
"""What a model's call used is told by the record of the call."""
_FAILED: Mapping[str, str] = {"post_tool_use": "post_tool_use_failure"}


def agent_event(record: LogRecord, meaning: Meaning, item_id: str, at_us: int) -> ToldSpan | None:
    """Builds the row; `None` for a record that is a call, and for one that is no agent's event.

    The time is that of the end, as in Pulse's: an event with a duration began that long before.
    """
    name = (meaning.event or "").removeprefix(f"{CLAUDE_CODE}.")
    is_event = meaning.flavour == CLAUDE_CODE and meaning.session_id and name
    if not is_event or meaning.role != "none":
        return None
    shown = _SHOWN.get(name) or _Shown("event", name)
    failed = meaning.failure is not None
    metadata = _metadata(record, meaning)
    tool = _tool(record, meaning)
    row = SpanRow(
        span_id=item_id,
        session_id=canonical_id(meaning.session_id or ""),
        parent_span_id=_span_around(record),
        timestamp_us=at_us,
        duration_ms=duration_of(record),
        source=meaning.flavour,
        kind=shown.kind,
        event_type=_FAILED.get(shown.event_type, name) if failed else shown.event_type,
        status="error" if failed else "success",
        pair_key="",
        pair_role="",
        tool_use_id=tool.call_id,
        tool_name=tool.name,
        is_interrupt=None,
        cwd=None,
        model=text_of(record.attributes.get("model")),
        agent_name=meaning.agent.name if meaning.agent else None,
        **_NO_USAGE,
        tags=tags_of(metadata),
        tool_input=json_or_nothing(json_of(tool.input)),
        tool_response=json_or_nothing(json_of(tool.output)),
        error=failure_json(meaning.failure or Failure()) if failed else b"",
        metadata=_encode(metadata) if metadata else b"",
    )
    return ToldSpan(row, record.trace_id or "", meaning.flavour, meaning.service or "")


def _tool(record: LogRecord, meaning: Meaning) -> Tool:
    """The use of a tool that an event is about: also of a decision about one."""
    if meaning.tool is not None:
        return meaning.tool
    of = record.attributes
    return Tool(text_of(of.get("tool_name")), text_of(of.get("tool_use_id")))


def _span_around(record: LogRecord) -> str | None:
    """The span that a record names, as its row in `spans` would be called."""
    return f"{record.trace_id}-{record.span_id}" if record.trace_id and record.span_id else None


def _metadata(record: LogRecord, meaning: Meaning) -> dict[str, object]:
    """All that the event says of itself, and what it can be grouped by."""
    own = {
        name: value
        for name, value in record.attributes.items()
        if name not in _TOLD and name not in meaning.content
    }
    if (user := meaning.user_id) is not None:
        own.setdefault("user_id", user)
    # What a tool was given beside its input, as an object where it is one.
    if parameters := object_of(own.get("tool_parameters")):
        own["tool_parameters"] = parameters
    return {**own, **metadata_of(meaning)}
