"""The socket that servers listen on."""

import asyncio
import socket
from typing import Any

import pytest
import uvicorn
import uvloop

from sluice.connections import Bounds
from sluice.listening import Server, bind
from tests.unit.sluice.places import free_port, listening


def test_small_pieces_are_sent_at_once() -> None:
    with bind("127.0.0.1", free_port()) as listener:
        # asyncio turns off the waiting for more only on sockets that name their protocol.
        assert listener.proto == socket.IPPROTO_TCP


def test_a_busy_port_is_said_with_what_to_do() -> None:
    port = free_port()

    with listening(port), pytest.raises(OSError, match=f"port {port}.*--port"):
        bind("127.0.0.1", port)


async def answer(scope: Any, receive: Any, send: Any) -> None:
    await send(
        {"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"5")]}
    )
    await send({"type": "http.response.body", "body": b"taken"})


async def stop_with_connections_in_the_queue() -> list[bytes]:
    """Returns what senders read who connected just before the end and spoke just after it."""
    listener = bind("127.0.0.1", free_port())
    address = listener.getsockname()
    config = uvicorn.Config(answer, lifespan="off", log_config=None)
    server = Server(config, Bounds())
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup([listener])

    def speak(sender: socket.socket) -> bytes:
        with sender:
            sender.sendall(b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 2\r\n\r\nhi")
            return b"".join(iter(lambda: sender.recv(4096), b""))

    # The loop does not come around in between: nobody has accepted them.
    senders = [socket.create_connection(address, timeout=10) for _ in range(5)]
    stopping = asyncio.create_task(server.shutdown([listener]))
    await asyncio.sleep(0)
    read = await asyncio.gather(*(asyncio.to_thread(speak, sender) for sender in senders))
    await stopping
    return read


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_whoever_has_connected_before_the_end_is_answered(loop: Any) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        read = runner.run(stop_with_connections_in_the_queue())

    assert [b"202" in one and one.endswith(b"taken") for one in read] == [True] * 5
