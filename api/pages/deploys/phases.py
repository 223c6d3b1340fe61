"""The phases of a deployment, with how long each took. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from schemas.deploys.deployments import Deployment, DeploymentEvent
from schemas.deploys.states import ENDED, Phase

TITLES: Mapping[Phase, str] = {
    "fetch": "Fetch",
    "detect": "Detect",
    "install": "Install",
    "build": "Build",
    "start": "Start",
    "health": "Health",
    "switch": "Switch",
    "drain": "Drain",
}
MEANINGS: Mapping[Phase, str] = {
    "fetch": "The commit is fetched from its repository",
    "detect": "What it is, and how it is built and started",
    "install": "What it depends on is installed",
    "build": "It is built, and tested where a test is named",
    "start": "It is started on a port of its own, beside what serves",
    "health": "It is asked until it answers as it should",
    "switch": "Requests go to it from now on",
    "drain": "What served before ends its requests, and is stopped",
}
WHOLE = 100.0
NARROWEST = 0.6
"""Parts of a hundred: what took next to no time is still seen."""
Mood = Literal["ok", "down", "paused", "working"]


class Step(NamedTuple):
    """One phase that began; `x` and `width` are parts of a hundred of all of them."""

    phase: Phase
    title: str
    meaning: str
    mood: Mood
    word: str
    began_us: int
    took_ms: float
    x: float
    width: float


class Course(NamedTuple):
    """How a deployment went."""

    waited_ms: float | None
    """In the queue; `None` while it waits."""
    took_ms: float | None
    """From when a deployer took it; `None` before."""
    steps: list[Step]


def course_of(one: Deployment, events: Sequence[DeploymentEvent], now_us: int) -> Course:
    """Returns the phases of the last attempt, in their order."""
    until_us = now_us if one.finished_us is None else one.finished_us
    spans = _spans(_last_attempt(events), now_us)
    whole_us = sum(end - start for _, start, end, _ in spans) or 1
    shares = [max((end - start) / whole_us * WHOLE, NARROWEST) for _, start, end, _ in spans]
    scale = WHOLE / sum(shares) if shares else 1.0
    steps, x = [], 0.0
    for (phase, start, end, is_last), share in zip(spans, shares, strict=True):
        mood, word = _outcome(one, is_last)
        width = share * scale
        title, meaning = TITLES[phase], MEANINGS[phase]
        steps.append(Step(phase, title, meaning, mood, word, start, (end - start) / 1000, x, width))
        x += width
    started_us = one.started_us
    return Course(
        None if started_us is None else (started_us - one.created_us) / 1000,
        None if started_us is None else (until_us - started_us) / 1000,
        steps,
    )


def took_ms(one: Deployment, now_us: int) -> float | None:
    """Returns how long a deployment has been worked on; `None` where it was not."""
    if one.started_us is None:
        return None
    return ((now_us if one.finished_us is None else one.finished_us) - one.started_us) / 1000


def _last_attempt(events: Sequence[DeploymentEvent]) -> Sequence[DeploymentEvent]:
    begun = [
        place for place, one in enumerate(events) if one.status == "building" and not one.phase
    ]
    return events[begun[-1] :] if begun else ()


def _spans(events: Sequence[DeploymentEvent], now_us: int) -> list[tuple[Phase, int, int, bool]]:
    """Returns each phase with its ends, and whether the deployment is still, or ended, in it."""
    spans: list[tuple[Phase, int, int, bool]] = []
    for place, one in enumerate(events):
        if one.status != "building" or not one.phase:
            continue
        after = next((e for e in events[place + 1 :] if _moves_on(e, one.phase)), None)
        if spans and spans[-1][0] == one.phase:
            continue
        is_last = after is None or after.phase == one.phase
        spans.append((one.phase, one.at_us, now_us if after is None else after.at_us, is_last))
    return spans


def _moves_on(event: DeploymentEvent, phase: Phase) -> bool:
    return event.phase != phase or event.status != "building"


def _outcome(one: Deployment, is_last: bool) -> tuple[Mood, str]:
    if not is_last:
        return "ok", "done"
    if one.status == "failed":
        return "down", "failed"
    if one.status == "cancelled":
        return "paused", "cancelled"
    return ("ok", "done") if one.status in (*ENDED, "running") else ("working", "runs")
