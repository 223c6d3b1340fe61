"""Sends the demo's traffic through the public API of a running server, and reads what it made."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ingest.errors.demo_calls import LinkedCall, linked_call, with_link
from ingest.llm.demo import Traffic
from ingest.llm.demo_bodies import Item
from ingest.llm.demo_experiment import DATASET, DESCRIPTION, items, runs
from ingest.llm.demo_scores import scores_of
from schemas.llm.scores import MAX_SCORES
from schemas.llm.wire import MAX_ITEMS
from sluice.commands.errors import CommandError
from sluice.demo_errors import Decide, Dsn, Failing, send_failing
from sluice.demo_otel import Wanted, send_telemetry
from sluice.demo_requests import Sender, accepted, client_of, post, read

REPEATED = 25


class Amount(NamedTuple):
    """How much traffic, of how many days; the same seed makes the same ids."""

    days: int
    traces: int
    spans: int
    errors: int
    """As many transactions are sent beside."""
    seed: int


class Project(NamedTuple):
    """Where to send, and with which keys."""

    address: str
    key: str
    dsn: Dsn | None
    """`None` where errors and transactions are left out."""


def send_traffic(project: Project, amount: Amount, decide: Decide) -> str:
    """Sends all of it and returns what can be read now. Raises `CommandError`.

    `decide` is given the issues of it, before some errors come again.
    """
    until = datetime.now(UTC)
    traffic = Traffic(amount.seed, until, amount.days)
    headers = {"Authorization": f"Bearer {project.key}"}
    with client_of(project.address, headers) as client:
        if not _knows_key(client):
            why = f"{project.address} does not know this API key"
            raise CommandError(f"{why}; give another with --key")
        with progress_bars() as progress:
            sender = Sender(client, progress)
            calls: list[LinkedCall] = []
            scores: list[Item] = []
            made = _judged(_linked(traffic.traces(amount.traces), calls), scores)
            _send(sender, "traces", made, amount.traces)
            _send_scores(sender, scores)
            _send(sender, "spans", traffic.spans(amount.spans), amount.spans)
            send_telemetry(sender, Wanted(amount.seed, until, amount.days, amount.traces), calls)
            again = Traffic(amount.seed, until, amount.days)
            repeated = again.traces(min(REPEATED, amount.traces))
            _send_repeats(sender, list(_linked(repeated, [])))
            _send_experiment(sender, amount.seed, until)
            failed = ""
            if project.dsn is not None and amount.errors:
                failing = Failing(amount.seed, until, amount.days, amount.errors, calls)
                failed = "; " + send_failing(sender, project.dsn, failing, decide)
        return _readable(client, until - timedelta(days=amount.days + 1), until) + failed


def refuse_silent(address: str) -> None:
    """Raises `CommandError` where no Sluice answers: nothing should be made for it then."""
    with client_of(address, {}) as client:
        _knows_key(client)


def sign_in_link(address: str, key: str) -> str | None:
    """Returns an address that signs a browser of this machine in to the project of a key, once.

    `None` where the server lets nobody in so: it runs elsewhere, or is no server of ours.
    """
    asked = {"api_key": key, "redirect_url": f"{address}/"}
    try:
        url = f"{address}/dashboard/api/local-login-token"
        answer = httpx.post(url, json=asked, trust_env=False)
        return str(answer.json()["login_url"]) if answer.status_code == 201 else None
    except (httpx.HTTPError, ValueError, KeyError):
        return None


def _knows_key(client: httpx.Client) -> bool:
    answer = post(client, "/v1/auth/login")
    if answer.status_code != 200 or not answer.text.startswith('{"authenticated":'):
        raise CommandError(
            f"{client.base_url} is not a Sluice server: it answered {answer.status_code}"
        )
    return bool(answer.json()["authenticated"])


def _send(sender: Sender, kind: str, items: Iterable[Item], total: int) -> None:
    task = sender.progress.add_task(kind, total=total)
    sent = 0
    batch: list[Item] = []
    for batch in _batches(items):
        accepted(post(sender.client, f"/v1/{kind}/async", json=batch))
        sent += len(batch)
        sender.progress.update(task, completed=sent, total=max(total, sent))
    # The last ones again, where the answer waits until they can be read: all the others can too.
    accepted(post(sender.client, f"/v1/{kind}/batch", json=batch[-1:]))


def _linked(items: Iterable[Item], found: list[LinkedCall]) -> Iterator[Item]:
    """Gives some calls the trace of a request, and collects these."""
    for item in items:
        link = linked_call(item)
        if link is not None:
            found.append(link)
            item = with_link(item, link)
        yield item


def _judged(items: Iterable[Item], scores: list[Item]) -> Iterator[Item]:
    """Collects what is thought of some calls."""
    for item in items:
        scores += scores_of(item)
        yield item


def _send_scores(sender: Sender, scores: list[Item]) -> None:
    task = sender.progress.add_task("scores", total=len(scores))
    for first in range(0, len(scores), MAX_SCORES):
        batch = scores[first : first + MAX_SCORES]
        accepted(post(sender.client, "/v1/scores", json=batch))
        sender.progress.update(task, advance=len(batch))


def _send_experiment(sender: Sender, seed: int, until: datetime) -> None:
    """Makes a dataset, and sends two runs of it."""
    made = post(sender.client, "/v1/datasets", json={"name": DATASET, "description": DESCRIPTION})
    if made.status_code not in (201, 409):  # a second demo finds it there
        raise CommandError(f"the server answered {made.status_code}: {made.text[:200]}")
    accepted(post(sender.client, f"/v1/datasets/{DATASET}/items", json=items()), 201)
    for run in runs(seed, until):
        accepted(post(sender.client, "/v1/traces/batch", json=run.calls))
        accepted(post(sender.client, "/v1/scores", json=run.scores))


def _send_repeats(sender: Sender, first: list[Item]) -> None:
    """Sends what is counted as duplicate and as invalid."""
    accepted(post(sender.client, "/v1/traces/async", json=first))
    rejected = post(sender.client, "/v1/traces/async", json=[{**first[0], "latency_ms": -1}])
    if rejected.status_code != 400:
        raise CommandError(f"a wrong item was answered {rejected.status_code}, not 400")


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, MAX_ITEMS)):
        yield batch


def progress_bars() -> Progress:
    """Returns what shows how far the demo is."""
    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=Console(stderr=True))


def _readable(client: httpx.Client, first: datetime, last: datetime) -> str:
    parameters = {"date_from": _iso(first), "date_to": _iso(last)}
    traces = read(client, "/v1/analytics", parameters)
    spans = read(client, "/v1/analytics/spans", parameters)
    return (
        f"readable now: {traces['totalRequests']} traces in {traces['totalSessions']} sessions,"
        f" {traces['totalCost'] / 100:.2f} USD, {traces['errorRate']:.1f} % errors;"
        f" {spans['totalSpans']} spans, {spans['toolCalls']} of tools"
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
