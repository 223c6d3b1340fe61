"""What runs in an edge process, from its start to its end."""

import asyncio
import socket
from typing import Any

import structlog
import uvloop
from msgspec.structs import replace

from controlplane.api_tokens import ApiTokens
from controlplane.database import Database
from controlplane.dsn_keys import DsnKeys
from controlplane.failures import ControlPlaneError
from controlplane.keyring import KeyRing
from ingest.edge import Edge
from schemas.metrics import REGISTRY
from sluice.connections import raise_open_files
from sluice.edges import messages
from sluice.edges.accepting import Accepting
from sluice.edges.application import edge_application, edge_forms
from sluice.edges.channel import Channel
from sluice.edges.choice import Choice
from sluice.edges.dying import HUNG_S, LAST_S, live_for
from sluice.edges.handing import Handing
from sluice.edges.http import EdgeHttp
from sluice.edges.orphaned import with_owner
from sluice.edges.remote_log import RemoteLog
from sluice.edges.starting import Ends, Start
from sluice.edges.sums import counted
from sluice.edges.tally import Row, SharedTally
from sluice.forwarded import with_forwarded
from sluice.heap import settle_heap
from sluice.layers import layered
from sluice.listening import Server, config_of

KEY_USE_EVERY_S = 5.0
REJECTIONS_EVERY_S = 1.0
LIVE_ON_EVERY_S = 1.0

log = structlog.get_logger(__name__)


def run(start: Start, channel: socket.socket, ends: Ends) -> None:
    """Serves until the owner says that it is over, or is gone. `channel` leads to the owner."""
    settle_heap()
    raise_open_files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(start, channel, ends))


async def _serve(start: Start, channel: socket.socket, ends: Ends) -> None:
    await _EdgeProcess(start, ends).serve(channel)


class _EdgeProcess:
    def __init__(self, start: Start, ends: Ends) -> None:
        self._start, self._ends = start, ends
        self._database = Database(start.database_url)
        self._rings: dict[str, Any] = {
            "keyring": KeyRing(self._database),
            "dsn_keys": DsnKeys(self._database),
            "api_tokens": ApiTokens(self._database),
        }
        self._channel = Channel(messages.of_owner, self._take, self._lose)
        self._log = RemoteLog(self._channel.send, start.partitions)
        tally = SharedTally(ends.tally)
        self._edge = self._make_edge(tally.bodies(start.row))
        application = edge_application(edge=self._edge, **self._rings)
        self._choice = Choice(application.routes, start.apps_hosts)
        app = with_owner(layered(application, start.settings), lambda: self._log.is_lost)
        app = with_forwarded(app, start.proxies)
        row = tally.connections(start.row)
        self._server = Server(
            config_of(app, proxies=start.proxies, graceful_s=start.graceful_s),
            start.bounds,
            on_end=lambda: self._accepting.close(),
            tally=row,
            http=EdgeHttp,
            choice=self._choice,
            give=self._give,
        )
        self._accepting = Accepting(ends.listener, self._server.take, row.is_ahead)
        self._handing: Handing | None = None
        self._is_ending = False

    async def serve(self, channel: socket.socket) -> None:
        """Serves until the owner says that it is over, or is gone."""
        await self._channel.open(channel)
        self._handing = Handing(self._ends.handing, self._server.take)
        serving = await self._server.begin(None, signals=())
        self._accepting.begin()
        self._channel.send(messages.Ready())
        upkeep = [
            asyncio.create_task(self._repeat(LIVE_ON_EVERY_S, self._live_on)),
            asyncio.create_task(self._repeat(REJECTIONS_EVERY_S, self._edge.flush_rejections)),
            asyncio.create_task(self._repeat(KEY_USE_EVERY_S, self._flush_keys)),
        ]
        await serving
        for task in upkeep:
            task.cancel()
        await asyncio.gather(*upkeep, return_exceptions=True)
        await self._edge.flush_rejections()
        await self._flush_keys()
        self._handing.close()
        self._channel.close()
        await self._database.close()

    def _make_edge(self, in_hand: Row) -> Edge:
        async def read_back(*_: Any) -> None:
            raise AssertionError("what is read back is the owner's to answer")

        is_limited = self._start.limits.requests_per_minute > 0
        return Edge(
            self._log,
            edge_forms(self._start.settings),
            replace(self._start.limits, requests_per_minute=0),
            read_back=read_back,
            # The owner holds back: it knows the lag, and what all edges bring.
            lags_s=lambda: (),
            fullness=lambda: self._log.fullness,
            count_request=self._log.count_request if is_limited else None,
            in_hand=in_hand,
        )

    def _take(self, told: messages.Told) -> None:
        match told:
            case messages.Appended() | messages.Failed() | messages.Limited():
                self._log.answer(told)
            case messages.Standing():
                self._log.fullness = told.fullness
                self._choice.learn(told.app_hosts)
            case messages.ForgetKey():
                self._rings[told.ring].forget(told.key)
            case messages.ForgetProject():
                self._rings[told.ring].forget_project(told.project_id)
            case messages.Tell():
                sums = [(*one, value) for one, value in counted(REGISTRY).items()]
                self._channel.send(messages.Counted(told.number, sums))
            case messages.Stop():
                self._end()

    def _give(self, file: int, data: bytes, is_known: bool) -> bool:
        return self._handing is not None and self._handing.give(file, data, is_known)

    def _lose(self) -> None:
        self._log.lose()
        self._end()

    def _end(self) -> None:
        self._is_ending = True
        live_for(LAST_S)
        self._server.should_exit = True

    async def _live_on(self) -> None:
        if not self._is_ending:
            live_for(HUNG_S)

    async def _flush_keys(self) -> None:
        for ring in self._rings.values():
            try:
                await ring.flush_last_used()
            except ControlPlaneError as error:
                # The next use of a key writes it again.
                log.warning("last use of keys not written", reason=error.message)

    async def _repeat(self, seconds: float, work: Any) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except Exception:
                log.exception("upkeep met a bug, will try again")
