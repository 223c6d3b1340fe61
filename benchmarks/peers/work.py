"""What every server is sent: errors in Sentry's envelopes, or spans over OTLP; and how."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import aiohttp

from benchmarks.generate import Body, fill, generators_by_kind
from benchmarks.generators.errors import PATH
from benchmarks.otlp_traffic import BATCH, requests_of
from schemas.kinds import ERROR

ERRORS, SPANS = "errors", "spans"
ENVELOPES = 40
"""That differ; each is sent with a new id."""
REQUESTS_PER_S = 50
"""Requests of spans that are made for a second of sending. No server here takes so many."""
PAUSE_S = 0.05
"""After an answer that is no 200."""


class Work(NamedTuple):
    """Requests of one form."""

    name: str
    path: str
    headers: Mapping[str, str]
    events: int
    """In each request."""
    connections: int
    body: Callable[[int], bytes | None]
    """Makes the request of a number; None where there are no more."""


class Sent(NamedTuple):
    """What became of the requests."""

    answered: int
    """Events in requests that were answered 200."""
    rejected: int
    """Events in requests that were answered otherwise, or not."""
    took_s: float
    latencies_ms: list[float]
    """Of those that were answered 200."""


def errors_work() -> Work:
    """Returns errors of 11 KB, one a request."""
    bodies = envelopes(ENVELOPES)
    headers = {"Content-Type": "application/x-sentry-envelope"}
    return Work(ERRORS, PATH, headers, 1, 32, lambda number: fill(bodies[number % ENVELOPES])[0])


def spans_work(seconds: float) -> Work:
    """Returns spans of 1.6 KB, 200 a request, as many as can be sent in so many seconds."""
    made = requests_of(1, max(1, int(seconds * REQUESTS_PER_S)))
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    return Work(
        *(SPANS, "/v1/traces", headers, BATCH, 4),
        lambda number: made[number] if number < len(made) else None,
    )


def envelopes(count: int) -> list[Body]:
    """Returns errors in envelopes that name the event's id, as Bugsink asks for."""
    made = []
    for body in generators_by_kind()[ERROR.name].bodies(1, count, 1):
        first, *others = body.pieces
        begin = (b'{"event_id":"', b'",' + first[1:])
        made.append(Body([*begin, *others], [0, *body.numbers], 1))
    return made


async def send(
    port: int, work: Work, headers: Mapping[str, str], seconds: float, patience_s: float
) -> Sent:
    """Sends on kept connections until time is over; an answer is waited for `patience_s`."""
    number, rejected = 0, 0
    latencies: list[float] = []
    began = time.perf_counter()

    async def connection(session: aiohttp.ClientSession) -> None:
        nonlocal number, rejected
        while time.perf_counter() - began < seconds and (body := work.body(number)) is not None:
            number += 1
            asked = time.perf_counter()
            try:
                async with session.post(work.path, data=body) as answer:
                    await answer.read()
                    is_taken = answer.status == 200
            except (aiohttp.ClientError, TimeoutError):
                is_taken = False
            if is_taken:
                latencies.append((time.perf_counter() - asked) * 1e3)
            else:
                rejected += 1
                await asyncio.sleep(PAUSE_S)

    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{port}",
        headers={**work.headers, **headers},
        timeout=aiohttp.ClientTimeout(total=patience_s),
        connector=aiohttp.TCPConnector(limit=work.connections),
    ) as session:
        await asyncio.gather(*(connection(session) for _ in range(work.connections)))
        took_s = time.perf_counter() - began
    return Sent(len(latencies) * work.events, rejected * work.events, took_s, latencies)
