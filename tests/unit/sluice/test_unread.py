"""An early answer waits for the rest of its request's body, within bounds."""

import asyncio
from typing import Any

import pytest

from sluice import unread
from sluice.connections import Bounds
from sluice.unread import with_bodies_read

BOUNDS = Bounds(discarded_bytes=1000, discarded_s=5.0, least_bytes_per_s=1000)


class Sender:
    """Sends pieces of a body, and then nothing, or that it ends."""

    def __init__(self, pieces: int, *, ends: bool) -> None:
        self.left = pieces
        self.ends = ends
        self.left_at_answer: int | None = None
        self.told: list[tuple[bytes, bytes]] = []

    async def receive(self) -> Any:
        if self.left:
            self.left -= 1
            more = bool(self.left) or not self.ends
            return {"type": "http.request", "body": b"x" * 100, "more_body": more}
        return await asyncio.get_running_loop().create_future()

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.left_at_answer, self.told = self.left, message["headers"]

    async def ask(
        self, *, reads: int = 0, expects: bool = False, method: str = "POST", by: str = ""
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            for _ in range(reads):
                await receive()
            await send({"type": "http.response.start", "status": 413, "headers": []})

        headers = [(b"expect", b"100-continue")] if expects else []
        headers += [(by.encode(), b"192.0.2.1")] if by else []
        scope: Any = {"type": "http", "method": method, "headers": headers}
        await with_bodies_read(app, BOUNDS)(scope, self.receive, self.send)


@pytest.mark.parametrize("reads", [0, 2])
async def test_the_rest_of_a_body_is_read_before_the_answer_goes_out(reads: int) -> None:
    sender = Sender(9, ends=True)

    await sender.ask(reads=reads)

    assert sender.left_at_answer == 0


async def test_what_comes_beyond_the_bound_is_not_waited_for() -> None:
    sender = Sender(50, ends=True)

    await sender.ask()

    assert sender.left_at_answer == 40


async def test_a_sender_that_falls_silent_gets_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "QUIET_S", 0.01)
    sender = Sender(3, ends=False)

    await sender.ask()

    assert sender.left_at_answer == 0


async def test_a_sender_that_asks_first_is_told_to_send_nothing() -> None:
    sender = Sender(9, ends=True)

    await sender.ask(expects=True)

    assert sender.left_at_answer == 9
    # Whether the body comes all the same, nobody knows: no other request may follow it.
    assert sender.told == [(b"connection", b"close")]


@pytest.mark.parametrize("by", ["x-forwarded-for", "forwarded", "via"])
async def test_a_proxy_that_passes_the_question_on_sends_the_body_unasked(by: str) -> None:
    sender = Sender(9, ends=True)

    await sender.ask(expects=True, by=by)

    assert (sender.left_at_answer, sender.told) == (0, [])


async def test_a_body_that_was_told_to_come_is_read_to_its_end() -> None:
    sender = Sender(9, ends=True)

    await sender.ask(reads=1, expects=True)

    assert sender.left_at_answer == 0


async def test_a_question_without_a_body_waits_for_nothing() -> None:
    sender = Sender(9, ends=True)

    await sender.ask(method="GET")

    assert sender.left_at_answer == 9
