"""Requests of the demo: sent until the server takes them, and what becomes of its refusals."""

import time
from typing import Any, NamedTuple

import httpx
from rich.progress import Progress

from sluice.commands.errors import CommandError

TIMEOUT_S = 30
MAX_TRIES = 20


class Sender(NamedTuple):
    """Where traffic goes, and what shows how far it is."""

    client: httpx.Client
    progress: Progress


def client_of(address: str, headers: dict[str, str]) -> httpx.Client:
    """Returns what sends to a server."""
    # Not through a proxy of the environment: the server is usually on this very machine.
    return httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT_S, trust_env=False)


def post(client: httpx.Client, path: str, **content: Any) -> httpx.Response:
    """Posts until the server takes or rejects it. Raises `CommandError` when it does not answer."""
    for _ in range(MAX_TRIES):
        try:
            answer = client.post(path, **content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = f"{client.base_url} does not answer ({error or type(error).__name__})"
            way_out = "start sluice up, or name the server's address with --url"
            raise CommandError(f"{why}: {way_out}") from error
        if answer.status_code not in (429, 503):
            return answer
        time.sleep(min(60, int(answer.headers.get("Retry-After", "1"))))
    raise CommandError(f"{client.base_url} takes no events for now: {answer.text[:200]}")


def accepted(answer: httpx.Response, status: int = 202) -> None:
    """Raises `CommandError` for any other answer."""
    if answer.status_code != status:
        raise CommandError(f"the server answered {answer.status_code}: {answer.text[:200]}")


def read(client: httpx.Client, path: str, parameters: dict[str, str]) -> Any:
    """Returns what can be read there. Raises `CommandError`."""
    try:
        answer = client.get(path, params=parameters)
    except httpx.HTTPError as error:
        raise CommandError(f"{client.base_url} does not answer ({error})") from error
    if answer.status_code != 200:
        raise CommandError(f"{path} answered {answer.status_code}: {answer.text[:200]}")
    return answer.json()
