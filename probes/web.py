"""HTTP as all checks speak it: a fresh, guarded connection for each request; no proxy, no cookies,
no second try behind the back, no redirect by itself.
"""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.tracing import Trace
from msgspec import Struct
from yarl import URL

from probes.dialing import Dialer
from probes.findings import Trouble, failed, of_os_error, quoted, unclear
from probes.hosts import shown
from probes.marks import Marks
from probes.secure import Secure
from schemas.inflation import CannotInflate, InflatesTooFar, inflater

MAX_BODY_BYTES = 1 << 20
"""Read of an answer, and inflated of it."""
MAX_GZIP_MEMBERS = 16
ACCEPT_ENCODING = "gzip, deflate, br"

_MARKS: ContextVar[Marks] = ContextVar("marks")
_VERIFY: ContextVar[bool] = ContextVar("verify")


class Request(Struct, frozen=True, kw_only=True):
    """One request."""

    url: URL
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: bytes = b""
    verify: bool = True


class Body(Struct, frozen=True):
    """What of an answer's body was read."""

    content: bytes
    is_whole: bool
    """Whether nothing was left out for the bound."""


class _Connector(aiohttp.BaseConnector):
    """Connects by our own dialer, so that each hop is guarded and each phase measured."""

    def __init__(self, dialer: Dialer, secure: Secure) -> None:
        super().__init__(force_close=True, limit=0)
        self._dialer = dialer
        self._secure = secure

    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        marks = _MARKS.get()
        host, port = req.url.raw_host or "", req.url.port or 0
        if req.is_ssl():
            _, protocol = await self._secure.open(
                host, port, marks, verify=_VERIFY.get(), make=self._factory
            )
        else:
            connected = await self._dialer.connect(host, port, marks)
            try:
                _, protocol = await self._loop.create_connection(self._factory, sock=connected)
            except BaseException:
                connected.close()
                raise
        marks.note_sent()
        return protocol


class Web:
    """Sends requests. Open it within a running loop, and close it."""

    def __init__(self, dialer: Dialer, secure: Secure, *, user_agent: str) -> None:
        self._user_agent = user_agent
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_note_sent)
        tracing.on_request_chunk_sent.append(_note_sent)
        self._session = aiohttp.ClientSession(
            connector=_Connector(dialer, secure),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trace_configs=[tracing],
            middlewares=(_one_try,),
        )

    @asynccontextmanager
    async def send(self, request: Request, marks: Marks) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yields an answer whose body is not read yet. Raises `Trouble`."""
        _MARKS.set(marks)
        _VERIFY.set(request.verify)
        try:
            response = await self._session.request(
                request.method,
                request.url,
                headers=self._headers(request),
                data=request.body or None,
                allow_redirects=False,
                trace_request_ctx=marks,
            )
        except (aiohttp.ClientError, OSError) as error:
            raise trouble_of(error, request.url) from error
        except (ValueError, TypeError) as error:
            raise unclear(
                "invalid_target", f"the request cannot be sent as it is: {quoted(str(error), 200)}"
            ) from error
        marks.note_first_byte()
        try:
            yield response
        finally:
            response.close()

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()

    def _headers(self, request: Request) -> dict[str, str]:
        given = {name.lower() for name in request.headers}
        own = {"User-Agent": self._user_agent, "Accept-Encoding": ACCEPT_ENCODING}
        return {
            **{name: value for name, value in own.items() if name.lower() not in given},
            **request.headers,
        }


async def read_body(response: aiohttp.ClientResponse, marks: Marks) -> Body:
    """Returns the body as it was sent, up to the bound. Raises `Trouble`."""
    parts: list[bytes] = []
    left = MAX_BODY_BYTES
    try:
        with marks.phase("transfer_ms"):
            while left and (part := await response.content.read(left)):
                parts.append(part)
                left -= len(part)
            is_whole = bool(left) or response.content.at_eof()
    except (aiohttp.ClientError, OSError) as error:
        raise trouble_of(error, response.url) from error
    return Body(b"".join(parts), is_whole)


def inflated(body: Body, coding: str) -> Body:
    """Returns a body without its coding, up to the bound. Raises `Trouble` for broken data."""
    coding = coding.strip().lower()
    if not coding or coding == "identity":
        return body
    codec = inflater(coding, MAX_BODY_BYTES, members=MAX_GZIP_MEMBERS)
    if codec is None:
        raise failed(
            "protocol", f"the body has the coding {quoted(coding)}, which nobody asked for"
        )
    codec.feed(body.content)
    parts: list[bytes] = []
    try:
        more = True
        while more:
            step, more = codec.step(64 << 10)
            parts += step
        if body.is_whole:
            codec.finish()
    except InflatesTooFar:
        return Body(b"".join(parts)[:MAX_BODY_BYTES], is_whole=False)
    except CannotInflate as error:
        raise failed("protocol", f"the body cannot be inflated: {error}") from error
    return Body(b"".join(parts), body.is_whole)


def trouble_of(error: aiohttp.ClientError | OSError, url: URL) -> Trouble:
    """Returns what an error of the client means."""
    where = shown(url.raw_host or "", url.port or 0)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return failed("closed", f"{where} closed the connection without an answer")
    if isinstance(error, aiohttp.InvalidURL):
        return unclear("invalid_target", "the URL is not one that can be asked")
    if isinstance(error, aiohttp.ClientPayloadError):
        return failed("protocol", f"the body from {where} is not whole: {_said(error)}")
    if isinstance(error, ssl.SSLError):
        return failed("tls", f"the encrypted connection to {where} broke: {_said(error)}")
    if isinstance(error, OSError):
        return of_os_error(_plain(error), where)
    return failed("protocol", f"{where} did not answer as HTTP: {_said(error)}")


def _plain(error: OSError) -> OSError:
    """Returns the error of the system: the client's own class hides which one it is."""
    if isinstance(error.__cause__, OSError):
        return error.__cause__
    return error if isinstance(error, ConnectionResetError) else OSError(*error.args)


def _said(error: BaseException) -> str:
    return quoted(getattr(error, "message", "") or str(error), 160)


async def _one_try(
    request: aiohttp.ClientRequest,
    handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
) -> aiohttp.ClientResponse:
    """Lets no error through that the client would answer by a second request of its own."""
    try:
        return await handler(request)
    except aiohttp.ClientError as error:
        raise trouble_of(error, request.url) from error


async def _note_sent(_session: Any, context: SimpleNamespace, _params: Any) -> None:
    context.trace_request_ctx.note_sent()
