"""Coding agents at work, for the demo: sessions with prompts, tools, sub-agents and questions."""

import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from ingest.llm.demo_bodies import Item

Event = tuple[float, str, str, Item]
"""Seconds after the event before, then kind, event type and further fields."""


class Source(NamedTuple):
    """A coding agent, and the model that it works with."""

    name: str
    model: str
    usd: tuple[float, float] | None = None
    """What it says that a million tokens of input and of output cost, where it says so."""


class Step(NamedTuple):
    """One use of a tool, and what it returns when it does not fail."""

    tool: str
    input: Item
    response: Item


class Task(NamedTuple):
    """What a person asks for, and the tools with which it is done, in their order."""

    prompt: str
    steps: tuple[Step, ...]


SOURCES = (
    Source("claude_code", "claude-sonnet-4-20250514"),
    Source("claude_code", "claude-sonnet-4-20250514"),
    Source("codex", "gpt-5-codex", (1.25, 10.0)),
    Source("opencode", "claude-sonnet-4-20250514"),
    Source("openclaw", "gpt-4o", (2.5, 10.0)),
)
PROJECTS = ("shop", "billing", "website")
PEOPLE = ("ada", "grace", "linus", "margaret", "edsger")
SECONDS = {"Bash": 9.0, "Read": 0.1, "Edit": 0.2, "Grep": 0.4, "WebFetch": 2.5, "Write": 0.2}
"""How long each tool takes, about."""
FAILURES = {
    "Bash": "exit code 1: 2 failed, 118 passed",
    "Edit": "old_string not found in file",
    "WebFetch": "504 Gateway Timeout",
}
OFTEN, SELDOM = 0.11, 0.02
"""How often a tool fails, by whether it is one of `FAILURES`."""
TASKS = (
    Task(
        "The cart total is wrong when a voucher is used twice. Find out why and fix it.",
        (
            Step("Grep", {"pattern": "voucher", "path": "src/"}, {"matches": 14}),
            Step("Read", {"file_path": "src/cart/total.py"}, {"lines": 212}),
            Step(
                "Edit",
                {
                    "file_path": "src/cart/total.py",
                    "old_string": "total -= voucher.amount",
                    "new_string": "total -= min(voucher.amount, total)",
                },
                {"replaced": 1},
            ),
            Step("Bash", {"command": "pytest -q tests/cart"}, {"stdout": "42 passed in 3.10s"}),
        ),
    ),
    Task(
        "Add an index so that the invoice list stops timing out.",
        (
            Step("Read", {"file_path": "billing/models.py"}, {"lines": 340}),
            Step(
                "Bash",
                {"command": "psql -c 'EXPLAIN ANALYZE SELECT …'"},
                {"stdout": "Seq Scan on invoices"},
            ),
            Step("Write", {"file_path": "migrations/0042_invoice_index.sql"}, {"bytes": 96}),
            Step("Bash", {"command": "make migrate test"}, {"stdout": "118 passed"}),
        ),
    ),
    Task(
        "Update the release notes from the merged pull requests.",
        (
            Step("WebFetch", {"url": "https://example.com/pulls?state=merged"}, {"status": 200}),
            Step("Read", {"file_path": "CHANGELOG.md"}, {"lines": 980}),
            Step(
                "Edit",
                {
                    "file_path": "CHANGELOG.md",
                    "old_string": "## Unreleased",
                    "new_string": "## 4.2.0",
                },
                {"replaced": 1},
            ),
        ),
    ),
    Task(
        "Why does the contact form answer 500 on Safari only?",
        (
            Step("Grep", {"pattern": "FormData", "path": "web/"}, {"matches": 3}),
            Step("Read", {"file_path": "web/contact.ts"}, {"lines": 88}),
            Step(
                "Bash",
                {"command": "npx playwright test contact --project webkit"},
                {"stdout": "1 passed"},
            ),
        ),
    ),
)

ERRANDS = (
    Task(
        "Find every place that reads this, and what tests it has.",
        (
            Step("Grep", {"pattern": "total\\(", "path": "."}, {"matches": 31}),
            Step("Read", {"file_path": "tests/test_total.py"}, {"lines": 164}),
            Step("Read", {"file_path": "docs/decisions/0007.md"}, {"lines": 58}),
            Step("Bash", {"command": "git log --oneline -20 -- src"}, {"stdout": "20 commits"}),
        ),
    ),
    Task(
        "Look up how others solve this, and report in five sentences.",
        (
            Step("WebFetch", {"url": "https://example.com/guide"}, {"status": 200}),
            Step("WebFetch", {"url": "https://example.com/changes"}, {"status": 200}),
            Step("Grep", {"pattern": "timeout", "path": "config/"}, {"matches": 6}),
        ),
    ),
)
"""What an agent has a subagent find out."""
ROLES = ("explorer", "researcher", "reviewer")


class Agents:
    """Makes the events of agents' sessions. `chance` decides everything but the moments."""

    def __init__(self, chance: random.Random, until: datetime) -> None:
        self._random = chance
        self._until = until

    def session(self, started: datetime, *, shows_all: bool) -> Iterator[Item]:
        """Yields one session: with `shows_all` it has every kind of event."""
        rnd = self._random
        source, at = rnd.choice(SOURCES), started
        same = {
            "session_id": f"agent-{self._uuid()}",
            "source": source.name,
            "cwd": f"/home/{rnd.choice(PEOPLE)}/{rnd.choice(PROJECTS)}",
        }
        yield self._span(same, at, "session", "session_start")
        for task in rnd.sample(TASKS, rnd.randint(1, 4)):
            for seconds, kind, event_type, fields in self._turn(task, source, shows_all=shows_all):
                at += timedelta(seconds=seconds)
                yield self._span(same, at, kind, event_type, **fields)
        at += timedelta(seconds=rnd.uniform(1, 20))
        metadata = {"reason": "exit", "started_at": started.isoformat()}
        yield self._span(same, at, "session", "session_end", metadata=metadata)

    def _turn(self, task: Task, source: Source, *, shows_all: bool) -> Iterator[Event]:
        rnd = self._random
        prompt = {"metadata": {"prompt": task.prompt}}
        # Most people answer within a minute; some have a coffee first.
        thinks = min(rnd.lognormvariate(3.3, 1.1), 600)
        yield thinks, "user_prompt", "user_prompt_submit", prompt
        yield self._answer(source)
        if rnd.random() < 0.25 or shows_all:
            yield from self._errand(rnd.choice(ERRANDS), source)
        for number, step in enumerate(task.steps):
            asks = (step.tool == "Bash" and rnd.random() < 0.2) or (shows_all and number == 0)
            yield from self._tool(step, asks=asks)
            if rnd.random() < 0.5:
                yield self._answer(source)
        yield self._answer(source)

    def _errand(self, errand: Task, source: Source) -> Iterator[Event]:
        """A subagent at work, within the use of the tool that runs it."""
        rnd, role = self._random, self._random.choice(ROLES)
        agent = {"agent_name": role, "metadata": {"agent_id": self._uuid()}}
        used: Item = {"tool_name": "Task", "tool_use_id": f"toolu_{self._uuid()}"}
        used["tool_input"] = {"description": errand.prompt, "subagent_type": role}
        yield rnd.uniform(0.3, 2), "tool_use", "pre_tool_use", used
        yield 0.2, "agent_run", "subagent_start", agent
        for step in errand.steps:
            for event in (*self._tool(step, asks=False), self._answer(source)):
                yield _by(agent, event)
        yield 0.3, "agent_run", "subagent_stop", agent
        report = {"tool_response": {"content": "Five places, two of them tested."}}
        yield 0.1, "tool_use", "post_tool_use", used | report

    def _tool(self, step: Step, *, asks: bool) -> Iterator[Event]:
        """One use of a tool, for which a person may be asked, and once more where it fails."""
        rnd = self._random
        call: Item = {"tool_name": step.tool, "tool_input": step.input}
        for is_last in (False, True):
            used = call | {"tool_use_id": f"toolu_{self._uuid()}"}
            yield rnd.uniform(0.3, 4), "tool_use", "pre_tool_use", used
            took = rnd.lognormvariate(0, 0.6) * SECONDS[step.tool]
            if asks and not is_last:
                asked = {"title": "Permission", "message": f"May I use {step.tool}?"}
                yield 0.3, "notification", "notification", {"metadata": asked}
                took += rnd.uniform(4, 90)
            if is_last or rnd.random() >= (OFTEN if step.tool in FAILURES else SELDOM):
                yield took, "tool_use", "post_tool_use", used | {"tool_response": step.response}
                return
            message = FAILURES.get(step.tool, "cancelled by the user")
            failed: Item = {"status": "error", "error": {"message": message}}
            failed["is_interrupt"] = step.tool not in FAILURES
            yield took, "tool_use", "post_tool_use_failure", used | failed

    def _answer(self, source: Source) -> Event:
        rnd = self._random
        usage: Item = {
            "input_tokens": rnd.randint(50, 4_000),
            "output_tokens": rnd.randint(50, 1_500),
            "cache_read_tokens": rnd.randint(0, 30_000),
            "cache_write_tokens": rnd.randint(0, 3_000),
        }
        if source.usd is not None:
            into, out = source.usd
            cost = usage["input_tokens"] * into + usage["output_tokens"] * out
            usage |= {"cost": round(cost / 1e6, 6)}
        took = rnd.uniform(2, 15)
        said: Item = {"model": source.model, "metadata": {"usage": usage}}
        said["duration_ms"] = round(took * 900)
        return took, "llm_response", "assistant_message", said

    def _span(self, same: Item, at: datetime, kind: str, event_type: str, **fields: object) -> Item:
        return {
            "span_id": self._uuid(),
            "timestamp": min(at, self._until).isoformat(timespec="milliseconds"),
            "kind": kind,
            "event_type": event_type,
            "status": "success",
            **same,
            **fields,
        }

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def _by(agent: Item, event: Event) -> Event:
    """Returns an event of a subagent: it names whose it is."""
    seconds, kind, event_type, fields = event
    metadata = {**fields.get("metadata", {}), **agent["metadata"]}
    return seconds, kind, event_type, {**fields, "metadata": metadata}
