"""A TCP proxy before a real server: cuts its connections, keeps silent, or loses one answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536
BOUND_S = 30.0
"""Generous: what is promised is an end, and that the next call works."""


class Proxy:
    """Passes bytes on in both directions until it is told otherwise; listens on 127.0.0.1."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._last_request: bytes | None = None

    def stall(self) -> None:
        """From now on accept connections and bytes, and pass nothing on."""
        self._passing.clear()

    def resume(self) -> None:
        """Pass on again, what has waited first."""
        self._passing.set()

    def cut(self) -> None:
        """Break every open connection; new ones are welcome."""
        for writer in self._writers:
            writer.transport.abort()

    def cut_after(self, request: bytes) -> None:
        """Pass the next request that holds these bytes on, and break before its answer."""
        self._last_request = request

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        try:
            answers, requests = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, requests}
        self._writers |= both
        lost = asyncio.Event()
        try:
            await asyncio.gather(
                self._pass(reader, requests, lost, self._is_last),
                self._pass(answers, writer, lost, lambda _: False),
            )
        except OSError:
            pass  # one side is gone, so the other goes too
        finally:
            self._writers -= both
            for end in both:
                end.transport.abort()

    async def _pass(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        lost: asyncio.Event,
        is_last: Callable[[bytes], bool],
    ) -> None:
        while chunk := await source.read(CHUNK_BYTES):
            await self._passing.wait()
            if lost.is_set():
                raise ConnectionAbortedError
            if is_last(chunk):
                lost.set()
            target.write(chunk)
            await target.drain()
        raise ConnectionAbortedError

    def _is_last(self, chunk: bytes) -> bool:
        found = self._last_request is not None and self._last_request in chunk
        if found:
            self._last_request = None
        return found


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """Put a proxy before the server of a URL; gives it and the URL that leads through it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = Proxy(parts.hostname, parts.port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield proxy, url.replace(f"@{parts.hostname}:{parts.port}/", f"@127.0.0.1:{port}/")
    finally:
        server.close()
        proxy.resume()
        proxy.cut()
        await server.wait_closed()
