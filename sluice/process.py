"""One process that serves: a list of parts, each of which adds here what it brings.

A part that is open adds how it is closed, what it serves, what it does beside that, how `/ready`
and `/metrics` ask it, and how it can break. A kind of process only says which parts it has.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any, Protocol

import structlog
from litestar.types import ASGIApp

from api.local_peers import is_loopback
from api.operations import Collected
from api.pages.live.hub import Hub
from controlplane.handoffs import Handoff, Handoffs
from controlplane.initial import Initial
from schemas.metrics import REGISTRY
from schemas.projects import KeyId
from schemas.settings import Settings
from sluice.ending import ends_within
from sluice.paths import paths_of
from sluice.upkeep import FORGET_EVERY_S, TRIM_EVERY_S, forget_code, repeat, trim_memory
from sluice.web import application

CLOSE_TIMEOUT_S = 1.0
ENTRANCE_S = 900.0

log = structlog.get_logger(__name__)


class Edges(Protocol):
    """Processes that accept in the place of this one; see `sluice.edges.supervisor`."""

    def of_server(self) -> dict[str, Any]:
        """Returns what the server of this process is made with."""
        ...

    async def start(
        self,
        listener: socket.socket,
        backlog: int,
        take: Callable[[socket.socket, bytes, bool], None],
    ) -> None:
        """Has the port listened on; `take` gets the connections that they pass on."""
        ...

    async def summed(self) -> Collected:
        """Returns the metrics of this process and of all of them."""
        ...

    async def stop(self) -> None:
        """Has them finish what they have, and waits for it."""
        ...


class Process:
    """What the parts of one process have added. Run it once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.paths = paths_of(settings)
        self.initial: Initial | None = None
        """What an empty control plane was filled with, for the start to tell of."""
        self.routes: list[Any] = []
        self.hub = Hub()
        self.state: dict[str, Any] = {"hub": self.hub}
        """What the routes find on the application."""
        self.ready: dict[str, Callable[[], Awaitable[object]]] = {}
        """By part, for `/ready`: raises when the part does not work."""
        self.gauges: list[Callable[[], None]] = []
        """Bring the gauges of the metrics up to date."""
        self.upkeep: list[tuple[float, Callable[[], Awaitable[object]]]] = [
            (TRIM_EVERY_S, trim_memory),
            (FORGET_EVERY_S, forget_code),
        ]
        """What is done beside the traffic, and after how many seconds again."""
        self.faults: list[Callable[[], Coroutine[Any, Any, str]]] = []
        """Each returns, with the reason, when the process can do no more and must end."""
        self.children: Any = None
        """Processes that are to become edges beside this one, where there are to be any."""
        self.edges: Edges | None = None
        """Processes that share the port with this one."""
        self.stack = AsyncExitStack()
        """Closes the parts, the last one first."""
        self.drain_s = 0.0
        """How long the parts may go on storing what they have, once the stop has begun."""
        self._is_closed = True

    def close_within(
        self,
        part: str,
        close: Callable[[], Coroutine[Any, Any, object]],
        timeout_s: float = CLOSE_TIMEOUT_S,
    ) -> None:
        """Adds how a part is closed that may not end: it is given its time, and left."""

        async def end() -> None:
            if not await ends_within(close(), timeout_s):
                log.warning("a part would not close", part=part)
                self._is_closed = False

        self.stack.push_async_callback(end)

    def app(self) -> ASGIApp:
        """Returns what the process serves."""
        return application(self.routes, {**self.state, "probes": self}, self.settings)

    async def metrics(self) -> Collected:
        """Returns the metrics of this process, and of those beside it."""
        return REGISTRY if self.edges is None else await self.edges.summed()

    async def end_serving(self) -> None:
        """Lets go of answers that would stay open, and has other processes end before this one."""
        self.hub.close()
        if self.edges is not None:
            await self.edges.stop()

    def entrance(self) -> str | None:
        """Returns a path that signs a browser of this machine in, once; `None` where none may.

        Only a server that listens on a loopback address alone is its operator's own.
        """
        if self.initial is None or self.initial.key_id is None:
            return None
        if not is_loopback(self.settings.host):
            return None
        handoffs: Handoffs = self.state["handoffs"]
        handoff = Handoff(None, "/", KeyId(self.initial.key_id))
        return f"/enter?token={handoffs.offer(handoff, lifetime_s=ENTRANCE_S)}"

    def checks(self) -> Mapping[str, Awaitable[object]]:
        """Returns one check for each part; a check raises when its part does not work."""
        return {name: check() for name, check in self.ready.items()}

    def refresh_gauges(self) -> None:
        """Brings the gauges of the metrics up to date."""
        for refresh in self.gauges:
            refresh()

    async def keep_up(self) -> None:
        """Does what is due beside the traffic, until cancelled."""
        await asyncio.gather(*(repeat(*one) for one in self.upkeep))

    async def wait_broken(self) -> str:
        """Returns, with the reason, when this process can do no more and must end.

        Only a new process can go on: it replays from the log, which a Faust app that has crashed
        cannot do, and it sets a damaged file aside.
        """
        tasks = [asyncio.ensure_future(fault()) for fault in self.faults]
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait({*tasks, never}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        return next(task.result() for task in tasks if task.done() and not task.cancelled())

    async def stop(self, drain_s: float) -> bool:
        """Closes the parts after they stored what they can in the time; the log keeps the rest.

        Returns `False` when a part would not end. Its thread is still there, and the process has to
        be left without waiting for it.
        """
        self.drain_s = drain_s
        await self.stack.aclose()
        return self._is_closed
