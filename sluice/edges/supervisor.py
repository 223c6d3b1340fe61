"""Keeps the edge processes of an owner running, and ends them with it.

One that dies is started again; so is one that does not answer. While none takes connections, the
owner does.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from msgspec import Struct
from msgspec.structs import replace

from schemas.metrics import EDGE_PROCESSES, EDGE_PROCESSES_ENDED, REGISTRY
from sluice.edges import messages
from sluice.edges.accepting import Accepting
from sluice.edges.appending import Appending
from sluice.edges.application import edge_routes
from sluice.edges.children import Children
from sluice.edges.choice import Choice
from sluice.edges.handing import Take
from sluice.edges.http import OwnerHttp
from sluice.edges.running import Running
from sluice.edges.starting import Start
from sluice.edges.sums import Summed, Sums, add, without_measures

STANDING_EVERY_S = 0.2
ASK_EVERY_S = 1.0
MOST_MISSED = 5
"""A few, because a machine may be busy; while an edge misses one, others accept."""
MOST_MISSED_AT_FIRST = 15
"""Until it takes connections."""
STABLE_S = 10.0
"""Who has lived for so long is started again at once."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
STOP_S = 3.0

log = structlog.get_logger(__name__)


class Edges:
    """All of them. Started once, and stopped."""

    def __init__(
        self,
        children: Children,
        start: Start,
        appending: Appending,
        standing: Callable[[], messages.Standing],
        lock: int,
    ) -> None:
        """`standing` returns how things stand at this moment. `lock` is what edges hold."""
        self._children, self._start = children, start
        self._appending, self._standing = appending, standing
        self._lock = lock
        self._running: list[Running] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._listener: socket.socket | None = None
        self._accepting: Accepting | None = None
        self._take: Take | None = None
        self._told = standing()
        self._gone: Sums = {}
        """What those had counted that are gone."""
        self._turn = 0
        self._stopping = asyncio.Event()
        routes = [route for router in edge_routes() for route in router.routes]
        self._choice = Choice(routes, start.apps_hosts)
        self._choice.learn(self._told.app_hosts)

    def of_server(self) -> dict[str, Any]:
        """Returns what the owner's server is made with: it shares its connections with edges."""
        row = self._children.tally.connections(self._start.row)
        return {"tally": row, "http": OwnerHttp, "choice": self._choice, "give": self._give}

    async def start(self, listener: socket.socket, backlog: int, take: Take) -> None:
        """Has the port listened on; `take` gets the connections that are the owner's."""
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.listen(backlog)
        self._listener, self._take = listener, take
        self._accepting = Accepting(
            listener, lambda connection: take(connection, b"", False), lambda: False
        )
        self._share()
        self._tasks = [
            asyncio.create_task(self._keep(row)) for row in range(1, 1 + self._children.count)
        ]
        self._tasks += [
            asyncio.create_task(self._tell_standing()),
            asyncio.create_task(self._ask_again()),
        ]

    async def broken(self) -> str:
        """Returns when they are no more looked after, which only a bug can bring about."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        if self._stopping.is_set():
            await asyncio.Event().wait()
        reasons = [repr(task.exception()) for task in done if not task.cancelled()]
        return f"edge processes are no more looked after: {', '.join(reasons)}"

    async def summed(self) -> Summed:
        """Returns the metrics of this process and of all of them."""
        await self._ask()
        return Summed(REGISTRY, [self._gone, *(one.counted for one in self._running)])

    def tell(self, message: Struct) -> None:
        """Tells all of them."""
        for one in self._running:
            one.channel.send(message)

    async def stop(self) -> None:
        """Has them finish what they have, and waits for it. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self.tell(messages.Stop())
        if self._accepting is not None:
            self._accepting.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await asyncio.gather(*(one.ended.wait() for one in self._running))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(one.end() for one in self._running))
        self._children.close()

    def _give(self, file: int, data: bytes, is_known: bool) -> bool:
        well = [one for one in self._running if one.is_well]
        if not well or self._stopping.is_set():
            return False
        self._turn += 1
        return well[self._turn % len(well)].give(file, data, is_known)

    def _share(self) -> None:
        """Accepts in the place of edges where no edge does."""
        well = sum(one.is_well for one in self._running)
        EDGE_PROCESSES.set(well)
        if self._accepting is None or self._stopping.is_set():
            return
        if well:
            self._accepting.end()
        else:
            self._accepting.begin()

    async def _keep(self, row: int) -> None:
        """Has one edge run, for as long as this one does."""
        start = replace(self._start, row=row)
        loop = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            began = loop.time()
            one = Running(self._hear)
            self._running.append(one)
            try:
                await self._run(one, start)
            except OSError as error:
                log.warning("edge process not started, will try again", reason=str(error))
            if self._stopping.is_set():
                return
            await self._replace(one, row)
            if loop.time() - began >= STABLE_S:
                pause_s = FIRST_PAUSE_S
                continue
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _run(self, one: Running, start: Start) -> None:
        assert self._listener is not None
        assert self._take is not None
        shared = self._listener.fileno(), self._children.tally.file, self._lock
        await one.begin(self._children, start, shared, self._take)
        log.info("edge process started", pid=one.pid)
        one.channel.send(self._told)
        await one.ended.wait()

    async def _replace(self, one: Running, row: int) -> None:
        """Keeps what an edge had counted that is gone, and makes place for another."""
        self._running.remove(one)
        self._share()
        add(self._gone, without_measures(one.counted, REGISTRY))
        code = await one.end()
        self._children.tally.clear(row)
        EDGE_PROCESSES_ENDED.labels("hung" if one.is_given_up else "died").inc()
        log.warning("edge process has ended, starting another", pid=one.pid, code=code)

    def _hear(self, one: Running, asked: messages.Asked) -> None:
        send = one.channel.send
        match asked:
            case messages.Append():
                self._appending.append(asked, send)
            case messages.Refuse():
                self._appending.refuse(asked, send)
            case messages.Count():
                self._appending.count(asked, send)
            case messages.Ready():
                one.is_ready = True
                self._share()
            case messages.Counted():
                one.note(asked)

    async def _ask_again(self) -> None:
        """Looks whether all of them answer: what each said last stays in the sum when it dies."""
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            await self._ask()
            self._share()
            for one in self._running:
                if one.missed >= (MOST_MISSED if one.is_ready else MOST_MISSED_AT_FIRST):
                    log.error("edge process does not answer", pid=one.pid)
                    one.give_up()

    async def _ask(self) -> None:
        await asyncio.gather(*(one.count() for one in self._running))

    async def _tell_standing(self) -> None:
        while True:
            standing = self._standing()
            if standing != self._told:
                self._told = standing
                self._choice.learn(standing.app_hosts)
                self.tell(standing)
            await asyncio.sleep(STANDING_EVERY_S)
