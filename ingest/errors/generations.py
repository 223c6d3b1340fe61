"""Turns a call of an LLM that Open Sentry's SDK reports into a trace, the form of system `llm`.

The one place where a system writes what another reads: `pulse.trace` of docs/wire-formats.md.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw

from schemas.errors.open_sentry import SentGeneration, add_usd, cents_of, is_given, usd_of
from schemas.issues import RuleBroken

_encode = msgspec.json.Encoder().encode
NO_OBJECT = Raw(b"{}")
COSTS = ("input_cost_usd", "output_cost_usd", "total_cost_usd")
GROUPED_CHARS = {"environment": 256, "userId": 512, "user_id": 512, "agent_id": 512}
"""As a trace has it (docs/wire-formats.md, "Lengths")."""


def trace_of(sent: SentGeneration, trace_id: str) -> bytes:
    """Returns the trace as JSON. Raises `RuleBroken` for a value that no trace can hold."""
    trace: dict[str, Any] = {
        "trace_id": trace_id,
        "timestamp": sent.timestamp or datetime.now(UTC).isoformat(timespec="microseconds"),
        "provider": _name(sent.provider, "provider"),
        "model_requested": sent.model,
        "model_used": sent.model,
        "request_body": NO_OBJECT,
        "status": "error" if sent.status == "error" else "success",
        "latency_ms": sent.latency_ms or 0,
        "input_tokens": sent.input_tokens,
        "output_tokens": _output_tokens(sent),
        "metadata": _metadata(sent),
    }
    if sent.cached_input_tokens is not None:
        trace["cache_read_tokens"] = sent.cached_input_tokens
    if sent.cache_write_tokens is not None:
        trace["cache_write_tokens"] = sent.cache_write_tokens
    into, out, total = (_amount(sent, field) for field in COSTS)
    cost = add_usd(into, out) if total is None else total
    if cost is not None:
        trace["cost_cents"] = Raw(cents_of(cost).encode())
    return _encode(trace)


def _output_tokens(sent: SentGeneration) -> int | float:
    """Returns those of the output; Open Sentry counts 0 where nothing tells them."""
    if sent.output_tokens is not None:
        return sent.output_tokens
    return max((sent.total_tokens or 0) - sent.input_tokens, 0)


def _amount(sent: SentGeneration, field: str) -> Any:
    try:
        return usd_of(getattr(sent, field))
    except ValueError as error:
        named = msgspec.structs.fields(sent)
        name = next(one.encode_name for one in named if one.name == field)
        raise RuleBroken("Expected a number from 0 to 10000000000", name) from error


def _name(text: str, field: str) -> str:
    """Any name will do that people can read and type in a filter."""
    if not text.isprintable() or not text.strip():
        raise RuleBroken("Expected printable characters", field)
    return text.strip()


def _metadata(sent: SentGeneration) -> dict[str, Any]:
    """Returns what is kept beside the call, under the names that traces are grouped by.

    What the sender put under one of these names itself is kept under `metadata.NAME`, a tag of such
    a name under `tags.NAME`; so is what would be too long to group by.
    """
    found = _known(sent)
    for name, text in (sent.tags or {}).items():
        found[_free(found, name, len(text), "tags")] = text
    for name, value in (sent.metadata or {}).items():
        found[_free(found, name, memoryview(value).nbytes - 2, "metadata")] = value
    return found


def _free(found: Mapping[str, Any], name: str, size: int, source: str) -> str:
    taken = name in found or size > GROUPED_CHARS.get(name, size)
    return f"{source}.{name}" if taken else name


def _known(sent: SentGeneration) -> dict[str, Any]:
    user = sent.user or {}
    user_id = user.get("id", "")
    if len(user_id) > GROUPED_CHARS["userId"]:
        raise RuleBroken("Expected at most 512 characters", "user", "id")
    known = {
        "environment": sent.environment,
        "userId": user_id,
        "user": user,
        "release": sent.release,
        "traceId": sent.trace_id,
        "spanId": sent.span_id,
        "timeToFirstTokenMs": sent.time_to_first_token_ms,
        "totalTokens": sent.total_tokens,
    }
    costs = {"inputCostUsd": sent.input_cost_usd, "outputCostUsd": sent.output_cost_usd}
    return {
        **{name: value for name, value in known.items() if value or value == 0},
        **{name: value for name, value in costs.items() if is_given(value)},
    }
