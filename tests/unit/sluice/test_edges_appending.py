"""What the owner does for its edges: it appends, holds back, and counts requests of all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

import pytest

from eventlog.group_commit import Limits
from eventlog.log import TopicPartition
from eventlog.records import Chunk, decode_chunks, pack_chunk
from eventlog.sqlite_log import SqliteLog
from ingest.edge import Edge, EdgeLimits
from schemas.kinds import TRACE
from schemas.projects import ProjectId
from sluice.edges.appending import Appending
from sluice.edges.messages import Append, Appended, Count, Failed, Limited, Part

T = TypeVar("T")
LAG_S, BOUND_S = 1.5, 1.0
PLACE = TopicPartition(TRACE.topic, 0)


@pytest.fixture
def event_log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log.db", limits=Limits(max_bytes=2000))
    yield log
    log.close()


def appending(event_log: SqliteLog, *, lag_s: float = 0.0, most: int = 0) -> Appending:
    async def read_back(*_: Any) -> None:
        raise AssertionError

    edge = Edge(
        event_log,
        {},
        EdgeLimits(requests_per_minute=most, pace_from_lag_s=BOUND_S),
        read_back=read_back,
        lags_s=lambda: (lag_s,),
        fullness=lambda: 0.0,
    )
    return Appending(event_log, edge)


def append_of(number: int, body: bytes = b"{}") -> Append:
    chunk = Chunk(ProjectId("p"), TRACE.name, 1, [body])
    packed = pack_chunk(chunk)
    part = Part(PLACE.topic, PLACE.partition, packed.items, packed.size, packed.value)
    return Append(number, "p", [part])


async def asked(
    *edges: Callable[[Callable[[Any], None]], None], wait: Callable[[Any], Awaitable[Any]]
) -> list[Any]:
    """Asks once for each edge; returns what each is answered."""
    answers: list[asyncio.Queue[Any]] = [asyncio.Queue() for _ in edges]
    for ask, answer in zip(edges, answers, strict=True):
        ask(answer.put_nowait)
    async with asyncio.timeout(10):
        return [await wait(answer) for answer in answers]


def test_what_two_edges_append_is_in_the_log_as_if_it_were_appended_here(
    event_log: SqliteLog,
) -> None:
    async def append() -> list[Any]:
        owner = appending(event_log)
        return await asked(
            lambda send: owner.append(append_of(7, b'{"a":1}'), send),
            lambda send: owner.append(append_of(7, b'{"b":2}'), send),
            wait=lambda answer: answer.get(),
        )

    answers = asyncio.run(append())

    assert [type(one) for one in answers] == [Appended, Appended]
    assert [one.number for one in answers] == [7, 7]
    records = event_log.read(PLACE, 0, 100, 1 << 20)
    items = [item for one in records for chunk in decode_chunks(one.value) for item in chunk.items]
    assert sorted(map(bytes, items)) == [b'{"a":1}', b'{"b":2}']


def test_edges_of_a_stream_that_lags_are_held_back(event_log: SqliteLog) -> None:
    async def append() -> tuple[list[Any], float]:
        owner = appending(event_log, lag_s=LAG_S)
        began = asyncio.get_running_loop().time()
        answers = await asked(
            lambda send: owner.append(append_of(1), send), wait=lambda answer: answer.get()
        )
        return answers, asyncio.get_running_loop().time() - began

    (answer,), seconds = asyncio.run(append())

    assert isinstance(answer, Appended)
    assert seconds >= (LAG_S - BOUND_S) / 2


def test_a_full_log_is_said_by_its_class(event_log: SqliteLog) -> None:
    async def append() -> list[Any]:
        owner = appending(event_log)
        found = []
        for number in range(40):
            found += await asked(
                lambda send, n=number: owner.append(append_of(n, token_hex(200).encode()), send),
                wait=lambda answer: answer.get(),
            )
        return found

    failed = [one.error for one in asyncio.run(append()) if isinstance(one, Failed)]

    assert set(failed) == {"LogFull"}


def test_requests_of_a_key_are_counted_over_all_edges(event_log: SqliteLog) -> None:
    async def count() -> list[bool]:
        owner = appending(event_log, most=3)
        answers = await asked(
            *(lambda send: owner.count(Count(1, "key"), send) for _ in range(3)),
            lambda send: owner.count(Count(1, "another"), send),
            lambda send: owner.count(Count(1, "key"), send),
            wait=lambda answer: answer.get(),
        )
        assert all(isinstance(one, Limited) for one in answers)
        return [bool(one.text) for one in answers]

    limited = asyncio.run(count())

    # Another minute may have begun in between.
    assert limited in ([False] * 4 + [True], [False] * 5)
