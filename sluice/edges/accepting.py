"""Accepts on a socket that other processes accept on too, so that each gets its part.

An edge that has more connections than another leaves it a moment for the next one. To the kernel
all are alike: one that happens to be awake would take a whole burst.
"""

import asyncio
import socket
from collections.abc import Callable

AT_ONCE, AT_LAST = 8, 4096
"""Connections that are accepted before it is others' turn."""
PAUSE_S = 0.002


class Accepting:
    """One process's part of it. `is_ahead` tells whether others have fewer connections."""

    def __init__(
        self,
        listener: socket.socket,
        take: Callable[[socket.socket], None],
        is_ahead: Callable[[], bool],
    ) -> None:
        self._listener = listener
        self._take = take
        self._is_ahead = is_ahead
        self._loop = asyncio.get_running_loop()
        self._is_on = False
        self._pause: asyncio.TimerHandle | None = None
        listener.setblocking(False)

    def begin(self) -> None:
        """Goes on until `end`. May be called twice, and does nothing after `close`."""
        if not self._is_on and self._listener.fileno() >= 0:
            self._is_on = True
            self._loop.add_reader(self._listener.fileno(), self._come)

    def end(self) -> None:
        """Leaves it to others. May be called twice."""
        if self._is_on:
            self._is_on = False
            self._loop.remove_reader(self._listener.fileno())
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def close(self) -> None:
        """Takes those that have connected by now, and listens no more. May be called twice."""
        self.end()
        if self._listener.fileno() >= 0:
            self._accept(AT_LAST)
            self.end()
            self._listener.close()

    def _come(self) -> None:
        if self._is_ahead():
            self._wait()
        else:
            self._accept(AT_ONCE)

    def _wait(self) -> None:
        self.end()
        self._pause = self._loop.call_later(PAUSE_S, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self.begin()
        self._accept(1)  # whoever was to take it may hang

    def _accept(self, most: int) -> None:
        for _ in range(most):
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:  # it has left
                continue
            except OSError:  # no file is free
                self._wait()
                return
            connection.setblocking(False)
            self._take(connection)
