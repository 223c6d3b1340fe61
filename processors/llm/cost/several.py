"""Usage objects that count several calls of a model as one. Pure: counts to counts.

1. Anthropic's `iterations`: each is billed, and the totals beside them leave out compactions and
   all but the first input. An advisor's are billed as another model's, which no rate is kept for.
2. Agents' sums (`requests` of the OpenAI Agents SDK and pydantic-ai): which of the calls had a long
   input is not told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_Object = dict[str, Any]
_Counts = dict[str, Any]

MAX_INPUT = 2**53
"""The largest input of a call that is not told."""

_SAME_MODEL = frozenset(("message", "compaction"))
_MAX_ITERATIONS = 1000
_PARTS_OF_INPUT = ("input_tokens", "cache_read_tokens", "cache_write_tokens")


def sum_calls(raw: _Object, counts: _Counts, count: Callable[[_Object], _Counts]) -> None:
    """Makes the counts of a usage object those of every call that it counts."""
    iterations = raw.get("iterations")
    if isinstance(iterations, list) and iterations:
        _sum_iterations(iterations, counts, count)
    requests = raw.get("requests")
    if type(requests) is int and 1 < requests < MAX_INPUT:
        counts["call_inputs"] = (0, MAX_INPUT)


def note_unlisted(counts: _Counts, name: str) -> None:
    """Notes a charge that has no rate."""
    counts["unlisted"] = tuple(sorted({*counts.get("unlisted", ()), name}))


def _sum_iterations(
    iterations: list[Any], counts: _Counts, count: Callable[[_Object], _Counts]
) -> None:
    items = [item for item in iterations[:_MAX_ITERATIONS] if isinstance(item, dict)]
    others = [item.get("type") for item in items if item.get("type") not in _SAME_MODEL]
    if others or len(items) < len(iterations):
        note_unlisted(counts, "advisor" if "advisor_message" in others else "iterations")
    each = [count(item) for item in items if item.get("type") in _SAME_MODEL]
    each = [one for one in each if "input_tokens" in one and "output_tokens" in one]
    if not each:
        return
    outer = {name: counts.pop(name, None) for name in ("input_tokens", "output_tokens")}
    counts["outer_inputs"] = (outer["input_tokens"], _whole_input({**counts, **outer}))
    counts["outer_outputs"] = (outer["output_tokens"],)
    inputs = [_whole_input(one) for one in each]
    counts["call_inputs"] = (min(inputs), max(inputs))
    for name in {name for one in each for name in one} - {"unlisted"}:
        counts[name] = sum(one.get(name, 0) for one in each)
    counts.update(input_tokens=sum(inputs), input_convention="inclusive")
    counts.pop("total_tokens", None)


def _whole_input(counts: _Counts) -> int:
    return sum(count for part in _PARTS_OF_INPUT if (count := counts.get(part)) is not None)
