"""Connections that only cost: they are idle, send a byte now and then, or read nothing.

`slow_connections` holds many of one kind open, from as many addresses of this machine as are asked
for; its thread ends with the block.
"""

import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

LONG = 1_000_000
TRICKLE_S = 0.25
MOST_AT_ONCE = 200
"""Of those opened again: our own thread is to leave time for the good client."""


class Kind(NamedTuple):
    """What a connection sends first, and then a byte of, again and again."""

    name: str
    first: bytes = b""
    more: bytes = b""
    reads: bool = True


IDLE = Kind("idle")
HALF_HEAD = Kind("half a head", b"GET /health HTTP/1.1\r\nHost: x\r\nX-Half: ")
TRICKLED_HEAD = Kind("trickled head", b"GET /health HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n")
BLANK_LINES = Kind("blank lines", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n")
TRICKLED_FORM = Kind(
    "trickled sign-in",
    b"POST /api/auth/sign-in/email HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n{" % LONG,
    b" ",
)
BETWEEN_REQUESTS = Kind("between requests", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
UNREAD = Kind(
    "unread",
    b"GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n" * 3,
    reads=False,
)


def trickled_ingest(key: str) -> Kind:
    """Returns a body of items that never ends, chunk by chunk, with a key that is known."""
    head = f"POST /v1/traces/async HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
    return Kind("trickled items", f"{head}Content-Length: {LONG}\r\n\r\n[".encode(), b" ")


class Crowd:
    """The connections of one attack."""

    def __init__(self, port: int, kind: Kind, addresses: int) -> None:
        self._port = port
        self._kind = kind
        self._addresses = addresses
        self._open: dict[socket.socket, int] = {}
        self._done = threading.Event()
        self._opened = 0
        self.refused = 0

    @property
    def open_count(self) -> int:
        """How many the server has not closed."""
        return len(self._open)

    def open(self, count: int) -> None:
        """Opens so many more."""
        for _ in range(count):
            self._opened += 1
            sender = socket.socket()
            if not self._kind.reads:
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sender.settimeout(5)
            try:
                sender.bind((f"127.0.0.{2 + self._opened % self._addresses}", 0))
                sender.connect(("127.0.0.1", self._port))
                sender.sendall(self._kind.first)
            except ConnectionError:
                self.refused += 1
                sender.close()
                continue
            sender.setblocking(False)
            self._open[sender] = 0

    def run(self, keep: int) -> None:
        """Trickles, and opens others for those that were closed while there are fewer."""
        while not self._done.wait(TRICKLE_S):
            self._drop_closed()
            self._trickle()
            self.open(min(MOST_AT_ONCE, max(0, keep - len(self._open))))

    def stop(self) -> None:
        """Ends `run`."""
        self._done.set()

    def look(self) -> int:
        """Returns how many are open at this moment."""
        self._drop_closed()
        return len(self._open)

    def close(self) -> None:
        """Closes all of them."""
        for sender in self._open:
            sender.close()
        self._open.clear()

    def _trickle(self) -> None:
        if not self._kind.more:
            return
        for sender, place in list(self._open.items()):
            byte = self._kind.more[place : place + 1]
            self._open[sender] = (place + 1) % len(self._kind.more)
            try:
                sender.send(byte)
            except BlockingIOError:
                continue
            except OSError:
                self._drop(sender)

    def _drop_closed(self) -> None:
        with selectors.DefaultSelector() as selector:
            for sender in self._open:
                selector.register(sender, selectors.EVENT_READ)
            for key, _ in selector.select(0):
                self._hear(key.fileobj)  # type: ignore[arg-type]

    def _hear(self, sender: socket.socket) -> None:
        try:
            # Who reads nothing hears of the end as a reset.
            if not self._kind.reads:
                ended = sender.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
            else:
                ended = not sender.recv(65536)
            if ended:
                self._drop(sender)
        except BlockingIOError:
            return
        except OSError:
            self._drop(sender)

    def _drop(self, sender: socket.socket) -> None:
        del self._open[sender]
        sender.close()


@contextmanager
def slow_connections(
    port: int, kind: Kind, count: int, *, addresses: int = 50, again: bool = False
) -> Iterator[Crowd]:
    """Holds `count` connections of a kind open; `again` opens others for those that are cut."""
    crowd = Crowd(port, kind, addresses)
    crowd.open(count)
    thread = threading.Thread(target=crowd.run, args=(count if again else 0,), daemon=True)
    thread.start()
    try:
        yield crowd
    finally:
        crowd.stop()
        thread.join(30)
        crowd.close()


def wait_all_cut(crowd: Crowd, within_s: float) -> None:
    """Returns when none is open. Raises `TimeoutError`."""
    deadline = time.monotonic() + within_s
    while crowd.open_count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{crowd.open_count} connections are open after {within_s} s")
        time.sleep(0.05)
