"""Calls of `sluice warehouse` on threads: taken piece by piece, and never left half-way."""

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import aclosing
from typing import Any, NoReturn

import pytest

from clickhouse.failures import StoreBroken
from clickhouse.served import app
from clickhouse.served.codes import Code
from clickhouse.served.codings import Plain
from clickhouse.served.errors import EngineError, refusal
from clickhouse.served.threads import Threads


class Run:
    """A call whose answer the test plays."""

    def __init__(self, chunks: Callable[[], Generator[bytes, None, None]]) -> None:
        self.chunks = chunks


def leave(code: int) -> NoReturn:
    raise RuntimeError(f"left with {code}")


@pytest.fixture
def threads() -> Threads:
    return Threads(running=1, waiting=1, leave=leave)


def pieces_of(threads: Threads, chunks: Callable[[], Generator[bytes, None, None]]) -> Any:
    run: Any = Run(chunks)
    return threads.pieces(run, Plain(), "tag")


async def test_an_answer_that_nobody_takes_any_further_is_closed_and_its_turn_is_free(
    threads: Threads,
) -> None:
    closed = threading.Event()

    def endless() -> Generator[bytes, None, None]:
        try:
            while True:
                yield b"more"
        finally:
            closed.set()

    async with aclosing(pieces_of(threads, endless)) as pieces:
        assert await anext(pieces) == b"more"

    assert closed.is_set()
    assert [piece async for piece in pieces_of(threads, lambda: (yield b"next"))] == [b"next"]


async def test_whoever_gives_up_waits_for_what_the_engine_is_at(threads: Threads) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Generator[bytes, None, None]:
        begun.set()
        go_on.wait(20)
        yield b"late"

    async def take() -> None:
        async with aclosing(pieces_of(threads, slow)) as pieces:
            await anext(pieces)

    asking = asyncio.create_task(take())
    await asyncio.to_thread(begun.wait, 20)
    asking.cancel()
    done, _ = await asyncio.wait({asking}, timeout=0.05)
    assert not done

    go_on.set()
    await asyncio.wait({asking}, timeout=20)
    assert asking.cancelled()
    assert threads.close(20)


async def test_an_error_after_a_part_of_the_answer_stands_behind_it_and_is_raised(
    threads: Threads,
) -> None:
    def failing() -> Generator[bytes, None, None]:
        yield b"part"
        raise refusal(Code.TOO_MANY_ROWS_OR_BYTES, "enough")

    pieces = pieces_of(threads, failing)

    assert await anext(pieces) == b"part"
    assert b"__exception__\r\ntag\r\n" in await anext(pieces)
    with pytest.raises(EngineError, match="enough"):
        await anext(pieces)


async def test_a_store_that_lost_a_token_ends_the_process(threads: Threads) -> None:
    def breaking() -> Generator[bytes, None, None]:
        yield b""
        raise StoreBroken("a token without rows")

    with pytest.raises(RuntimeError, match="left with 1"):
        async for _ in pieces_of(threads, breaking):
            pass


async def test_more_requests_than_may_wait_are_told_to_come_again(threads: Threads) -> None:
    with threads.place(), threads.place(), pytest.raises(EngineError) as caught, threads.place():
        pass

    assert caught.value.code == Code.TOO_MANY_SIMULTANEOUS_QUERIES
    with threads.place():
        pass


async def test_a_client_that_does_not_read_keeps_nobody_waiting_for_ever(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "READER_TIMEOUT_S", 0.05)
    sent: list[Any] = []

    async def never(message: Any) -> None:
        sent.append(message)
        await asyncio.Event().wait()

    def rows() -> Generator[bytes, None, None]:
        while True:
            yield b"row"

    service: Any = None
    receive: Any = None
    scope: Any = {}
    exchange = app._Exchange(service, scope, receive, never)
    async with asyncio.timeout(20), aclosing(pieces_of(threads, rows)) as pieces:
        await exchange._stream(b"held", pieces)

    # No last piece: whoever reads at last sees that something is missing.
    assert [message["more_body"] for message in sent] == [True]
