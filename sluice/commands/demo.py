"""`sluice demo`: sends made-up traffic to a running server, so that every page shows something."""

import asyncio
import secrets
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Any, NamedTuple

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ingest.llm.demo import Item, Traffic
from schemas.llm.wire import MAX_ITEMS
from schemas.settings import Settings
from sluice.commands.control import opened, refuse_missing
from sluice.commands.errors import CommandError
from sluice.commands.options import DataDir, address_of, settings_with

TIMEOUT_S = 30
MAX_TRIES = 20

Url = Annotated[str | None, typer.Option(help="Address of the server, if not the settings' own.")]
ApiKey = Annotated[
    str | None,
    typer.Option("--key", help="API key; else the first project's of the data directory."),
]


class Sender(NamedTuple):
    """Where traffic goes, and what shows how far it is."""

    client: httpx.Client
    progress: Progress


def send_demo(
    url: Url = None,
    key: ApiKey = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="How far back it reaches.")] = 7,
    traces: Annotated[int, typer.Option(min=1, max=1_000_000, help="LLM calls.")] = 2_000,
    spans: Annotated[int, typer.Option(min=1, max=1_000_000, help="Agent events, about.")] = 1_500,
    seed: Annotated[int | None, typer.Option(help="The same seed makes the same ids.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Send realistic traffic of the last days to a running server.

    LLM calls of several providers, users and environments with errors, cached tokens and an
    unpriced model; agents with tools and sub-agents; and, for the ledger, items that come twice
    and one that is rejected. Everything goes through the public API.
    """
    settings = settings_with(data_dir=data_dir)
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    until = datetime.now(UTC)
    traffic = Traffic(seed, until, days)
    headers = {"Authorization": f"Bearer {key or _own_key(settings)}"}
    address = (url or address_of(settings)).rstrip("/")
    # Not through a proxy of the environment: the server is usually on this very machine.
    with httpx.Client(
        base_url=address, headers=headers, timeout=TIMEOUT_S, trust_env=False
    ) as client:
        _check_key(client)
        with _progress() as progress:
            sender = Sender(client, progress)
            _send(sender, "traces", traffic.traces(traces), traces)
            _send(sender, "spans", traffic.spans(spans), spans)
            _send_repeats(sender, Traffic(seed, until, days))
        _conclude(client, until - timedelta(days=days + 1), until, seed)


def _own_key(settings: Settings) -> str:
    if settings.init_api_key:
        return settings.init_api_key
    refuse_missing(settings)

    async def read() -> str | None:
        async with opened(settings) as control:
            return control.initial.plain_key if control.initial else None

    key = asyncio.run(read())
    if key is None:
        raise CommandError("the first project has no key any more: give one with --key")
    return key


def _check_key(client: httpx.Client) -> None:
    answer = _post(client, "/v1/auth/login", None)
    if answer.status_code != 200 or not answer.text.startswith('{"authenticated":'):
        raise CommandError(f"{client.base_url} is no Sluice: it answered {answer.status_code}")
    if not answer.json()["authenticated"]:
        raise CommandError(f"{client.base_url} does not know this API key; give another with --key")


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


def _send_repeats(sender: Sender, again: Traffic) -> None:
    """Sends what the ledger counts as duplicate and as invalid."""
    first = list(islice(again.traces(MAX_ITEMS), 25))
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
        except httpx.HTTPError as error:
            why = f"{client.base_url} does not answer ({error or type(error).__name__})"
            raise CommandError(f"{why}: is sluice up running there?") from error
        if answer.status_code not in (429, 503):
            return answer
        time.sleep(min(60, int(answer.headers.get("Retry-After", "1"))))
    raise CommandError(f"{client.base_url} rejects for now: {answer.text[:200]}")


def _accepted(answer: httpx.Response) -> None:
    if answer.status_code != 202:
        raise CommandError(f"the server answered {answer.status_code}: {answer.text[:200]}")


def _progress() -> Progress:
    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=Console(stderr=True))


def _conclude(client: httpx.Client, first: datetime, last: datetime, seed: int) -> None:
    parameters = {"date_from": _iso(first), "date_to": _iso(last)}
    traces = _read(client, "/v1/analytics", parameters)
    spans = _read(client, "/v1/analytics/spans", parameters)
    typer.echo(
        f"readable now: {traces['totalRequests']} traces in {traces['totalSessions']} sessions,"
        f" {traces['totalCost'] / 100:.2f} USD, {traces['errorRate']:.1f} % errors;"
        f" {spans['totalSpans']} spans, {spans['toolCalls']} of tools"
    )
    typer.echo(f"seed: {seed}")


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
