"""The bytes of answers on their way, and how an answer is sent, over a connection of the test's."""

import asyncio
from typing import Any, cast

import pytest
from litestar.types import Receive, Scope, Send

from api.outgoing import (
    PIECE_BYTES,
    Outgoing,
    Share,
    Streamed,
    Texts,
    TooManyAnswers,
    answer,
)
from schemas.llm.answers import SessionTraces
from schemas.projects import ProjectId

BUSY, OTHER, THIRD = ProjectId("busy"), ProjectId("other"), ProjectId("third")
SCOPE = cast("Scope", {"type": "http", "path": "/"})


@pytest.fixture
def outgoing() -> Outgoing:
    return Outgoing(100, wait_s=0.01)


async def hold(outgoing: Outgoing, project_id: ProjectId, size: int) -> Share:
    async with outgoing.taken(project_id, size) as share:
        return share


async def test_no_project_holds_more_than_it_leaves_to_others(outgoing: Outgoing) -> None:
    for _ in range(2):
        await hold(outgoing, BUSY, 25)
    with pytest.raises(TooManyAnswers):
        await hold(outgoing, BUSY, 1)

    await hold(outgoing, OTHER, 25)

    with pytest.raises(TooManyAnswers):
        await hold(outgoing, OTHER, 25)
    await hold(outgoing, THIRD, 12)


async def test_who_waits_is_served_when_bytes_are_given_back() -> None:
    outgoing = Outgoing(100, wait_s=10)
    shares = [await hold(outgoing, BUSY, 25) for _ in range(2)]
    waiting = asyncio.create_task(hold(outgoing, BUSY, 25))
    await asyncio.sleep(0)
    assert not waiting.done()

    shares[0].give_back()
    shares[0].give_back()  # once is enough

    await waiting
    assert not outgoing.fits(BUSY, 1)


async def test_what_fails_on_the_way_gives_its_bytes_back(outgoing: Outgoing) -> None:
    for _ in range(10):
        with pytest.raises(ZeroDivisionError):
            async with outgoing.taken(BUSY, 25):
                raise ZeroDivisionError

    assert outgoing.fits(BUSY, 25)


async def test_more_than_was_taken_is_refused_where_it_is_not_there(outgoing: Outgoing) -> None:
    await hold(outgoing, BUSY, 25)
    await hold(outgoing, BUSY, 15)
    share = await hold(outgoing, BUSY, 1)

    share.change(10)
    with pytest.raises(TooManyAnswers):
        share.change(20)

    assert share.size == 10


async def test_a_row_beyond_all_bounds_counts_as_a_quarter(outgoing: Outgoing) -> None:
    share = await hold(outgoing, BUSY, 1000)

    assert share.size == 25


class Given(Texts):
    """Texts that are there, or exceptions in their place."""

    def __init__(self, *texts: bytes | Exception) -> None:
        self._texts = list(texts)
        self.taken = 0
        self.closed = False

    @property
    def is_last(self) -> bool:
        return not self._texts

    async def take(self) -> bytes:
        self.taken += 1
        text = self._texts.pop(0)
        if isinstance(text, Exception):
            raise text
        return text

    def close(self) -> None:
        self.closed = True


class Connection:
    """What a server would see; takes messages while it is told to."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.takes = asyncio.Event()
        self.takes.set()
        self.gone = asyncio.Event()

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.takes.wait()
        self.messages.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def is_whole(self) -> bool:
        return self.messages[-1].get("more_body") is False


@pytest.fixture
def connection() -> Connection:
    return Connection()


async def streamed(*texts: bytes | Exception) -> tuple[Any, Given]:
    given = Given(*texts)
    return await answer(SessionTraces("s[]", []), given), given


async def send(made: Any, connection: Connection) -> None:
    await made(SCOPE, cast("Receive", connection.receive), cast("Send", connection.send))


@pytest.fixture
def large() -> bytes:
    return b"[" + b"1" * (3 * PIECE_BYTES) + b"]"


async def test_a_small_answer_is_sent_at_once_and_gives_its_bytes_back() -> None:
    made, given = await streamed(b"1,2")

    assert not isinstance(made, Streamed)
    assert made.content == b'{"sessionId":"s[]","traces":[1,2]}'
    assert given.closed


async def test_texts_follow_each_other_in_the_list(connection: Connection, large: bytes) -> None:
    made, given = await streamed(large, b",2", b"", b",3")

    await send(made, connection)

    assert connection.body == b'{"sessionId":"s[]","traces":[' + large + b",2,3]}"
    assert max(len(message.get("body", b"")) for message in connection.messages) <= PIECE_BYTES
    assert connection.is_whole
    assert given.closed


async def test_one_text_is_sent_with_its_length(connection: Connection, large: bytes) -> None:
    made, _ = await streamed(large)

    await send(made, connection)

    assert dict(connection.messages[0]["headers"])[b"content-length"] == (
        str(len(connection.body)).encode()
    )


async def test_what_the_first_text_raises_is_raised_before_anything_is_sent() -> None:
    given = Given(KeyError("x"))

    with pytest.raises(KeyError):
        await answer(SessionTraces("s", []), given)

    assert given.closed


async def test_an_answer_that_fails_on_the_way_is_not_ended(connection: Connection) -> None:
    made, given = await streamed(b"1", KeyError("x"), b",2")

    await send(made, connection)

    assert connection.body == b'{"sessionId":"s[]","traces":[1'
    assert not connection.is_whole
    assert given.closed


async def test_an_answer_that_nobody_reads_holds_one_text_and_reads_no_other(
    connection: Connection, large: bytes
) -> None:
    connection.takes.clear()
    made, given = await streamed(large, b",2")
    sending = asyncio.create_task(send(made, connection))
    for _ in range(10):
        await asyncio.sleep(0)

    assert given.taken == 1
    assert not given.closed
    connection.takes.set()
    await asyncio.wait_for(sending, 10)
    assert given.closed


async def test_who_leaves_gives_the_bytes_back(connection: Connection, large: bytes) -> None:
    connection.takes.clear()
    made, given = await streamed(large, b",2")
    sending = asyncio.create_task(send(made, connection))
    await asyncio.sleep(0)

    connection.gone.set()

    await asyncio.wait_for(sending, 10)
    assert given.closed
    assert given.taken == 1
