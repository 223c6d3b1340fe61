"""One edge process, as its owner has it."""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence

from sluice.edges import messages
from sluice.edges.channel import Channel
from sluice.edges.children import Child, Children
from sluice.edges.handing import Handing, Take, hand_pair
from sluice.edges.starting import Start
from sluice.edges.sums import Series

TELL_S = 1.0


class Running:
    """From its start to its end. `hear` is called with what it says."""

    def __init__(self, hear: "Callable[[Running, messages.Asked], None]") -> None:
        self.channel = Channel(messages.of_edges, lambda asked: hear(self, asked), self._lost)
        self.ended = asyncio.Event()
        self.is_ready = False
        self.missed = 0
        """How often it has not answered in time, one after the other."""
        self.is_given_up = False
        self.counted: Mapping[Series, float] = {}
        """What it had counted when it was asked the last time."""
        self._is_told = asyncio.Event()
        self._child: Child | None = None
        self._handing: Handing | None = None

    @property
    def pid(self) -> int | None:
        """Its process id, once it has begun."""
        return self._child.pid if self._child else None

    @property
    def is_well(self) -> bool:
        """Whether it takes connections, by all that is known."""
        return self.is_ready and not self.missed

    async def begin(
        self, children: Children, start: Start, shared: Sequence[int], take: Take
    ) -> None:
        """Starts it. Raises `OSError`.

        `shared` are files that all edges have: the listening socket, the tally, the lock.
        """
        listener, tally, lock = shared
        self._child = children.take()
        channel = self._child.channel
        handing, its_handing = hand_pair()
        with its_handing:
            self._handing = Handing(handing, take)
            files = [listener, its_handing.fileno(), tally, lock]
            try:
                socket.send_fds(channel, [b"\0"], files)
            except OSError:  # it has died while it waited
                channel.close()
                raise
        await self.channel.open(channel)
        self.channel.send(start)

    def give(self, file: int, data: bytes, is_known: bool) -> bool:
        """Gives it a connection; see `Handing.give`."""
        return self._handing is not None and self._handing.give(file, data, is_known)

    async def count(self) -> None:
        """Brings `counted` up to date; notes where it does not answer in time."""
        self._is_told.clear()
        if not self.channel.send(messages.Tell(0)):
            return
        try:
            async with asyncio.timeout(TELL_S):
                await self._is_told.wait()
        except TimeoutError:
            self.missed += 1

    def note(self, told: messages.Counted) -> None:
        """Keeps what it has counted."""
        self.counted = {Series(*sample[:3]): sample[3] for sample in told.samples}
        self.missed = 0
        self._is_told.set()

    def give_up(self) -> None:
        """Takes it for dead."""
        self.is_given_up = True
        self._lost()

    async def end(self) -> int | None:
        """Ends it, by force where it has not ended; returns its exit code. May be called twice."""
        self._lost()
        self.channel.close()
        if self._child is not None:
            self._child.kill()
        if self._handing is not None:
            self._handing.end()
        return await asyncio.to_thread(self._child.reap) if self._child else None

    def _lost(self) -> None:
        self.is_ready = False
        self._is_told.set()
        self.ended.set()
