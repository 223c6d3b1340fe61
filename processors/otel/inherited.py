"""What a span has from the spans around it: a session, a user, the messages of its call. Pure.

Many tell these once: Langfuse 3 on the root, pydantic-ai on the agent. The innermost call is
billed, and may be of a client that knows none of them. Only spans of one block see each other.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from schemas.otel.rows import SpanRows, ToldCall
from schemas.projects import ProjectId

_REPEATED = "repeated"
Told = Callable[[SpanRows], str]


class Placed(NamedTuple):
    """The rows of a span, and whose they are."""

    project_id: ProjectId
    rows: SpanRows


class _Trace:
    """The spans of one trace that a block has."""

    def __init__(self) -> None:
        self.spans: dict[str, SpanRows] = {}

    def values(self, told: Told) -> dict[str, str]:
        """What each span says itself, else the nearest around it, else all that say anything."""
        found = {name: told(one) for name, one in self.spans.items()}
        said = set(found.values()) - {""}
        if not said:
            return found
        sole = next(iter(said)) if len(said) == 1 else ""
        seen: set[str] = set()
        for name in self.spans:
            path = []
            at = name
            while at in self.spans and not found[at] and at not in seen:
                path.append(at)
                seen.add(at)
                at = self.spans[at].span.parent_span_id
            found.update(dict.fromkeys(path, found.get(at) or sole))
        return found


def inherit(placed: Sequence[Placed]) -> None:
    """Fills in sessions, users and messages that spans around say. Verdicts come before."""
    traces: dict[tuple[ProjectId, str], _Trace] = defaultdict(_Trace)
    for one in placed:
        traces[one.project_id, one.rows.span.trace_id].spans[one.rows.span.span_id] = one.rows
    for trace in traces.values():
        if len(trace.spans) > 1:
            _fill(trace)


def _fill(trace: _Trace) -> None:
    heirs = {
        name: one
        for name, one in trace.spans.items()
        if one.call is not None or one.agent is not None
    }
    if not heirs:
        return
    sessions, users = trace.values(_session), trace.values(_user)
    calls = Counter(one.span.parent_span_id for one in heirs.values() if one.call)
    for name, one in heirs.items():
        one.span.session_id, one.span.user_id = sessions[name], users[name]
        if one.call is not None:
            one.call.trace.session_id, one.call.trace.user_id = sessions[name], users[name]
            around = trace.spans.get(one.span.parent_span_id)
            if around is not None and calls[around.span.span_id] == 1:
                _take_messages(one.call, around.call)
        if one.agent is not None:
            one.agent.span.session_id = sessions[name]


def _session(one: SpanRows) -> str:
    return one.span.session_id


def _user(one: SpanRows) -> str:
    return one.span.user_id


def _take_messages(inner: ToldCall, around: ToldCall | None) -> None:
    """A call without messages has those of the call around it, where that one repeats it."""
    if around is None or around.call.billing != _REPEATED:
        return
    if not inner.call.input_messages and not inner.call.output_messages:
        inner.call.input_messages = around.call.input_messages
        inner.call.output_messages = around.call.output_messages
