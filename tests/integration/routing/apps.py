"""Small apps on loopback, as people deploy them, and some that break what HTTP asks for."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web
from multidict import CIMultiDict

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class App:
    """One app, and what it has seen."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = 0
        self.asked: list[web.Request] = []
        self.left = asyncio.Event()
        """Set when somebody has gone in the middle of an answer."""
        self.go_on = asyncio.Event()
        """What some paths wait for."""
        self.body_bytes = 0
        self.body_broke = asyncio.Event()
        self.answer_headers: CIMultiDict[str] = CIMultiDict()
        self.close_code: int | None = None

    @property
    def fields(self) -> CIMultiDict[str]:
        """Returns the headers of the last request."""
        return CIMultiDict(self.asked[-1].headers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        name = request.path.rpartition("/")[2]
        special: Handler | None = getattr(self, f"_{name}", None)
        if special is not None:
            return await special(request)
        body = await request.read()
        told = {"app": self.name, "path": request.raw_path, "method": request.method}
        text = json.dumps({**told, "body": body.decode("latin-1")})
        return web.Response(text=text, headers=self.answer_headers)

    async def _echo(self, request: web.Request) -> web.StreamResponse:
        """Answers each piece as it comes."""
        answer = web.StreamResponse()
        await answer.prepare(request)
        async for piece in request.content.iter_any():
            await answer.write(piece.upper())
        return answer

    async def _count(self, request: web.Request) -> web.StreamResponse:
        """Reads a body, at the pace of `go_on`."""
        try:
            async for piece in request.content.iter_chunked(64 << 10):
                self.body_bytes += len(piece)
                await self.go_on.wait()
        except (ConnectionError, asyncio.CancelledError, web.RequestPayloadError):
            self.body_broke.set()
            raise
        return web.Response(text=str(self.body_bytes))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Sends an event, and then waits for ever."""
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b"data: one\n\n")
        try:
            await self.go_on.wait()
            await answer.write(b"data: two\n\n")
        except asyncio.CancelledError:
            self.left.set()
            raise
        return answer

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        """Sends as much as somebody reads."""
        answer = web.StreamResponse()
        await answer.prepare(request)
        piece = b"x" * (64 << 10)
        try:
            while True:
                await answer.write(piece)
                self.body_bytes += len(piece)
        except (ConnectionError, asyncio.CancelledError):
            self.left.set()
            raise

    async def _slow(self, request: web.Request) -> web.StreamResponse:
        await self.go_on.wait()
        return web.Response(text=self.name)

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        """Answers each message in capitals; `bye` closes, `die` breaks the connection."""
        socket = web.WebSocketResponse(protocols=("chat.v2",), max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                if message.data == "bye":
                    await socket.close(code=4321, message=b"as you wish")
                elif message.data == "die":
                    assert request.transport is not None
                    request.transport.abort()
                else:
                    await socket.send_str(message.data.upper())
            elif message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data[::-1])
        self.close_code = socket.close_code
        self.left.set()
        return socket

    async def _deaf(self, request: web.Request) -> web.StreamResponse:
        """Opens a WebSocket, and reads nothing of it before `go_on`."""
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        await self.go_on.wait()
        async for message in socket:
            self.body_bytes += len(message.data)
        return socket

    async def _flood(self, request: web.Request) -> web.StreamResponse:
        """Sends messages as long as somebody reads them."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        while True:
            await socket.send_bytes(b"x" * (64 << 10))
            self.body_bytes += 64 << 10

    async def _closed(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=403)


@asynccontextmanager
async def app(name: str = "one", kind: type[App] = App) -> AsyncIterator[App]:
    """Serves an app on a free port for as long as it is asked for."""
    served = kind(name)
    runner = web.ServerRunner(
        web.Server(served.handle, handler_cancellation=True), shutdown_timeout=0.1
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.port = runner.addresses[0][1]
    try:
        yield served
    finally:
        served.go_on.set()
        await runner.cleanup()


@asynccontextmanager
async def raw_app(
    *answers: bytes, closes: bool = True, reads: bool = True
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Serves bytes as they are, one after the other, and keeps what came first of each request.

    Yields its port and what it keeps. After the last answer it closes connections at once.
    """
    left = list(answers)
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n") if reads else b""
                asked.append(head)
                if left:
                    writer.write(left.pop(0))
                    await writer.drain()
                if closes or not left:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()
