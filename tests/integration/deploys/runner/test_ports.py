"""Ports that are held, and given to one app at a time."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from deploys.failures import NoPortLeft
from deploys.ports import HOST, Ports, is_taken
from tests.components.processes import first_app_port

FIRST = first_app_port() + 200
Opened = Callable[[int], Ports]


@pytest.fixture
def opened() -> Iterator[Opened]:
    with ExitStack() as stack:

        def open_ports(count: int) -> Ports:
            ports = Ports(FIRST, FIRST + count - 1)
            stack.callback(ports.close)
            return ports

        yield open_ports


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((HOST, FIRST))
        taken.listen()
        yield taken


def test_a_reserved_port_is_bound_until_its_app_starts(opened: Opened) -> None:
    ports = opened(5)

    port = ports.reserve()

    assert is_taken(port)
    ports.let_app_bind(port)
    assert not is_taken(port)
    assert port not in {ports.reserve() for _ in range(4)}


def test_a_port_of_somebody_else_is_left_out(opened: Opened, listener: socket.socket) -> None:
    ports = opened(2)

    assert ports.reserve() == FIRST + 1
    with pytest.raises(NoPortLeft, match="Each of the 2 ports"):
        ports.reserve()


def test_ports_of_apps_that_run_are_left_out(opened: Opened) -> None:
    ports = opened(3)
    ports.hold([FIRST, FIRST + 2])

    assert ports.reserve() == FIRST + 1


def test_a_port_that_was_given_back_comes_last(opened: Opened) -> None:
    ports = opened(3)
    first = ports.reserve()
    ports.give_back(first)

    assert [ports.reserve() for _ in range(3)] == [FIRST + 1, FIRST + 2, first]
