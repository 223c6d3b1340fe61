"""Connections that are passed from process to process."""

import asyncio
import os
import socket
from typing import NamedTuple

from sluice.edges.handing import MOST_WAITING, PIECE_BYTES, Handing, hand_pair


class Taken(NamedTuple):
    """What the other end was given."""

    connection: socket.socket
    data: bytes
    is_known: bool


async def pass_on(*gifts: tuple[bytes, bool]) -> list[tuple[bytes, bool, bool, bytes]]:
    """Gives a connection with each of these; returns what came of each, and what it says."""
    ours, theirs = hand_pair()
    taken: asyncio.Queue[Taken] = asyncio.Queue()
    giving = Handing(ours, lambda *_: None)
    taking = Handing(theirs, lambda *one: taken.put_nowait(Taken(*one)))
    found = []
    for data, is_known in gifts:
        far, near = socket.socketpair()
        with far, near:
            far.sendall(b"still there")
            assert giving.give(os.dup(near.fileno()), data, is_known)
            near.close()
            async with asyncio.timeout(10):
                came = await taken.get()
            is_inherited = os.get_inheritable(came.connection.fileno())
            with came.connection as connection:
                found.append((came.data, came.is_known, is_inherited, connection.recv(64)))
    giving.close()
    taking.close()
    return found


def test_a_connection_comes_with_its_bytes_and_whether_it_is_known() -> None:
    long = os.urandom(3 * PIECE_BYTES + 1)

    found = asyncio.run(pass_on((b"GET", False), (long, True), (b"", False)))

    assert found == [
        (b"GET", False, False, b"still there"),
        (long, True, False, b"still there"),
        (b"", False, False, b"still there"),
    ]


def test_who_takes_none_is_given_a_bounded_number_and_the_rest_is_closed() -> None:
    async def give_on() -> tuple[int, bool]:
        ours, theirs = hand_pair()
        giving = Handing(ours, lambda *_: None)
        far, near = socket.socketpair()
        given = 0
        while giving.give(file := os.dup(near.fileno()), b"x", False):
            given += 1
        os.close(file)
        near.close()
        giving.close()
        theirs.close()
        far.settimeout(10)
        return given, far.recv(1) == b""

    given, is_closed = asyncio.run(give_on())

    # What waits here, and what the kernel holds for the other end.
    assert MOST_WAITING <= given < MOST_WAITING + 2000
    assert is_closed


def test_a_connection_is_not_lost_to_an_end_that_is_closed() -> None:
    async def give() -> bool:
        ours, theirs = hand_pair()
        giving = Handing(ours, lambda *_: None)
        giving.close()
        theirs.close()
        far, near = socket.socketpair()
        with far, near:
            return giving.give(near.fileno(), b"x", False)

    assert not asyncio.run(give())
