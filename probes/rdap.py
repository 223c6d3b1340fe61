"""What registries say of a domain: until when it is registered.

Source: RFC 9083 (answers) and RFC 9224 (IANA's list of servers). Registries throttle whoever asks
often, so what they said is kept for some hours, whatever the interval of a monitor is. What they
fail to say is no fault of the domain: it is `inconclusive`.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from yarl import URL

from probes.findings import Trouble, failed, quoted, unclear
from probes.marks import Marks
from probes.redirects import MAX_REDIRECTS, STATUSES, follow
from probes.web import Body, Request, Web, inflated, read_body
from schemas.times import parse_timestamp_us

BOOTSTRAP_KEPT_S = 86_400.0
ANSWER_KEPT_S = 6 * 3600.0
MAX_KEPT = 10_000
MOST_PARENTS = 3
"""Asked when a name is not registered: `www.example.co.uk` is `example.co.uk` to its registry."""
ACCEPT = "application/rdap+json, application/json"
T = TypeVar("T")


class _Bootstrap(Struct):
    services: list[tuple[list[str], list[str]]]


class _Event(Struct, rename="camel"):
    event_action: str = ""
    event_date: str = ""


class _Domain(Struct, rename="camel"):
    ldh_name: str = ""
    status: list[str] = []
    events: list[_Event] = []


class Registration(Struct, frozen=True):
    """What a registry says of a domain."""

    name: str
    expires_us: int | None
    """`None` where the registry does not say it, as some of countries."""
    statuses: tuple[str, ...]


class Registries:
    """Asks the registry of a name, and keeps what it said."""

    def __init__(
        self, web: Web, bootstrap_url: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._web = web
        self._bootstrap_url = bootstrap_url
        self._clock = clock
        self._servers: dict[str, str] = {}
        self._servers_until = 0.0
        self._reading = asyncio.Lock()
        self._kept: OrderedDict[str, tuple[float, Registration]] = OrderedDict()

    async def registration(self, host: str, marks: Marks) -> Registration:
        """Returns what is registered of a host: the name itself, or the nearest one above it.

        Raises `Trouble`: `fail` where the registry knows no such domain, else `inconclusive`.
        """
        if (kept := self._kept.get(host)) and kept[0] > self._clock():
            return kept[1]
        server = await self._server_of(host, marks)
        labels = host.split(".")
        for first in range(min(MOST_PARENTS, len(labels) - 1)):
            found = await self._ask(server, ".".join(labels[first:]), marks)
            if found is not None:
                self._keep(host, found)
                return found
        raise failed("expired", f"the registry knows no domain {quoted(host)}: register it again")

    def _keep(self, host: str, found: Registration) -> None:
        self._kept[host] = (self._clock() + ANSWER_KEPT_S, found)
        self._kept.move_to_end(host)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)

    async def _server_of(self, host: str, marks: Marks) -> str:
        async with self._reading:
            if self._servers_until <= self._clock():
                await self._read_servers(marks)
        labels = host.split(".")
        for first in range(len(labels)):
            if server := self._servers.get(".".join(labels[first:])):
                return server
        raise unclear(
            "unsupported", f"the registry of .{labels[-1]} has no server of RDAP that IANA names"
        )

    async def _read_servers(self, marks: Marks) -> None:
        try:
            _, body = await self._get(URL(self._bootstrap_url), marks)
            read = _decoded(body, _Bootstrap)
        except Trouble:
            # Yesterday's list is as good as today's.
            if not self._servers:
                raise
            return
        self._servers = {
            suffix.lower(): min(urls, key=lambda url: not url.startswith("https:"))
            for suffixes, urls in read.services
            for suffix in suffixes
            if urls
        }
        self._servers_until = self._clock() + BOOTSTRAP_KEPT_S

    async def _ask(self, server: str, name: str, marks: Marks) -> Registration | None:
        url = URL(server.rstrip("/") + "/domain/" + name)
        status, body = await self._get(url, marks)
        if status == 404:
            return None
        if status != 200:
            raise unclear("rdap", f"the registry's server answered {status} for {quoted(name)}")
        answer = _decoded(body, _Domain)
        return Registration(answer.ldh_name.lower() or name, _end(answer), tuple(answer.status))

    async def _get(self, url: URL, marks: Marks) -> tuple[int, Body]:
        request = Request(url=url, headers={"Accept": ACCEPT})
        try:
            for _ in range(MAX_REDIRECTS):
                async with self._web.send(request, marks) as response:
                    location = response.headers.get("Location", "")
                    if response.status not in STATUSES or not location:
                        body = await read_body(response, marks)
                        coding = response.headers.get("Content-Encoding", "")
                        return response.status, inflated(body, coding)
                request = follow(request, response.status, location)
        except Trouble as trouble:
            if trouble.outcome == "inconclusive":
                raise
            raise unclear(
                "rdap", f"the registry could not be asked: {trouble.message}"
            ) from trouble
        raise unclear("rdap", f"the registry's server {url.host} redirects in a circle")


def _decoded(body: Body, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body.content, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unclear("rdap", f"the registry's answer is not that of RDAP: {error}") from error


def _end(answer: _Domain) -> int | None:
    for event in answer.events:
        if event.event_action == "expiration":
            return _moment(event.event_date)
    return None


def _moment(text: Any) -> int | None:
    try:
        return parse_timestamp_us(text)
    except ValueError:
        return None
