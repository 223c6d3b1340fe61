"""The HTTP side of `sluice warehouse`: ClickHouse's interface, as far as its clients need it."""

import asyncio
import secrets
import string
import time
import uuid
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

import msgspec
import structlog
from litestar import Litestar, MediaType, asgi, get
from litestar.types import Receive, Scope, Send

from clickhouse.served.asks import Ask, read_ask, read_call
from clickhouse.served.bodies import Bodies, Disconnected, Take
from clickhouse.served.calls import Call, Run, Summary
from clickhouse.served.codes import Code, status_of
from clickhouse.served.codings import COMPRESSORS, Plain, choose_coding
from clickhouse.served.engine import ServedStore
from clickhouse.served.errors import EngineError, refusal
from clickhouse.served.rights import Rights
from clickhouse.served.threads import Threads
from clickhouse.served.users import Users, credentials_of
from schemas.connections import AUTHENTICATED

BUFFER_BYTES = 1 << 20
"""Of an answer before its head goes out: errors until then have a status of their own."""
READER_TIMEOUT_S = 60
"""For how long a client may leave unread what keeps others waiting."""
LONG_URL_BYTES = 16 << 10
CONTENT_TYPES = {
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "tsv": "text/tab-separated-values; charset=UTF-8",
    "tabseparatedwithnames": "text/tab-separated-values; charset=UTF-8; header=present",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "jsoncompacteachrow": "application/x-ndjson; charset=UTF-8",
    "native": "application/octet-stream",
    "rowbinary": "application/octet-stream",
    "arrow": "application/octet-stream",
    "arrowstream": "application/octet-stream",
    "parquet": "application/octet-stream",
}
log = structlog.get_logger(__name__)


class Service(NamedTuple):
    """What the answers to requests are made of."""

    store: ServedStore
    users: Users
    threads: Mapping[Rights, Threads]
    bodies: Mapping[Rights, Bodies]
    max_result_bytes: int


def create_app(service: Service) -> Litestar:
    """Returns the application over an open store."""

    @asgi("/", copy_scope=True)
    async def query(scope: Scope, receive: Receive, send: Send) -> None:
        await _Exchange(service, scope, receive, send).serve()

    return Litestar([query, ping], openapi_config=None, logging_config=None, debug=False)


@get("/ping", media_type=MediaType.TEXT, sync_to_thread=False)
def ping() -> str:
    """Says that somebody is here."""
    return "Ok.\n"


class _Exchange:
    """One request and its answer."""

    def __init__(self, service: Service, scope: Scope, receive: Receive, send: Send) -> None:
        self._service = service
        self._scope = scope
        self._receive = receive
        self._send = send
        self._started = time.perf_counter_ns()
        self._query_id = str(uuid.uuid4())

    async def serve(self) -> None:
        """Answers; whatever is refused has ClickHouse's code, text and status."""
        try:
            method = str(self._scope["method"])  # type: ignore[typeddict-item]
            given = method, self._scope["query_string"], list(self._scope["headers"])
            # Escapes take time: 1 MiB of them 0.2 s, and nobody is known by now.
            long = len(self._scope["query_string"]) > LONG_URL_BYTES
            ask = await asyncio.to_thread(read_ask, *given) if long else read_ask(*given)
            self._query_id = _query_id(ask) or self._query_id
            if method not in {"GET", "POST"}:
                await self._send_whole(405, {}, b"")
            elif method == "GET" and not ask.query:
                await self._send_whole(200, {"Content-Type": "text/plain"}, b"Ok.\n")
            else:
                await self._answer(ask)
        except EngineError as error:
            await self._send_error(error)
        except Disconnected:
            return
        except Exception:
            log.exception("a request to the warehouse failed here, not in the engine")
            await self._send_error(refusal(Code.UNKNOWN_EXCEPTION, "Internal."))

    async def _answer(self, ask: Ask) -> None:
        service = self._service
        user = service.users.authenticate(credentials_of(ask.headers, ask.parameters))
        self._scope["state"][AUTHENTICATED] = True
        # As at a server: what a link or a picture can ask for changes nothing.
        rights = Rights.READ if ask.method == "GET" else user.rights
        bodies = service.bodies[rights]
        with bodies.reserve(user.name) as take:
            wire = await bodies.receive(take, self._receive)
            # Nobody holds a place who still sends.
            threads = service.threads[rights]
            with threads.place():
                call = await asyncio.to_thread(_read, ask, bodies, take, wire)
                run = Run(service.store, call, rights, user.projects)
                await self._while_there(self._run(ask, call, run, threads))

    async def _while_there(self, answering: Coroutine[Any, Any, None]) -> None:
        """Answers for as long as the client is there."""
        task, gone = asyncio.create_task(answering), asyncio.create_task(self._wait_gone())
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            task.cancel()
            # The place in the queue and the body are held for as long as the engine works.
            await asyncio.wait({task})
        if not task.cancelled():
            task.result()

    async def _wait_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _run(self, ask: Ask, call: Call, run: Run, threads: Threads) -> None:
        """Sends the answer; the first pieces wait for an error with its own status."""
        coding = choose_coding(ask.headers.get("accept-encoding", ""))
        if ask.parameters.get("enable_http_compression") in {"0", "false"}:
            coding = None
        compressor = COMPRESSORS[coding]() if coding else Plain()
        tag = "".join(secrets.choice(string.ascii_letters) for _ in range(16))
        held: list[bytes] = []
        size, limit = 0, self._service.max_result_bytes if ask.waits_for_end else BUFFER_BYTES
        async with aclosing(threads.pieces(run, compressor, tag)) as pieces:
            async for piece in pieces:
                held.append(piece)
                size += len(piece)
                if size > limit:
                    break
            whole = size <= limit
            if not whole and ask.waits_for_end:
                raise refusal(Code.TOO_MANY_ROWS_OR_BYTES, f"Result over {limit} bytes.")
            headers = self._head(call, coding, run.summary if whole else Summary())
            headers["X-ClickHouse-Exception-Tag"] = tag
            if whole:
                await self._send_whole(200, headers, b"".join(held))
            else:
                await self._start(200, headers)
                await self._stream(b"".join(held), pieces)

    async def _stream(self, held: bytes, pieces: AsyncIterator[bytes]) -> None:
        try:
            await self._send_piece(held)
            async for piece in pieces:
                await self._send_piece(piece)
        except (EngineError, TimeoutError) as error:
            # No last chunk: whoever does not look for the tag sees that something is missing.
            log.info("an answer broke off", reason=type(error).__name__)
            return
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _head(self, call: Call, coding: str | None, summary: Summary) -> dict[str, str]:
        elapsed = {"elapsed_ns": str(time.perf_counter_ns() - self._started)}
        counts = {name: str(value) for name, value in summary._asdict().items()}
        headers = {
            "X-ClickHouse-Summary": msgspec.json.encode(counts | elapsed).decode(),
            "X-ClickHouse-Timezone": call.settings.get("session_timezone")
            or self._service.store.timezone,
        }
        if call.statement.answers_rows:
            form = call.statement.format or call.form
            headers["X-ClickHouse-Format"] = form
            headers["Content-Type"] = CONTENT_TYPES.get(form.lower(), "text/plain; charset=UTF-8")
        if coding:
            headers["Content-Encoding"] = coding
        return headers

    async def _send_error(self, error: EngineError) -> None:
        headers = {
            "X-ClickHouse-Exception-Code": str(error.code),
            "Content-Type": "text/plain; charset=UTF-8",
        }
        status = status_of(error.code)
        if status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        if status == 503:
            headers["Retry-After"] = "1"
        await self._send_whole(status, headers, error.message.encode() + b"\n")

    async def _send_whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        await self._start(status, {**headers, "Content-Length": str(len(body))})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        whole = {
            "X-ClickHouse-Server-Display-Name": "sluice-warehouse",
            "X-ClickHouse-Query-Id": self._query_id,
            **headers,
        }
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in whole.items()],
            }
        )

    async def _send_piece(self, piece: bytes) -> None:
        """Sends a piece. Raises `TimeoutError` where the client does not read: others wait."""
        async with asyncio.timeout(READER_TIMEOUT_S):
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})


def _read(ask: Ask, bodies: Bodies, take: Take, wire: bytes) -> Call:
    """Makes the call of a request. Takes time by the length of its body: not on the event loop."""
    return read_call(*bodies.open(ask, take, wire))


def _query_id(ask: Ask) -> str:
    given = ask.parameters.get("query_id") or ask.headers.get("x-clickhouse-query-id", "")
    return given if given.isascii() and given.isprintable() and len(given) <= 256 else ""
