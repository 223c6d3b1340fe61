"""What an attacker with one key does to a server: each attack ends by itself and says what came.

An attack runs in a process of its own, so that it slows down nobody who measures. `ATTACKS` lists
them all: each takes a target and the seconds that it may go on, and returns what was answered.
"""

import random
import threading
import time
import uuid
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import cache
from http.client import HTTPConnection, HTTPException
from multiprocessing import get_context
from typing import NamedTuple

import brotli
import zstandard

from tests.e2e.silent import silent_readers
from tests.e2e.slow_clients import (
    HALF_HEAD,
    TRICKLED_FORM,
    TRICKLED_HEAD,
    slow_connections,
    trickled_ingest,
)

MIB = 1 << 20
TRACES = "/v1/traces/async"
LARGE_ITEMS, LARGE_BYTES = 16, 3_900_000
SENDERS = 8
ANSWER_TIMEOUT_S = 60
UNREAD, UNREAD_S = 20, 4.0
CONNECTIONS = 1_000


class Target(NamedTuple):
    """A server and a project on it."""

    port: int
    key: str


class Sent(NamedTuple):
    """What an attack came to."""

    accepted: int
    """Items that were answered 2xx."""
    answers: Counter[int]
    """Requests by status; 0 for those without an answer."""


class Body(NamedTuple):
    """One request."""

    data: bytes
    encoding: str
    items: int


Attack = Callable[[Target, float], Sent]


def send_large_items(target: Target, seconds: float) -> Sent:
    """Sends 16 items of 3.9 MB each, some 100 KB on the wire, over and over."""
    return _send(target, seconds, _large_bodies)


def send_bombs(target: Target, seconds: float) -> Sent:
    """Sends small bodies that are large when inflated, or many members without content."""
    _made_bombs()
    return _send(target, seconds, _bombs)


def send_too_much(target: Target, seconds: float) -> Sent:
    """Sends batches of 100 traces from ten times as many senders as keep a server busy."""
    return _send(target, seconds, _batches, senders=10 * SENDERS)


def leave_answers_unread(target: Target, seconds: float) -> Sent:
    """Stores a session of some 60 MB, and asks for it from 40 connections that never read."""
    connection = HTTPConnection("127.0.0.1", target.port, timeout=ANSWER_TIMEOUT_S)
    status = _post(connection, target.key, next(_large_bodies("unread")))
    deadline = time.monotonic() + seconds
    paths = ("/v1/sessions/s", "/v1/traces?limit=100")
    asked = 0
    while time.monotonic() < deadline:
        with ExitStack() as held:
            for path in paths:
                held.enter_context(silent_readers(target.port, target.key, path, UNREAD))
                asked += UNREAD
            time.sleep(min(UNREAD_S, max(0.0, deadline - time.monotonic())))
    return Sent(LARGE_ITEMS if status == 202 else 0, Counter({status: 1, 0: asked}))


def hold_connections(target: Target, seconds: float) -> Sent:
    """Keeps 1,000 connections open that send a byte now and then, with a key and without."""
    kinds = (HALF_HEAD, TRICKLED_HEAD, TRICKLED_FORM, trickled_ingest(target.key))
    with ExitStack() as held:
        for kind in kinds:
            each = CONNECTIONS // len(kinds)
            held.enter_context(slow_connections(target.port, kind, each, again=True))
        time.sleep(seconds)
    return Sent(0, Counter())


def ask_with_many_filters(target: Target, seconds: float) -> Sent:
    """Filters lists by 2,000 keys of metadata at a time, as far as a request's head reaches."""
    query = "&".join(f"metadata.k{n}=v" for n in range(2_000))
    deadline = time.monotonic() + seconds
    answers: Counter[int] = Counter()
    connection = HTTPConnection("127.0.0.1", target.port, timeout=ANSWER_TIMEOUT_S)
    while time.monotonic() < deadline:
        headers = {"Authorization": f"Bearer {target.key}"}
        connection.request("GET", f"/v1/traces?{query}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        answers[answer.status] += 1
    connection.close()
    return Sent(0, answers)


ATTACKS: tuple[tuple[str, Attack], ...] = (
    ("large items", send_large_items),
    ("bombs", send_bombs),
    ("unread answers", leave_answers_unread),
    ("slow connections", hold_connections),
    ("many filters", ask_with_many_filters),
    ("ten times too much", send_too_much),
)


def attackers(count: int) -> ProcessPoolExecutor:
    """Returns processes for so many attacks at a time; used as a context."""
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


def _send(
    target: Target,
    seconds: float,
    make: Callable[[str], Iterator[Body]],
    *,
    senders: int = SENDERS,
) -> Sent:
    deadline = time.monotonic() + seconds
    accepted: list[int] = []
    answers: list[int] = []

    def send_on(seed: str) -> None:
        connection = HTTPConnection("127.0.0.1", target.port, timeout=ANSWER_TIMEOUT_S)
        for body in make(seed):
            if time.monotonic() > deadline:
                break
            status = _post(connection, target.key, body)
            answers.append(status)
            accepted.append(body.items if status == 202 else 0)
        connection.close()

    threads = [threading.Thread(target=send_on, args=(f"sender {n}",)) for n in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Sent(sum(accepted), Counter(answers))


def _post(connection: HTTPConnection, key: str, body: Body) -> int:
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Content-Encoding": body.encoding,
    }
    try:
        connection.request("POST", TRACES, body.data, headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, HTTPException):
        connection.close()
        return 0
    return answer.status


def _large_bodies(seed: str) -> Iterator[Body]:
    chance = random.Random(seed)
    words = [bytes(chance.choices(b"abcdefghijklmnopqrstuvwxyz ", k=8)) for _ in range(700)]
    content = b" ".join(chance.choices(words, k=700)) * (LARGE_BYTES // 6_300)
    packer = zstandard.ZstdCompressor(level=1)
    while True:
        items = b",".join(_trace(content) % str(uuid.uuid4()).encode() for _ in range(LARGE_ITEMS))
        yield Body(packer.compress(b"[" + items + b"]"), "zstd", LARGE_ITEMS)


@cache
def _made_bombs() -> tuple[Body, ...]:
    plain = b"[" + b" " * (60 * MIB) + b"]"
    empty = zlib.compressobj(wbits=zlib.MAX_WBITS | 16).flush()
    return (
        Body(zstandard.ZstdCompressor(level=1).compress(plain), "zstd", 0),
        Body(brotli.compress(plain, quality=3), "br", 0),
        Body(empty * (16 * MIB // len(empty)), "gzip", 0),
    )


def _bombs(_: str) -> Iterator[Body]:
    while True:
        yield from _made_bombs()


def _batches(_: str) -> Iterator[Body]:
    """Packs a batch once and gives it fresh ids, unpacked between what is packed."""
    packer = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    before, after = _trace(b"word " * 200).split(b"%b")
    pieces = [
        packer.compress(part) + packer.flush(zlib.Z_FULL_FLUSH)
        for part in (b"[" + before, after + b"," + before, after + b"]")
    ]
    end = packer.flush()
    head = b"\0" + (36).to_bytes(2, "little") + (0xFFFF - 36).to_bytes(2, "little")
    while True:
        ids = [head + str(uuid.uuid4()).encode() for _ in range(100)]
        yield Body(pieces[0] + pieces[1].join(ids) + pieces[2] + end, "deflate", len(ids))


def _trace(content: bytes) -> bytes:
    return (
        b'{"trace_id":"%b","timestamp":"2026-11-01T12:00:00Z","provider":"openai",'
        b'"model_requested":"gpt-4o","status":"success","latency_ms":1200,"input_tokens":10,'
        b'"output_tokens":20,"session_id":"s","request_body":{"messages":[{"role":"user",'
        b'"content":"' + content + b'"}]}}'
    )
