"""Real targets on loopback: each as right or as wrong as a test wants it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from probes.findings import failed
from probes.settings import ProberSettings
from schemas.projects import ProjectId
from schemas.uptime.targets import MonitorId, Target

PROJECT = ProjectId("00000000-0000-0000-0000-000000000001")
Handler = Callable[["Asked"], Awaitable[bytes] | bytes]
SETTINGS = ProberSettings(region="here", private_allowed=True)
REFUSING = ProberSettings(region="here")


class Asked:
    """One request, as it came."""

    def __init__(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        line, *headers = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = line.split(" ", 2)
        self.headers = dict(one.lower().split(": ", 1) for one in headers if one)
        self.raw_headers = "\n".join(headers)
        self.body = body
        self.writer = writer


class Web:
    """A server of HTTP that remembers what it was asked."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.asked: list[Asked] = []
        self.connections = 0
        self.port = 0

    def url(self, path: str = "/", *, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
            size = next(
                (int(one[15:]) for one in head.split(b"\r\n") if one[:15].lower() == LENGTH), 0
            )
            asked = Asked(head, await reader.readexactly(size), writer)
            self.asked.append(asked)
            answer = self._handler(asked)
            writer.write(answer if isinstance(answer, bytes) else await answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()


LENGTH = b"content-length:"


def answer(body: bytes = b"ok", *, status: str = "200 OK", headers: Sequence[str] = ()) -> bytes:
    """Returns a whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def redirect(location: str, status: int = 302) -> bytes:
    return answer(b"", status=f"{status} Found", headers=[f"Location: {location}"])


@asynccontextmanager
async def web(
    handler: Handler, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Web]:
    served = Web(handler)
    async with listening(served.serve, tls=tls, host=host) as port:
        served.port = port
        yield served


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> AsyncIterator[int]:
    """Serves connections; what is open at the end is cut."""
    tasks: set[asyncio.Task[Any]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(run, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def eventually(condition: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Waits for what nobody tells."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition is another's state
            await asyncio.sleep(0.01)


def target(**fields: Any) -> Target:
    """Returns a monitor; two seconds are enough on loopback."""
    return Target(
        **{
            "monitor_id": MonitorId("mon_00000001"),
            "project_id": PROJECT,
            "type": "http",
            "timeout_ms": 2000,
            **fields,
        }
    )


class Names:
    """A resolver whose answers a test chooses: for each name a list, one for each time."""

    def __init__(self, names: dict[str, list[list[str]]]) -> None:
        self._names = names
        self.asked: list[str] = []

    async def addresses(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        answers = self._names.get(name)
        if not answers:
            raise failed("dns", f"no such name: {name}")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def answers(self) -> bool:
        return True

    async def close(self) -> None:
        pass


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
