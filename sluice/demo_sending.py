"""Sends the demo's traffic through the public API of a running server, and reads what it made."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ingest.llm.demo import Traffic
from ingest.llm.demo_bodies import Item
from schemas.llm.wire import MAX_ITEMS
from sluice.commands.errors import CommandError

TIMEOUT_S = 30
MAX_TRIES = 20
REPEATED = 25


class Amount(NamedTuple):
    """How much traffic, of how many days; the same seed makes the same ids."""

    days: int
    traces: int
    spans: int
    seed: int


class Sender(NamedTuple):
    """Where traffic goes, and what shows how far it is."""

    client: httpx.Client
    progress: Progress


def send_traffic(address: str, key: str, amount: Amount) -> str:
    """Sends all of it and returns what can be read now. Raises `CommandError`."""
    until = datetime.now(UTC)
    traffic = Traffic(amount.seed, until, amount.days)
    headers = {"Authorization": f"Bearer {key}"}
    with _client(address, headers) as client:
        if not _knows_key(client):
            raise CommandError(f"{address} does not know this API key; give another with --key")
        with _progress() as progress:
            sender = Sender(client, progress)
            _send(sender, "traces", traffic.traces(amount.traces), amount.traces)
            _send(sender, "spans", traffic.spans(amount.spans), amount.spans)
            again = Traffic(amount.seed, until, amount.days)
            _send_repeats(sender, list(again.traces(min(REPEATED, amount.traces))))
        return _readable(client, until - timedelta(days=amount.days + 1), until)


def refuse_silent(address: str) -> None:
    """Raises `CommandError` where no Sluice answers: nothing should be made for it then."""
    with _client(address, {}) as client:
        _knows_key(client)


def _client(address: str, headers: dict[str, str]) -> httpx.Client:
    # Not through a proxy of the environment: the server is usually on this very machine.
    return httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT_S, trust_env=False)


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
    answer = _post(client, "/v1/auth/login", None)
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
        _accepted(_post(sender.client, f"/v1/{kind}/async", batch))
        sent += len(batch)
        sender.progress.update(task, completed=sent, total=max(total, sent))
    # The last ones again, where the answer waits until they can be read: all the others can too.
    _accepted(_post(sender.client, f"/v1/{kind}/batch", batch[-1:]))


def _send_repeats(sender: Sender, first: list[Item]) -> None:
    """Sends what is counted as duplicate and as invalid."""
    _accepted(_post(sender.client, "/v1/traces/async", first))
    rejected = _post(sender.client, "/v1/traces/async", [{**first[0], "latency_ms": -1}])
    if rejected.status_code != 400:
        raise CommandError(f"a wrong item was answered {rejected.status_code}, not 400")


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, MAX_ITEMS)):
        yield batch


def _post(client: httpx.Client, path: str, items: list[Item] | None) -> httpx.Response:
    """Posts until the server takes or rejects it. Raises `CommandError` when it does not answer."""
    for _ in range(MAX_TRIES):
        try:
            answer = client.post(path, json=items)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = f"{client.base_url} does not answer ({error or type(error).__name__})"
            way_out = "start sluice up, or name the server's address with --url"
            raise CommandError(f"{why}: {way_out}") from error
        if answer.status_code not in (429, 503):
            return answer
        time.sleep(min(60, int(answer.headers.get("Retry-After", "1"))))
    raise CommandError(f"{client.base_url} takes no events for now: {answer.text[:200]}")


def _accepted(answer: httpx.Response) -> None:
    if answer.status_code != 202:
        raise CommandError(f"the server answered {answer.status_code}: {answer.text[:200]}")


def _progress() -> Progress:
    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=Console(stderr=True))


def _readable(client: httpx.Client, first: datetime, last: datetime) -> str:
    parameters = {"date_from": _iso(first), "date_to": _iso(last)}
    traces = _read(client, "/v1/analytics", parameters)
    spans = _read(client, "/v1/analytics/spans", parameters)
    return (
        f"readable now: {traces['totalRequests']} traces in {traces['totalSessions']} sessions,"
        f" {traces['totalCost'] / 100:.2f} USD, {traces['errorRate']:.1f} % errors;"
        f" {spans['totalSpans']} spans, {spans['toolCalls']} of tools"
    )


def _read(client: httpx.Client, path: str, parameters: dict[str, str]) -> Any:
    try:
        answer = client.get(path, params=parameters)
    except httpx.HTTPError as error:
        raise CommandError(f"{client.base_url} does not answer ({error})") from error
    if answer.status_code != 200:
        raise CommandError(f"{path} answered {answer.status_code}: {answer.text[:200]}")
    return answer.json()


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
