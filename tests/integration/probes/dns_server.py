"""A server of DNS on loopback, by dnslib: right, wrong, silent or too long, as a test wants it."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from dnslib import (
    AAAA,
    CLASS,
    MX,
    QTYPE,
    RCODE,
    RR,
    A,
    DNSHeader,
    DNSRecord,
)

TTL = 0


class Record:
    """One record of an answer."""

    def __init__(self, rtype: str, data: Any, ttl: int = TTL) -> None:
        self.rtype = rtype
        self.data = data
        self.ttl = ttl


def record(address: str, ttl: int = TTL) -> Record:
    parsed = ipaddress.ip_address(address)
    return Record("A", A(address), ttl) if parsed.version == 4 else Record("AAAA", AAAA(address))


def mx(preference: int, name: str) -> Record:
    return Record("MX", MX(name, preference))


class DnsServer:
    """Answers by UDP and TCP on one port. `answers` has, for (name, type), a list for each time."""

    def __init__(self) -> None:
        self.port = 0
        self.answers: dict[tuple[str, str], list[list[Record]]] = {}
        self.rcodes: dict[str, str] = {}
        self.silent: set[str] = set()
        self.truncated: set[str] = set()
        self.asked: list[tuple[str, str, str]] = []

    def reply(self, data: bytes, by: str) -> bytes | None:
        """Returns the answer to a question; `None` for none."""
        question = DNSRecord.parse(data)
        name, rtype = str(question.q.qname).rstrip(".").lower(), QTYPE[question.q.qtype]
        self.asked.append((name, rtype, by))
        if name in self.silent:
            return None
        header = DNSHeader(id=question.header.id, qr=1, aa=1, ra=1)
        reply = DNSRecord(header, q=question.q)
        rcode = self.rcodes.get(name)
        if rcode is None and not any(known == name for known, _ in self.answers):
            rcode = "NXDOMAIN"
        if rcode is not None:
            reply.header.rcode = getattr(RCODE, rcode)
            return bytes(reply.pack())
        if name in self.truncated and by == "udp":
            reply.header.tc = 1
            return bytes(reply.pack())
        times = self.answers.get((name, rtype), [[]])
        for one in times.pop(0) if len(times) > 1 else times[0]:
            number = getattr(QTYPE, one.rtype)
            reply.add_answer(RR(name, number, CLASS.IN, one.ttl, one.data))
        return bytes(reply.pack())


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, served: DnsServer) -> None:
        self._served = served

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if (reply := self._served.reply(data, "udp")) is not None:
            self._transport.sendto(reply, address)


@asynccontextmanager
async def dns_server(
    names: dict[str, Sequence[Sequence[str]]] | None = None,
) -> AsyncIterator[DnsServer]:
    served = DnsServer()
    for name, times in (names or {}).items():
        served.answers[(name, "A")] = [[record(one) for one in addresses] for addresses in times]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2))
        reply = served.reply(await reader.readexactly(size), "tcp")
        if reply is not None:
            writer.write(len(reply).to_bytes(2) + reply)
            await writer.drain()
        writer.close()

    tcp = await asyncio.start_server(serve, "127.0.0.1", 0)
    served.port = tcp.sockets[0].getsockname()[1]
    udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Udp(served), local_addr=("127.0.0.1", served.port)
    )
    try:
        yield served
    finally:
        udp.close()
        tcp.close()
