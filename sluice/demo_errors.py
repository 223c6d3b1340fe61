"""Sends the demo's errors, transactions and logs as Sentry's SDKs do, until they can be read."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ingest.errors.demo import Event, Failures
from ingest.errors.demo_beside import beside
from ingest.errors.demo_calls import LinkedCall
from ingest.errors.demo_logs import logs_of
from ingest.errors.demo_sessions import Sessions
from ingest.errors.demo_visits import Visits
from sluice.commands.errors import CommandError
from sluice.demo_requests import Sender, accepted, post, read

IN_AN_ENVELOPE = 50
RECORDS_IN_AN_ITEM = 500
READABLE_WITHIN_S = 60
POLL_S = 0.2
ISSUES_AT_ONCE = 100


class Dsn(NamedTuple):
    """Where errors of a project are sent, and with which key."""

    public_key: str
    number: str


class FoundIssue(NamedTuple):
    """An issue that has come of what was sent."""

    issue_id: str
    type: str
    status: str
    times_regressed: int


Decide = Callable[[list[FoundIssue]], None]
"""Resolves, ignores and assigns some issues."""


class Failing(NamedTuple):
    """What to send: about so many errors, and as many transactions."""

    seed: int
    until: datetime
    days: int
    amount: int
    calls: list[LinkedCall]


def parse_dsn(text: str) -> Dsn:
    """Reads a DSN. Raises `CommandError`."""
    parts = urlsplit(text)
    if parts.username is None or not parts.path.strip("/").isdecimal():
        raise CommandError(f"{text!r} is no DSN; sluice key dsn list shows them")
    return Dsn(parts.username, parts.path.strip("/"))


def send_failing(sender: Sender, dsn: Dsn, failing: Failing, decide: Decide) -> str:
    """Sends all of it and returns what can be read now. Raises `CommandError`."""
    failures = Failures(failing.seed, failing.until, failing.days)
    visits = Visits(failing.seed, failing.until, failing.days)
    failed = list(failures.events(failing.amount))
    send_events(sender, dsn, "errors", failed)
    _send_beside(sender, dsn, failing.seed, [str(one["event_id"]) for one in failed[-8:]])
    made = [*visits.of_calls(failing.calls), *visits.events(failing.amount)]
    send_events(sender, dsn, "requests", made)
    sessions = Sessions(failing.seed, failing.until, failing.days)
    send_events(sender, dsn, "sessions", list(sessions.events(failing.amount)))
    _send_logs(sender, dsn, list(logs_of([*failed, *made])))
    last = next(one for one in reversed(made) if _kind_of(one) == "transaction")
    _wait(sender, f"/v1/transactions/{last['event_id']}")
    decide(_issues(sender))
    again = list(failures.comes_back())
    send_events(sender, dsn, "again", again)
    return _readable(sender)


def send_events(sender: Sender, dsn: Dsn, shown: str, events: list[Event]) -> None:
    """Sends events as SDKs do, and shows how far it is. Raises `CommandError`."""
    task = sender.progress.add_task(shown, total=len(events))
    for batch in _batches(events, IN_AN_ENVELOPE):
        _post(sender, dsn, _envelope(batch))
        sender.progress.advance(task, len(batch))


def _send_logs(sender: Sender, dsn: Dsn, records: list[dict[str, Any]]) -> None:
    task = sender.progress.add_task("logs", total=len(records))
    for batch in _batches(records, RECORDS_IN_AN_ITEM):
        head = {"type": "log", "item_count": len(batch)}
        _post(sender, dsn, _lines([{}, head, {"version": 2, "items": batch}]))
        sender.progress.advance(task, len(batch))


def _send_beside(sender: Sender, dsn: Dsn, seed: int, event_ids: list[str]) -> None:
    """Sends feedback, files and check-ins."""
    envelopes = list(beside(seed, event_ids))
    task = sender.progress.add_task("feedback", total=len(envelopes))
    for one in envelopes:
        _post(sender, dsn, one)
        sender.progress.advance(task, 1)


def _post(sender: Sender, dsn: Dsn, envelope: bytes) -> None:
    headers = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={dsn.public_key}"}
    path = f"/api/{dsn.number}/envelope/"
    accepted(post(sender.client, path, content=envelope, headers=headers), 200)


def _batches(events: Iterable[Event], most: int) -> Iterator[list[Event]]:
    iterator = iter(events)
    while batch := list(islice(iterator, most)):
        yield batch


def _envelope(events: list[Event]) -> bytes:
    """Returns one envelope; without an id of its own, each event keeps its one."""
    lines: list[Any] = [{}]
    for event in events:
        lines += [{"type": _kind_of(event)}, event]
    return _lines(lines)


def _lines(lines: list[Any]) -> bytes:
    return "\n".join(json.dumps(line, separators=(",", ":")) for line in lines).encode()


def _kind_of(event: Event) -> str:
    return str(event.get("type", "event"))


def _wait(sender: Sender, path: str) -> None:
    deadline = time.monotonic() + READABLE_WITHIN_S
    while sender.client.get(path).status_code != 200:
        if time.monotonic() > deadline:
            raise CommandError(f"{path} cannot be read after {READABLE_WITHIN_S} s")
        time.sleep(POLL_S)


def _issues(sender: Sender) -> list[FoundIssue]:
    parameters = {"state": "all", "limit": str(ISSUES_AT_ONCE)}
    listed = read(sender.client, "/v1/issues", parameters)["issues"]
    return [
        FoundIssue(one["id"], one["type"], one["status"], one.get("timesRegressed", 0))
        for one in listed
    ]


def _readable(sender: Sender) -> str:
    issues = len(_issues(sender))
    transactions = read(sender.client, "/v1/transactions", {})
    return f"{issues} issues; {transactions['groups']} sorts of transactions in the last day"
