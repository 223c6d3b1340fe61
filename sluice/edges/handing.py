"""Passes connections on to another process, each with the bytes that were read of it.

Packets of a UNIX socket: a mark, and a piece of the bytes. The first packet of a connection carries
its file, and the last one's mark says whether its sender is known.
"""

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import Callable

PIECE_BYTES = 32 << 10
"""A packet has to fit into the socket's buffer."""
MORE, OF_STRANGER, OF_KNOWN = b"+", b".", b"!"
AT_ONCE = 64
"""Packets that are taken before it is others' turn."""
MOST_WAITING = 512
"""Packets that may wait for a process which takes none: nobody else counts these connections."""
PAUSE_S = 0.02

Take = Callable[[socket.socket, bytes, bool], None]
"""Goes on with a connection, of which these bytes were read; `True` where its sender is known."""


def hand_pair() -> tuple[socket.socket, socket.socket]:
    """Returns both ends."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Handing:
    """One end: gives connections, and takes those that the other end gives."""

    def __init__(self, end: socket.socket, take: Take) -> None:
        self._end = end
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[bytes, int | None]] = deque()
        self._coming: tuple[socket.socket, list[bytes]] | None = None
        self._is_open = True
        end.setblocking(False)
        self._loop.add_reader(end.fileno(), self._read)

    def give(self, file: int, data: bytes, is_known: bool) -> bool:
        """Gives the file of a connection away and closes it here.

        `False` where nobody takes it: then it is still the caller's.
        """
        if not self._is_open or len(self._waiting) >= MOST_WAITING:
            return False
        pieces = [data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)] or [b""]
        last = OF_KNOWN if is_known else OF_STRANGER
        for number, piece in enumerate(pieces):
            mark = last if number == len(pieces) - 1 else MORE
            self._waiting.append((mark + piece, None if number else file))
        self._write()
        return True

    def end(self) -> None:
        """Takes what the other end has given by now, and closes this one. May be called twice."""
        while self._read_one():
            pass
        self.close()

    def close(self) -> None:
        """Closes it, with what was not passed on. May be called twice."""
        if not self._is_open:
            return
        self._is_open = False
        self._loop.remove_reader(self._end.fileno())
        self._loop.remove_writer(self._end.fileno())
        self._end.close()
        for _, file in self._waiting:
            if file is not None:
                os.close(file)
        self._waiting.clear()
        if self._coming is not None:
            self._coming[0].close()

    def _write(self) -> None:
        while self._is_open and self._waiting:
            packet, file = self._waiting[0]
            try:
                self._send(packet, file)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.ENOBUFS):
                    self._loop.add_writer(self._end.fileno(), self._write)
                elif error.errno == errno.ETOOMANYREFS:  # of files under way
                    self._loop.call_later(PAUSE_S, self._write)
                else:
                    self.close()
                return
            self._waiting.popleft()
        if self._is_open:
            self._loop.remove_writer(self._end.fileno())

    def _send(self, packet: bytes, file: int | None) -> None:
        if file is None:
            self._end.send(packet)
        else:
            socket.send_fds(self._end, [packet], [file])
            os.close(file)

    def _read(self) -> None:
        for _ in range(AT_ONCE):
            if not self._read_one():
                return

    def _read_one(self) -> bool:
        """Returns `False` where there is no more for now."""
        if not self._is_open:
            return False
        try:
            packet, files, _, _ = socket.recv_fds(self._end, PIECE_BYTES + 1, 1)
        except BlockingIOError:
            return False
        except OSError:
            packet, files = b"", []
        if packet:
            self._put(packet, files)
        else:
            self.close()
        return bool(packet)

    def _put(self, packet: bytes, files: list[int]) -> None:
        if files:
            # Else a deployed app, which the owner starts, could inherit it and keep it open.
            os.set_inheritable(files[0], False)
            self._coming = socket.socket(fileno=files[0]), []
        if self._coming is None:  # its file got lost: no more could be open here
            return
        connection, pieces = self._coming
        mark = packet[:1]
        pieces.append(packet[1:])
        if mark != MORE:
            self._coming = None
            connection.setblocking(False)
            self._take(connection, b"".join(pieces), mark == OF_KNOWN)
