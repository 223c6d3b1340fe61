"""Messages over a stream socket: four bytes of length before each."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

LENGTH_BYTES = 4

Heard = TypeVar("Heard")


class Channel(asyncio.Protocol, Generic[Heard]):
    """One end. `take` is called with each message that comes, `on_end` once, when none will."""

    def __init__(
        self,
        decoder: "msgspec.msgpack.Decoder[Heard]",
        take: Callable[[Heard], None],
        on_end: Callable[[], None],
    ) -> None:
        self._decoder = decoder
        self._encoder = msgspec.msgpack.Encoder()
        self._take = take
        self._on_end = on_end
        self._came = bytearray()
        self._transport: asyncio.Transport | None = None

    async def open(self, end: socket.socket) -> None:
        """Begins; the socket is the channel's from here on."""
        end.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self, sock=end)

    def connection_made(self, transport: Any) -> None:
        """Keeps the transport, which calls this."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Says that it is over; called by the transport."""
        self._transport = None
        self._on_end()

    def data_received(self, data: bytes) -> None:
        """Takes the messages that are whole; called by the transport."""
        came = self._came
        came += data
        begin = 0
        while len(came) - begin >= LENGTH_BYTES:
            end = begin + LENGTH_BYTES + int.from_bytes(came[begin : begin + LENGTH_BYTES])
            if end > len(came):
                break
            with memoryview(came)[begin + LENGTH_BYTES : end] as message:
                heard = self._decoder.decode(message)
            begin = end
            self._take(heard)
        del came[:begin]

    def send(self, message: Struct) -> bool:
        """Sends a message; `False` where nobody hears it any more."""
        if self._transport is None or self._transport.is_closing():
            return False
        body = self._encoder.encode(message)
        self._transport.writelines([len(body).to_bytes(LENGTH_BYTES), body])
        return True

    def close(self) -> None:
        """Ends it when what was sent is on its way. May be called twice."""
        if self._transport is not None:
            self._transport.close()
