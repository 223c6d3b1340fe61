"""One request for an app and its answer, both passed on as they come."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any

import aiohttp
import structlog
from litestar.types import Receive, Send

from api.deploys.proxy import refusals
from api.deploys.proxy.answering import fields_for_client
from api.deploys.proxy.asking import fields_for_app
from api.deploys.proxy.incoming import ClientLeft, Incoming
from api.deploys.proxy.places import Place, host_of
from api.deploys.proxy.upstream import Ask, BadAnswer, NotAnswered, Upstream, url_of
from api.deploys.proxy.withheld import Withheld
from schemas.connections import BOTH_WAYS
from schemas.deploys.routing import Route
from schemas.metrics import APP_REQUEST_SECONDS

log = structlog.get_logger(__name__)

REPEATABLE = frozenset({"GET", "HEAD"})


class Exchange:
    """Answers one request. Run it once."""

    def __init__(
        self, scope: Any, receive: Receive, send: Send, *, upstream: Upstream, withheld: Withheld
    ) -> None:
        self._scope = scope
        self._send = send
        self._upstream = upstream
        self._withheld = withheld
        self._incoming = Incoming(scope, receive)
        self.status: int | None = None
        """Of the answer that was begun."""

    async def run(self, place: Place, route: Route) -> None:
        """Asks the app, and passes its answer on until it ends or the client leaves.

        Raises `Refusal` while nothing of an answer was sent; `NotAnswered` where the request may be
        sent again, to whatever serves the app by then; and `ClientLeft`. Returns in the middle of
        an answer that breaks: its connection is then closed, so that nobody takes it for whole.
        """
        self._scope.setdefault("state", {})[BOTH_WAYS] = True
        passing = asyncio.ensure_future(self._pass(place, route))
        leaving = asyncio.ensure_future(self._incoming.left())
        try:
            await asyncio.wait({passing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not passing.done() or (self._incoming.has_left and passing.exception()):
                raise ClientLeft
            passing.result()
        finally:
            passing.cancel()
            leaving.cancel()
            await asyncio.gather(passing, leaving, return_exceptions=True)

    def may_try_again(self, error: NotAnswered) -> bool:
        """Tells whether a request that met this error may be sent once more."""
        if self._incoming.is_begun:
            return False
        return error.unsent or (self._scope["method"] in REPEATABLE and not self._incoming.is_there)

    async def _pass(self, place: Place, route: Route) -> None:
        began = perf_counter()
        answer = await self._ask(place, route)
        seconds = perf_counter() - began
        APP_REQUEST_SECONDS.labels(route.project_id, route.environment).observe(seconds)
        try:
            if not 200 <= answer.status < 600:
                raise refusals.failed(f"no answer has the status {answer.status}")
            await self._answer(answer, place, route)
        finally:
            answer.close()

    async def _ask(self, place: Place, route: Route) -> aiohttp.ClientResponse:
        first_byte_s = self._upstream.clocks.first_byte_s
        loop = asyncio.get_running_loop()
        is_waiting = True
        try:
            async with asyncio.timeout(first_byte_s) as clock:

                def put_off() -> None:
                    if is_waiting:
                        clock.reschedule(loop.time() + first_byte_s)

                ask = self._as_asked(place, route, put_off)
                is_repeatable = ask.method in REPEATABLE and ask.body is None
                return await self._upstream.ask(ask, "kept" if is_repeatable else "fresh")
        except TimeoutError:
            raise refusals.late(first_byte_s) from None
        except BadAnswer as error:
            raise refusals.failed(str(error)) from error
        except ValueError as error:
            raise refusals.unpassable() from error
        finally:
            is_waiting = False

    def _as_asked(self, place: Place, route: Route, on_piece: Callable[[], None]) -> Ask:
        incoming = self._incoming
        fields = fields_for_app(self._scope, place, self._withheld)
        if incoming.length is not None:
            fields.add("Content-Length", incoming.length)
        return Ask(
            method=self._scope["method"],
            url=url_of(route, place.target, self._scope["query_string"]),
            owner=route.owner,
            fields=fields,
            body=incoming.pieces(on_piece) if incoming.is_there else None,
        )

    async def _answer(self, answer: aiohttp.ClientResponse, place: Place, route: Route) -> None:
        fields = fields_for_client(answer.raw_headers, place, host_of(self._scope))
        start: Any = {"type": "http.response.start", "status": answer.status, "headers": fields}
        await self._send(start)
        self.status = answer.status
        try:
            async for piece in answer.content.iter_any():
                await self._send(_body(piece, more=True))
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            log.warning("an app's answer broke", project_id=route.project_id, reason=repr(error))
            return
        await self._send(_body(b"", more=False))


def _body(piece: bytes, *, more: bool) -> Any:
    return {"type": "http.response.body", "body": piece, "more_body": more}
