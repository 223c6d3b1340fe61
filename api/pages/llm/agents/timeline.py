"""From the events of an agent's session and its LLM calls to steps: what was within what. Pure.

1. A start and its end are one step; an end without a start lasts as long as it says itself.
2. A prompt holds whatever comes until the next one.
3. A step with `parent_span_id` is in that one; else, with the id of a subagent, in this one's run;
   else in the prompt. A subagent's run that lies in a use of `Task` or `Agent` is in that use. A
   call that a span told is in the run of its trace that goes on then.
4. A hook tells of something when it is over; a span of OpenTelemetry says when it began.
5. A notification lasts until the next event: so long a person was waited for.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

from msgspec import Struct

from api.pages.parts.texts import fault
from clickhouse.llm.agent_events import EventLine
from clickhouse.llm.trace_lines import TraceLine

Kind = Literal["prompt", "tool", "answer", "LLM call", "subagent", "waiting", "session", "other"]
KINDS: dict[str, Kind] = {
    "user_prompt": "prompt",
    "tool_use": "tool",
    "llm_response": "answer",
    "agent_run": "subagent",
    "notification": "waiting",
    "session": "session",
}
OF_SPAN = re.compile(r"[0-9a-f]{32}-[0-9a-f]{16}")
"""The id of an event that a span of OpenTelemetry told."""
STARTERS = ("Task", "Agent")
"""Tools that run a subagent."""
ARGUMENT = re.compile(
    r'"(?:command|cmd|file_path|path|pattern|url|query|description|prompt)"\s*:\s*"((?:[^"\\]|\\.)*)'
)
ESCAPED = re.compile(r"\\(.)")
HINT_CHARS = 160


class Step(Struct):
    """One row of a timeline. Costs are US cents."""

    id: str
    kind: Kind
    label: str
    start_us: int
    end_us: int | None = None
    depth: int = 0
    hint: str = ""
    is_error: bool = False
    is_open: bool = False
    """Whether it began, and no end of it is known."""
    tokens: int | None = None
    cost_cents: float | None = None
    model: str | None = None
    ids: list[str] = []
    """Of all events that it is made of."""
    parent_id: str | None = None
    agent_id: str = ""

    @property
    def until_us(self) -> int:
        """Its end, as far as it is known."""
        return self.start_us if self.end_us is None else self.end_us


def steps_of(events: Sequence[EventLine], calls: Sequence[TraceLine]) -> list[Step]:
    """Returns the steps in the order of their tree, each with its depth; events are in order."""
    steps = [*_paired(events), *map(_call, calls)]
    steps.sort(key=lambda step: (step.start_us, step.kind != "prompt"))
    _end_prompts(steps)
    return _in_order(steps, _parents(steps))


def waiting_us(events: Sequence[EventLine]) -> int:
    """Returns how long a person was waited for: after notifications, and before prompts."""
    return sum(
        following.at_us - event.at_us
        for event, following in pairwise(events)
        if event.kind == "notification" or following.kind == "user_prompt"
    )


def argument_of(given: str) -> str:
    """Returns what says most of what a tool was given: JSON that may be cut."""
    found = ARGUMENT.search(given)
    return ESCAPED.sub(_unescaped, found[1])[:HINT_CHARS] if found else ""


def trace_of(event_id: str) -> str:
    """Returns the distributed trace of what a span told; nothing for what came otherwise."""
    return event_id[:32] if OF_SPAN.fullmatch(event_id) else ""


def _paired(events: Sequence[EventLine]) -> Iterable[Step]:
    begun: dict[str, Step] = {}
    for place, event in enumerate(events):
        if event.kind == "session" or not event.pair_role:
            yield _alone(event, events[place + 1 : place + 2])
        elif event.pair_role == "start":
            if (step := begun.get(event.pair_key)) is None:
                step = begun[event.pair_key] = _step(event)
                step.is_open = True
                yield step
            step.ids.append(event.span_id)
        elif (step := begun.pop(event.pair_key, None)) is not None:
            _end(step, event)
        else:
            yield _alone(event, ())


def _alone(event: EventLine, following: Sequence[EventLine]) -> Step:
    step = _step(event)
    step.ids.append(event.span_id)
    if event.duration_ms is not None:
        lasted_us = round(event.duration_ms * 1000)
        step.start_us = event.at_us - (0 if trace_of(event.span_id) else lasted_us)
        step.end_us = step.start_us + lasted_us
    elif event.kind == "notification" and following:
        step.end_us = following[0].at_us
    return step


def _end(step: Step, event: EventLine) -> None:
    """Completes a step that has begun by the event that ends it."""
    ended = _step(event)
    step.end_us, step.is_open, step.id = event.at_us, False, event.span_id
    if event.duration_ms is not None:
        step.start_us = event.at_us - round(event.duration_ms * 1000)
    step.is_error, step.ids = ended.is_error, [*step.ids, event.span_id]
    step.hint = ended.hint if ended.is_error or not step.hint else step.hint
    step.parent_id = step.parent_id or ended.parent_id


def _step(event: EventLine) -> Step:
    is_error = event.status == "error"
    counts = [one for one in (event.input_tokens, event.output_tokens) if one is not None]
    return Step(
        id=event.span_id,
        kind=KINDS.get(event.kind, "other"),
        label=_label(event),
        start_us=event.at_us,
        hint=_hint(event, is_error=is_error),
        is_error=is_error,
        tokens=sum(counts) if counts else None,
        cost_cents=event.cost_cents,
        model=event.model,
        parent_id=event.parent_span_id,
        agent_id=event.agent_id or trace_of(event.span_id),
    )


def _label(event: EventLine) -> str:
    if event.kind == "tool_use":
        return event.tool or "(no name)"
    if event.kind == "agent_run":
        return event.agent_name or (event.event_type if trace_of(event.span_id) else "Subagent")
    if event.kind == "llm_response":
        return event.model or "Answer"
    if event.kind in ("user_prompt", "notification") and event.said:
        return event.said
    return event.event_type.replace("_", " ").capitalize()


def _hint(event: EventLine, *, is_error: bool) -> str:
    if is_error:
        word = "interrupted: " if event.is_interrupt else ""
        return (word + fault(event.error))[:HINT_CHARS] if event.error else word.strip(": ")
    if event.kind == "tool_use":
        return argument_of(event.input)
    if event.kind == "session":
        return event.said[:HINT_CHARS]
    return ""


def _unescaped(match: re.Match[str]) -> str:
    return {"n": " ", "t": " ", "u": "\\u"}.get(match[1], match[1])


def _call(line: TraceLine) -> Step:
    is_error = line.status == "error"
    counts = [one for one in (line.input_tokens, line.output_tokens) if one is not None]
    start = line.timestamp_us
    return Step(
        id=line.trace_id,
        kind="LLM call",
        label=line.model or "(no model)",
        start_us=start,
        end_us=start + round(line.latency_ms * 1000),
        hint=fault(line.error)[:HINT_CHARS] if is_error else line.output[:HINT_CHARS],
        is_error=is_error,
        tokens=sum(counts) if counts else None,
        cost_cents=line.cost_cents,
        model=line.model,
        ids=[line.trace_id],
        agent_id=trace_of(line.trace_id),
    )


def _end_prompts(steps: Sequence[Step]) -> None:
    """Lets each prompt last until the end of what it set going; steps are in order."""
    prompt: Step | None = None
    for step in steps:
        if step.kind == "prompt":
            prompt = step
        elif prompt is not None and step.kind != "session":
            prompt.end_us = max(prompt.until_us, step.until_us)


def _parents(steps: Sequence[Step]) -> list[int | None]:
    """Returns the place of the step that each step is in."""
    by_id = {one: place for place, step in enumerate(steps) for one in step.ids}
    prompts = [place for place, step in enumerate(steps) if step.kind == "prompt"]
    starts = [steps[place].start_us for place in prompts]
    runs: dict[str, list[int]] = {}
    for place, step in enumerate(steps):
        if step.kind == "subagent" and step.agent_id:
            runs.setdefault(step.agent_id, []).append(place)
    parents: list[int | None] = []
    for place, step in enumerate(steps):
        turn = bisect_right(starts, step.start_us) - 1
        outer = prompts[turn] if turn >= 0 else None
        found = by_id.get(step.parent_id or "", -1)
        if found >= 0 and found != place:
            parents.append(found)
        elif step.kind in ("prompt", "session"):
            parents.append(None)
        elif step.kind == "subagent":
            inner = _starter(steps, place)
            parents.append(outer if inner is None else inner)
        else:
            run = _last(steps, runs.get(step.agent_id, ()), step)
            if run is not None and trace_of(step.id) and steps[run].until_us < step.start_us:
                run = None
            parents.append(outer if run is None else run)
    return parents


def _last(steps: Sequence[Step], places: Sequence[int], step: Step) -> int | None:
    """Returns the last of some places whose step had begun by then."""
    at = bisect_right(places, step.start_us, key=lambda one: steps[one].start_us) - 1
    return places[at] if at >= 0 else None


def _starter(steps: Sequence[Step], place: int) -> int | None:
    """Returns the use of a tool that ran a subagent: the last that began before and ended after."""
    run = steps[place]
    for before in range(place - 1, max(-1, place - 200), -1):
        step = steps[before]
        if step.kind == "prompt":
            return None
        is_over_before = not step.is_open and step.until_us < run.until_us
        if step.kind == "tool" and step.label in STARTERS and not is_over_before:
            return before
    return None


def _in_order(steps: Sequence[Step], parents: Sequence[int | None]) -> list[Step]:
    below: dict[int | None, list[int]] = {}
    for place, parent in enumerate(parents):
        below.setdefault(parent, []).append(place)
    ordered: list[Step] = []
    seen: set[int] = set()
    # Senders may name parents in a circle: what no top leads to is put at the end, as tops.
    for top in (*below.get(None, ()), *range(len(steps))):
        todo = [(top, 0)]
        while todo:
            place, depth = todo.pop()
            if place in seen:
                continue
            seen.add(place)
            steps[place].depth = depth
            ordered.append(steps[place])
            todo.extend((one, depth + 1) for one in reversed(below.get(place, ())))
    return ordered
