"""One LLM call as the sender tells it: its usage with the terms, and the cost that is stated."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct, defstruct, structs

from processors.llm.cost.answers import LOOKED_INTO, TELLING, Answer, read_answer, sums_steps
from processors.llm.cost.several import MAX_INPUT
from processors.llm.cost.stated import stated_usd
from processors.llm.cost.terms import REQUESTED, charges_of, searches_by_preview, terms_of
from processors.llm.cost.usage import SentCounts, Usage, usage_of, usage_of_agent, with_extras
from processors.llm.fields import read_members, read_object
from schemas.llm.wire import Counts

_ABSENT = Raw(b"")
_REQUESTED = frozenset(REQUESTED)
_Asked = defstruct("_Asked", [(name, Raw, _ABSENT) for name in REQUESTED], gc=False)
_requests = msgspec.json.Decoder(_Asked)
_NOTHING_ASKED = _Asked()


class Call(Struct, frozen=True, gc=False):
    """What a call consumed, and what the provider or the gateway says that it cost."""

    usage: Usage
    stated_usd: Decimal | None = None


def read_call(counts: Counts, request: bytes, response: bytes) -> Call:
    """Reads a call from the sender's own counts and from both bodies, as JSON text.

    May be called again with the counts that it gave: they are taken as they are. Never raises.
    """
    try:
        asked = _requests.decode(request)
    except (ValueError, RecursionError):
        asked = _NOTHING_ASKED
    answered = read_object(response, LOOKED_INTO) if response else None
    if asked != _NOTHING_ASKED or (answered and not TELLING.isdisjoint(answered)):
        answer = read_answer(answered)
        return _with_extras(_settled(counts, answer.usage), answer, _read_terms(asked))
    if counts.cache_read_tokens is None and counts.cache_write_tokens is None:  # most
        into, out, thought = counts.input_tokens, counts.output_tokens, counts.reasoning_tokens
        return Call(Usage(into, out, None, None, None, thought))
    return Call(_settled(counts, None))


def read_agent_call(usage: object) -> Call:
    """Reads a call of an agent from the usage object that its CLI sends."""
    answer = Answer(usage, ())
    read = usage_of_agent(usage)
    if terms := terms_of(answer, {}):
        read = with_extras(read, terms=terms)
    return Call(read, stated_usd(answer))


def _settled(counts: Counts, raw: object) -> Usage:
    return usage_of(SentCounts(*structs.astuple(counts)), raw)


def _read_terms(asked: Struct) -> dict[str, Any]:
    if asked == _NOTHING_ASKED:
        return {}
    members = zip(REQUESTED, structs.astuple(asked), strict=True)
    return read_members({name: raw for name, raw in members if raw is not _ABSENT}, _REQUESTED)


def _with_extras(usage: Usage, answer: Answer, request: dict[str, Any]) -> Call:
    counts, unlisted = charges_of(answer)
    terms = terms_of(answer, request)
    calls = (0, MAX_INPUT) if sums_steps(answer) else None
    if counts or unlisted or terms or calls:
        own = usage.extras
        if own is not None and own.unlisted:
            unlisted = tuple(sorted({*own.unlisted, *unlisted}))
        if "web_searches" in counts and searches_by_preview(answer):
            counts["preview_searches"] = counts.pop("web_searches")
        for name in counts:  # the usage object knows better
            if own is not None and getattr(own, name):
                counts[name] = getattr(own, name)
        usage = with_extras(usage, call_inputs=calls, terms=terms, unlisted=unlisted, **counts)
    return Call(usage, stated_usd(answer))
