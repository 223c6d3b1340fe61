"""A connection that goes from an edge to its owner."""

import asyncio
import socket
from typing import Any

import pytest
import uvicorn
import uvloop

from schemas.connections import AUTHENTICATED
from sluice.connections import Bounds, Rank
from sluice.edges.application import edge_application
from sluice.edges.choice import Choice
from sluice.edges.http import EdgeHttp, OwnerHttp
from sluice.listening import Server, bind
from tests.unit.sluice.places import free_port

EDGES = b"POST /v1/traces/async HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]"
OWNERS = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


def config_that(knows: bool) -> uvicorn.Config:
    """Returns an application that knows whoever posts, or nobody."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if knows and scope["method"] == "POST":
            scope["state"][AUTHENTICATED] = True
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    return uvicorn.Config(answer, lifespan="off", log_config=None)


async def rank_at_the_owner(knows: bool) -> Rank:
    """Returns what a connection is to the owner that had a request of an edge before its own."""
    choice = Choice(edge_application().routes, frozenset())
    owner = Server(config_that(knows), Bounds(), http=OwnerHttp, choice=choice, give=keep)

    def give(file: int, data: bytes, is_known: bool) -> bool:
        connection = socket.socket(fileno=file)
        connection.setblocking(False)
        owner.take(connection, data, is_known)
        return True

    edge = Server(config_that(knows), Bounds(), http=EdgeHttp, choice=choice, give=give)
    listener = bind("127.0.0.1", free_port())
    serving = [
        await edge.begin(listener, signals=()),
        await owner.begin(None, signals=()),
    ]
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    for request in (EDGES, OWNERS):
        writer.write(request)
        async with asyncio.timeout(10):
            await reader.readuntil(b"\r\n\r\nok")
    (connection,) = owner.server_state.connections
    assert not edge.server_state.connections
    rank: Rank = connection.rank()  # type: ignore[union-attr]
    writer.close()
    edge.should_exit = owner.should_exit = True
    await asyncio.gather(*serving)
    return rank


def keep(*_: object) -> bool:
    return False


@pytest.mark.parametrize(("knows", "rank"), [(True, Rank.IDLE), (False, Rank.STRANGER)])
def test_what_an_edge_knows_of_a_sender_the_owner_knows_too(knows: bool, rank: Rank) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(rank_at_the_owner(knows)) is rank


async def answer_where_nobody_takes() -> bytes:
    """Returns what an edge answers to a request of the owner's, who takes no connections."""
    choice = Choice(edge_application().routes, frozenset())
    edge = Server(config_that(knows=True), Bounds(), http=EdgeHttp, choice=choice, give=keep)
    listener = bind("127.0.0.1", free_port())
    serving = await edge.begin(listener, signals=())
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(OWNERS)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    edge.should_exit = True
    await serving
    return answer


def test_what_the_owner_cannot_take_is_put_off() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        answer = runner.run(answer_where_nobody_takes())

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1\r\n" in answer.lower()
