"""The log of a deployment as it grows, over a WebSocket.

Whatever is wrong with a request is said before the upgrade, as an ordinary answer. After it, each
message is one line; the last one says that the deployment is over.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketException
from litestar.params import FromPath

from api.declared import takes
from api.deploys.failures import STATUSES, ErrorAnswer, text_of
from api.deploys.feeds import Feed, FeedBroken, Feeds, Frame, LogRemoved, Source, TooManyViewers
from api.deploys.readers import DeployReader, deploy_reader
from api.headers import USUAL
from api.parameters import InvalidParameters, read, values_of
from api.reads import reader_of
from controlplane.failures import ControlPlaneError, RetryLater
from schemas.connections import AUTHENTICATED, FRAMES
from schemas.deploys.log_answers import EndFrame, StreamQuery
from schemas.projects import ProjectContext

AnySocket = WebSocket[Any, Any, Any]
ASKED_AGAIN_S = 60.0
"""How soon somebody who may not read any more is shown no more."""
RETRY_AFTER_S = 5
MOST_BYTES_AT_ONCE = 64 << 10
"""So much more than it reads may wait for each slow viewer."""
NORMAL, POLICY, BROKEN = 1000, 1008, 1011
"""Codes of a close: RFC 6455, section 7.4.1."""
_encode = msgspec.json.Encoder().encode


class _Denied(Exception):
    """Raised for what is answered in place of the upgrade."""

    def __init__(self, status: int, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after_s = status, message, retry_after_s


class _Asked(NamedTuple):
    """Who follows what."""

    project: ProjectContext
    deployment_id: str
    after_seq: int


class _Closed(NamedTuple):
    """Why a connection is closed."""

    code: int
    reason: str = ""


@websocket("/logs/{deployment_id:str}/stream", opt=dict(takes(StreamQuery)))
async def stream_lines(socket: AnySocket, deployment_id: FromPath[str]) -> None:
    """Send the lines of a deployment after a number, then those that come, until it is over."""
    feeds: Feeds = socket.app.state.deploy_feeds
    try:
        asked = await _asked(socket, deployment_id)
        source = _source(socket, asked)
        async with feeds.open(source) as feed:
            await socket.accept()
            await _serve(socket, feed, asked)
    except _Denied as denied:
        await _deny(socket, denied)
    except TooManyViewers as error:
        whose = "of this project " if error.is_own else ""
        message = f"too many viewers {whose}at one time"
        await _deny(socket, _Denied(429 if error.is_own else 503, message, RETRY_AFTER_S))


async def _asked(socket: AnySocket, deployment_id: str) -> _Asked:
    """Returns who follows what. Raises `_Denied`."""
    if not _is_own_origin(socket):
        raise _Denied(403, "this origin may not read logs")
    try:
        project = await deploy_reader(socket).find(socket, deployment_id)
        query = read(values_of(socket), StreamQuery)  # type: ignore[arg-type] # it reads the scope
    except InvalidParameters as error:
        raise _Denied(400, text_of(error)) from error
    except ControlPlaneError as error:
        retry_after_s = error.retry_after_s if isinstance(error, RetryLater) else None
        raise _Denied(STATUSES[type(error)], error.message, retry_after_s) from error
    socket.scope["state"][AUTHENTICATED] = True
    return _Asked(project, deployment_id, query.after_seq)


def _source(socket: AnySocket, asked: _Asked) -> Source:
    reader: DeployReader = deploy_reader(socket)
    reads = reader_of(socket, asked.project)  # type: ignore[arg-type] # it reads the state
    return Source(
        asked.project,
        asked.deployment_id,
        reads.next_turn,
        lambda: reader.ending(asked.project, asked.deployment_id),
    )


async def _serve(socket: AnySocket, feed: Feed, asked: _Asked) -> None:
    """Sends until the deployment is over, the client goes, or it may not read any more."""
    parts: list[Coroutine[Any, Any, _Closed | None]] = [
        _send(socket, feed, asked),
        _receive(socket),
        _ask_again(socket, asked),
    ]
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    closed = await ended.pop()
    if closed is not None:
        await socket.close(closed.code, closed.reason)


async def _send(socket: AnySocket, feed: Feed, asked: _Asked) -> _Closed | None:
    last_seq = asked.after_seq
    try:
        async for frames in feed.follow(asked.after_seq):
            for message in _messages(socket, frames):
                await socket.send(message)
            last_seq = frames[-1].seq
        if feed.ending is not None:
            end = EndFrame(asked.deployment_id, feed.ending.status, last_seq)
            await socket.send_text(_encode(end).decode())
    except LogRemoved:
        return _Closed(POLICY, "the deployment was removed")
    except FeedBroken:
        return _Closed(BROKEN, "the log cannot be followed for now")
    except (WebSocketException, OSError):
        return None
    return _Closed(NORMAL)


def _messages(socket: AnySocket, frames: Sequence[Frame]) -> Iterator[Any]:
    """Yields what sends these lines: many at once, where the server takes that."""
    if FRAMES not in (socket.scope["extensions"] or {}):
        for frame in frames:
            text = frame.content.decode()
            yield {"type": "websocket.send", "text": text, "bytes": None}
        return
    part: list[bytes] = []
    size = 0
    for frame in frames:
        if part and size + len(frame.wire) > MOST_BYTES_AT_ONCE:
            yield {"type": FRAMES, "body": b"".join(part)}
            part, size = [], 0
        part.append(frame.wire)
        size += len(frame.wire)
    yield {"type": FRAMES, "body": b"".join(part)}


async def _receive(socket: AnySocket) -> None:
    """Returns when the client has gone; what it says is not listened to."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _ask_again(socket: AnySocket, asked: _Asked) -> _Closed:
    """Returns when who follows may not read any more."""
    while True:
        await asyncio.sleep(ASKED_AGAIN_S)
        try:
            await deploy_reader(socket).find(socket, asked.deployment_id)
        except RetryLater:
            continue
        except ControlPlaneError as error:
            return _Closed(POLICY, error.message[:100])


def _is_own_origin(socket: AnySocket) -> bool:
    """Tells whether no page of another site asks: a browser names the page in `Origin`."""
    origin = socket.headers.get("origin")
    if origin is None or origin.lower() in socket.app.state.allowed_origins:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and (
        parts.netloc.lower() == socket.headers.get("host", "").lower()
    )


async def _deny(socket: AnySocket, denied: _Denied) -> None:
    """Answers in place of the upgrade (the extension Websocket Denial Response of ASGI)."""
    headers = [*USUAL, (b"content-type", b"application/json")]
    if denied.retry_after_s is not None:
        headers.append((b"retry-after", str(denied.retry_after_s).encode()))
    begin: Any = {"type": "websocket.http.response.start", "status": denied.status}
    body: Any = {"type": "websocket.http.response.body"}
    await socket.send(begin | {"headers": headers})
    await socket.send(body | {"body": _encode(ErrorAnswer(denied.message))})
