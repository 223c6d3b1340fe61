"""A TCP connection: it is made, something is sent, and what comes back has a pattern."""

import asyncio
import socket

from probes.assertions import compiled_for_bytes
from probes.findings import Finding, failed, of_os_error, quoted
from probes.hosts import shown
from probes.marks import Marks
from probes.tools import Tools
from schemas.uptime.targets import Target

MAX_ANSWER_BYTES = 64 << 10


async def look(target: Target, tools: Tools, marks: Marks) -> Finding:
    """Connects, sends, and reads until the pattern is there. Raises `Trouble`."""
    pattern = compiled_for_bytes(target.expect) if target.expect else None
    connected = await tools.dialer.connect(target.host, target.port, marks)
    with connected:
        try:
            if target.send:
                await asyncio.get_running_loop().sock_sendall(connected, target.send.encode())
            marks.note_sent()
            if pattern is None:
                return Finding()
            answer = bytearray()
            while not pattern.search(bytes(answer)):
                await _read_more(connected, answer, target, marks)
        except OSError as error:
            raise of_os_error(error, shown(target.host, target.port)) from error
    return Finding()


async def _read_more(
    connected: socket.socket, answer: bytearray, target: Target, marks: Marks
) -> None:
    part = await asyncio.get_running_loop().sock_recv(connected, 16 << 10)
    if part and not answer:
        marks.note_first_byte()
    answer += part
    if part and len(answer) <= MAX_ANSWER_BYTES:
        return
    said = quoted(bytes(answer[:160]).decode("utf-8", "replace")) if answer else "nothing"
    ended = "the first 64 KiB came" if part else "the connection was closed"
    raise failed(
        "assertion",
        f"{shown(target.host, target.port)} sent {said} and {ended};"
        f" expected: {quoted(target.expect)}",
    )
