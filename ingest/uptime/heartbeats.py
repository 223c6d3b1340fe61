"""Ping URLs of heartbeat monitors: what a job says of a run, by a plain request.

As healthchecks.io has it (https://healthchecks.io/docs/http_api/, read in November 2026):

1. GET, POST and HEAD of the URL say that a run has ended well; `/start`, `/fail` and the exit code
   of a shell say the rest.
2. The body, whatever it is, is kept as a message; what is too long of it is left out.
3. `?rid=` names a run, where several overlap.
"""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
from litestar import Response, Router, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK
from msgspec import Struct
from msgspec.structs import replace

from controlplane.failures import NotFound
from controlplane.uptime.ping_urls import PingUrls
from eventlog.producer import Items
from ingest.app import AnyRequest, edge_of
from ingest.body import Incoming
from ingest.forms import Form, Split
from ingest.quotas import Quotas
from schemas.described import describes
from schemas.kinds import CHECK
from schemas.uptime.checks import Check
from schemas.uptime.heartbeats import (
    MAX_MESSAGE_CHARS,
    HeartbeatTarget,
    PingParameters,
    Signal,
    Word,
    check_of,
)
from schemas.uptime.rows import check_id

PING = "heartbeat_ping"
CHECKED, KEY = "check", "key"
"""Under which the form is told of the check, and of whose rate it counts for."""
PINGS_PER_MINUTE = 60
KEPT_BYTES = 10_000
MOST_BYTES = 1 << 20
"""What is read of a body, so that the sender is not cut off while it sends."""
MAX_RUNS = 10_000
MAX_RUN_CHARS = 64
LAST_EXIT_CODE = 255
PATHS = ["/heartbeats/{secret:str}", "/heartbeats/{secret:str}/{signal:str}"]
DESCRIBED = describes(errors=(404, 408, 429, 503), asks="nobody", takes=(PingParameters,))
_check = msgspec.json.Decoder(Check).decode


class Heard(Struct):
    """The ping is durable."""

    status: str


class Runs:
    """Starts of runs that this process has heard of, the newest ones."""

    def __init__(self) -> None:
        self._started: OrderedDict[tuple[str, str], int] = OrderedDict()

    def begin(self, monitor_id: str, run: str, at_us: int) -> None:
        """Notes a start."""
        self._started[monitor_id, run] = at_us
        self._started.move_to_end((monitor_id, run))
        while len(self._started) > MAX_RUNS:
            self._started.popitem(last=False)

    def end(self, monitor_id: str, run: str) -> int | None:
        """Returns when a run began that ends; `None` where this process does not know."""
        return self._started.pop((monitor_id, run), None)


async def take_ping(request: AnyRequest, secret: str) -> Response[Heard]:
    """Has a ping be a check in the log. Raises `NotFound`, and as `Edge.accept`."""
    urls = cast("PingUrls", request.app.state.ping_urls)
    found = await urls.find(secret)
    if found is None:
        raise NotFound("No heartbeat has this URL")
    signal, message = _signal(request.path_params.get("signal", ""))
    word = Word(signal=signal, at_us=time.time_ns() // 1000, message=message)
    runs = cast("Runs", request.app.state.ping_runs)
    check = check_of(_known_start(runs, found.target, word, _run(request)), word)
    about = {CHECKED: msgspec.json.encode(check).decode(), KEY: found.target.monitor_id}
    incoming = Incoming(_beginning(request), None, None, about)
    await edge_of(request).accept(found.project, PING, incoming)
    return Response(Heard("ok"), headers={"Cache-Control": "no-store"})


@get(PATHS, summary="Tell that a run has ended well", opt=DESCRIBED)
async def get_ping(request: AnyRequest, secret: FromPath[str]) -> Response[Heard]:
    """Accept a ping of a heartbeat; `start`, `fail` or an exit code say more."""
    return await take_ping(request, secret)


@post(
    PATHS,
    status_code=HTTP_200_OK,
    summary="Tell of a run, with a message",
    request_max_body_size=None,
    opt=DESCRIBED,
)
async def post_ping(request: AnyRequest, secret: FromPath[str]) -> Response[Heard]:
    """Accept a ping of a heartbeat; the body is kept as its message."""
    return await take_ping(request, secret)


def ping_form() -> Form:
    """Returns the form of a ping, with the rates of this process."""
    quotas = Quotas(PINGS_PER_MINUTE)

    def split(body: bytes, about: Mapping[str, str], _: int) -> Split:
        quotas.take(about[KEY])
        check = _check(about[CHECKED])
        said = body[:KEPT_BYTES].decode(errors="replace").replace("\0", "").strip()
        message = ": ".join(part for part in (check.message, said) if part)
        check = replace(check, message=message[:MAX_MESSAGE_CHARS])
        item = msgspec.json.encode(check)
        of = (check.monitor_id, check.region, check.slot_us, check.attempt)
        return Split([Items(CHECK, [item], [check_id(*of)])])

    return Form(CHECK.name, split)


def routers() -> list[Router]:
    """Returns the routes; their URLs are all that they ask for."""
    return [Router("/v1", route_handlers=[get_ping, post_ping], tags=["ingest"])]


def _signal(text: str) -> tuple[Signal, str]:
    if text in ("", "start", "fail"):
        signals: dict[str, Signal] = {"": "ok", "start": "started", "fail": "fail"}
        return signals[text], ""
    if text.isascii() and text.isdigit() and int(text[:4]) <= LAST_EXIT_CODE:
        return ("fail", f"exit code {int(text)}") if int(text) else ("ok", "")
    raise NotFound("Expected start, fail, or an exit code of 0 to 255")


def _known_start(runs: Runs, target: HeartbeatTarget, word: Word, run: str) -> HeartbeatTarget:
    """Returns the target with the start of the run that ends, where it is known."""
    if word.signal == "started":
        runs.begin(target.monitor_id, run, word.at_us)
        return target
    started_us = runs.end(target.monitor_id, run)
    if started_us is None and not run:
        # Another process has heard of it.
        return target
    return replace(target, started_us=started_us)


def _run(request: AnyRequest) -> str:
    query = request.scope["query_string"].decode("latin-1")
    try:
        pairs = dict(parse_qsl(query, max_num_fields=20))
    except ValueError:
        return ""
    return pairs.get("rid", "")[:MAX_RUN_CHARS]


async def _beginning(request: AnyRequest) -> AsyncIterator[bytes]:
    """Yields what of a body is kept; reads on for a while, so that the sender hears an answer."""
    left, unread, more = KEPT_BYTES, MOST_BYTES, True
    while more and unread > 0:
        message: Any = await request.receive()
        if message["type"] == "http.disconnect":
            return
        piece = message.get("body", b"")
        unread -= len(piece)
        if left > 0 and piece:
            yield piece[:left]
            left -= len(piece)
        more = message.get("more_body", False)
