"""Made-up telemetry of Claude Code for `sluice demo`.

Half of the sessions send spans, which needs a setting of their own; the others send what everyone
does: log records without trace ids. All send metrics, as differences. Nobody's texts are in it.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from ingest.otel.demo_wire import Attributes, Counted, Fields, Made, Noted, Origin

SPANS = Origin("claude-code", "com.anthropic.claude_code.tracing", "", "2.1.40")
EVENTS = SPANS._replace(library="com.anthropic.claude_code.events")
METRICS = SPANS._replace(library="com.anthropic.claude_code")
MODEL = "claude-sonnet-4-5-20250929"
LONGEST = timedelta(minutes=40)
PEOPLE = ("ann@example.com", "ben@example.com", "chen@example.com")
TOOLS = ("Read", "Edit", "Bash", "Grep")
MS = 1_000_000
USD = {"input": 3.0, "output": 15.0, "cacheRead": 0.3, "cacheCreation": 6.0}
"""For a million tokens; it writes to its cache for an hour."""


class Session(NamedTuple):
    """All that one session sends."""

    spans: list[Made]
    records: list[Noted]
    points: list[Counted]


class _Call(NamedTuple):
    """One call of the model."""

    request_id: str
    tokens: dict[str, int]
    cost_usd: float
    duration_ms: int


class Coding:
    """Makes sessions for the days up to `until`."""

    def __init__(self, seed: int, until: datetime, days: int) -> None:
        self._seed = seed
        self._chance = random.Random(f"coding {seed}")
        self._moments = random.Random(f"moments of coding {seed}")
        self._until = until
        self._days = days

    def sessions(self, count: int) -> Iterator[Session]:
        """Yields them."""
        for number in range(count):
            back = timedelta(seconds=self._moments.uniform(0, self._days * 86_400))
            at_ns = int((self._until - LONGEST - back).timestamp() * 1e9)
            yield self._session(number, at_ns)

    def _session(self, number: int, at_ns: int) -> Session:
        session_id = self._uuid(f"session {number}")
        whose: Attributes = {
            "session.id": session_id,
            "user.email": PEOPLE[number % len(PEOPLE)],
            "terminal.type": "vscode",
        }
        session = Session([], [], [])
        for turn in range(self._chance.randint(2, 5)):
            began_ns = at_ns
            calls = [
                self._call(f"{number} {turn} {step}") for step in range(self._chance.randint(2, 4))
            ]
            if number % 2:
                at_ns = self._records(session.records, whose, at_ns, f"{number} {turn}", calls)
            else:
                at_ns = self._spans(session.spans, whose, at_ns, f"{number} {turn}", calls)
            session.points.extend(_points(whose, began_ns, at_ns, calls))
            at_ns += int(self._chance.uniform(10, 60) * 1e9)
        return session

    def _spans(
        self, spans: list[Made], whose: Attributes, at_ns: int, name: str, calls: list[_Call]
    ) -> int:
        trace_id, root = self._hex(f"trace {name}", 32), self._hex(f"root {name}", 16)

        def add(what: str, own: str, times: tuple[int, int], about: Attributes) -> None:
            told: Fields = {"span.type": what, **about, **whose}
            parent = root if own != root else ""
            kind = "CLIENT" if what == "llm_request" else "INTERNAL"
            named = f"claude_code.{what}"
            spans.append(Made(SPANS, trace_id, own, parent, named, kind, *times, told))

        began_ns = at_ns
        for step, call in enumerate(calls):
            times = (at_ns, at_ns + call.duration_ms * MS)
            add("llm_request", self._hex(f"call {name} {step}", 16), times, _asked(call))
            at_ns = times[1]
            if step + 1 < len(calls):
                own, tool = self._hex(f"tool {name} {step}", 16), self._chance.choice(TOOLS)
                times = (at_ns, at_ns + self._chance.randint(20, 4_000) * MS)
                add("tool", own, times, {"tool_name": tool, "tool_use_id": f"toolu_{own}"})
                at_ns = times[1]
        about = {"user_prompt_length": 40 + len(name)}
        add("interaction", root, (began_ns, at_ns), about)
        return at_ns

    def _records(
        self, records: list[Noted], whose: Attributes, at_ns: int, name: str, calls: list[_Call]
    ) -> int:
        prompt: Fields = {"prompt.id": self._uuid(f"prompt {name}"), **whose}

        def note(event: str, about: Attributes) -> None:
            told: Fields = {"event.name": event, "event.sequence": len(records), **prompt, **about}
            records.append(Noted(EVENTS, at_ns, "", f"claude_code.{event}", told))

        note("user_prompt", {"prompt_length": 40 + len(name)})
        for step, call in enumerate(calls):
            at_ns += call.duration_ms * MS
            about = {
                "model": MODEL,
                "request_id": call.request_id,
                "input_tokens": str(call.tokens["input"]),
                "output_tokens": str(call.tokens["output"]),
                "cache_read_tokens": str(call.tokens["cacheRead"]),
                "cache_creation_tokens": str(call.tokens["cacheCreation"]),
                "cost_usd": str(call.cost_usd),
                "duration_ms": str(call.duration_ms),
            }
            note("api_request", about)
            if step + 1 < len(calls):
                tool, took_ms = self._chance.choice(TOOLS), self._chance.randint(20, 4_000)
                at_ns += took_ms * MS
                ended = {"tool_name": tool, "success": "true", "duration_ms": str(took_ms)}
                note("tool_result", {**ended, "tool_use_id": self._hex(f"use {name} {step}", 16)})
        return at_ns

    def _call(self, name: str) -> _Call:
        chance = self._chance
        tokens = {
            "input": chance.randint(4, 60),
            "output": chance.randint(80, 900),
            "cacheRead": chance.randint(12_000, 60_000),
            "cacheCreation": chance.randint(300, 4_000),
        }
        cost = sum(count * USD[kind] for kind, count in tokens.items()) / 1e6
        return _Call(
            f"req_{self._hex(name, 24)}", tokens, round(cost, 6), chance.randint(1_500, 9_000)
        )

    def _uuid(self, name: str) -> str:
        own = self._hex(name, 32)
        return "-".join((own[:8], own[8:12], own[12:16], own[16:20], own[20:]))

    def _hex(self, name: str, digits: int) -> str:
        drawn = random.Random(f"coding {self._seed} {name}").getrandbits(digits * 4)
        return f"{drawn or 1:0{digits}x}"


def _asked(call: _Call) -> Fields:
    return {
        "model": MODEL,
        "gen_ai.system": "anthropic",
        "gen_ai.request.model": MODEL,
        "request_id": call.request_id,
        "input_tokens": call.tokens["input"],
        "output_tokens": call.tokens["output"],
        "cache_read_tokens": call.tokens["cacheRead"],
        "cache_creation_tokens": call.tokens["cacheCreation"],
        "ttft_ms": call.duration_ms // 3,
        "duration_ms": call.duration_ms,
        "attempt": 1,
        "success": True,
    }


def _points(whose: Attributes, from_ns: int, at_ns: int, calls: list[_Call]) -> Iterator[Counted]:
    model: Fields = {"model": MODEL, **whose}
    for kind in USD:
        value = float(sum(call.tokens[kind] for call in calls))
        yield Counted(
            METRICS,
            "claude_code.token.usage",
            "tokens",
            from_ns,
            at_ns,
            value,
            {"type": kind, **model},
        )
    cost = sum(call.cost_usd for call in calls)
    yield Counted(METRICS, "claude_code.cost.usage", "USD", from_ns, at_ns, cost, model)
