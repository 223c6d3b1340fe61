import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from eventlog.log import Addressed, AppendUncertain, LogError, LogFull, TopicPartition
from eventlog.records import Chunk, Refusal, partition_of
from ingest.body import BodyLimits, Incoming
from ingest.edge import Edge, EdgeLimits
from ingest.llm.forms import forms
from ingest.rejections import BadItems, ItemTooLarge, Overloaded, TooManyBodies
from schemas.kinds import TRACE
from schemas.projects import ProjectContext, ProjectId
from tests.unit.ingest.test_pulse import trace

PROJECT = ProjectContext(ProjectId("p"))


class Log:
    """Takes everything, or nothing while there is a `failure`."""

    log_id = "test"
    epoch = "test"

    def __init__(self, partitions: int = 1) -> None:
        self.failure: LogError | None = None
        self.refused = asyncio.Event()
        self.go, self.asked = asyncio.Event(), asyncio.Event()
        self.go.set()
        self.fullness = 0.0
        self.chunks: list[tuple[int, Chunk]] = []
        self.refusals: list[Refusal] = []
        self._partitions = partitions

    def partitions(self, topic: str) -> int:
        return self._partitions

    async def append(self, chunks: Sequence[Addressed]) -> dict[TopicPartition, int]:
        self._check()
        self.chunks += [(partition.partition, chunk) for partition, chunk in chunks]
        return dict.fromkeys((partition for partition, _ in chunks), 0)

    async def append_refusals(self, refusals: Sequence[Refusal]) -> None:
        self.asked.set()
        await self.go.wait()
        self._check()
        self.refusals += refusals

    def _check(self) -> None:
        if self.failure is not None:
            self.refused.set()
            raise self.failure


class Lag:
    """A stream as late as the test says."""

    seconds = 0.0

    def __call__(self) -> list[float]:
        return [self.seconds]


def edge_over(log: Log, lag: Lag | None = None, limits: EdgeLimits | None = None) -> Edge:
    async def read_back(*_: Any) -> None:
        raise AssertionError("nothing is read back")

    return Edge(
        log,
        forms(),
        limits or EdgeLimits(),
        read_back=read_back,
        lags_s=lag or Lag(),
        fullness=lambda: log.fullness,
    )


def incoming(body: object) -> Incoming:
    async def chunks() -> AsyncIterator[bytes]:
        yield json.dumps(body).encode()

    return Incoming(chunks(), None, None)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []

    async def sleep(seconds: float) -> None:
        taken.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return taken


@pytest.mark.parametrize(
    ("lag_s", "expected"),
    [(0.0, []), (1.49, []), (2.0, [0.25]), (4.5, [1.5]), (14.9, [2.0]), (15.0, []), (3600.0, [])],
)
async def test_senders_are_held_back_by_overload_and_not_by_an_outage(
    lag_s: float, expected: list[float], pauses: list[float]
) -> None:
    lag = Lag()
    lag.seconds = lag_s

    await edge_over(Log(), lag).accept(PROJECT, TRACE.name, incoming([trace()]))

    assert pauses == expected


async def test_a_refusal_that_may_be_counted_is_not_counted_again() -> None:
    log = Log()
    edge = edge_over(log)
    log.failure = AppendUncertain("it may come yet")
    with pytest.raises(BadItems):
        await edge.accept(PROJECT, TRACE.name, incoming([{}]))

    log.failure = None
    await edge.flush_rejections()

    assert not log.refusals


async def test_refusals_are_counted_although_whoever_counts_them_is_given_up() -> None:
    log = Log()
    edge = edge_over(log)
    log.go.clear()
    refused = asyncio.create_task(edge.accept(PROJECT, TRACE.name, incoming([{}])))
    async with asyncio.timeout(10):
        await log.asked.wait()
    refused.cancel()
    with pytest.raises(asyncio.CancelledError):
        await refused

    log.failure = LogFull("full")
    log.go.set()
    async with asyncio.timeout(10):
        await log.refused.wait()
        await asyncio.sleep(0)
    log.failure = None
    await edge.flush_rejections()

    assert [one.count for one in log.refusals] == [1]


async def test_who_comes_again_is_refused_first_when_the_log_fills() -> None:
    log = Log()
    log.fullness = 0.95
    edge = edge_over(log)

    with pytest.raises(Overloaded) as refused:
        await edge.accept(PROJECT, TRACE.name, incoming([trace()]), retried=True)
    assert refused.value.retry_after_s == 5
    await edge.accept(PROJECT, TRACE.name, incoming([trace()]))
    log.fullness = 0.85
    await edge.accept(PROJECT, TRACE.name, incoming([trace()]), retried=True)

    assert len(log.chunks) == 2
    assert [(r.outcome, r.count) for r in log.refusals] == [("overloaded", 1)]


async def test_a_refusal_is_counted_in_the_log_before_it_is_answered() -> None:
    log = Log()

    with pytest.raises(BadItems):
        await edge_over(log).accept(PROJECT, TRACE.name, incoming([trace(), {}]))

    assert [(r.kind, r.outcome, r.reason, r.count) for r in log.refusals] == [
        ("trace", "invalid", "bad_items", 2)
    ]


@pytest.mark.parametrize(
    ("limits", "items", "raised", "expected"),
    [
        pytest.param(
            EdgeLimits(),
            [trace()] * 150,
            BadItems,
            ("invalid", "bad_items", 101),
            id="too-many-items",
        ),
        pytest.param(
            EdgeLimits(max_item_bytes=1000),
            [trace(), trace(output_text="x" * 1000)],
            ItemTooLarge,
            ("too_large", "item_bytes", 2),
            id="too-large-an-item",
        ),
        pytest.param(
            EdgeLimits(body=BodyLimits(max_total_bytes=10)),
            [trace()],
            TooManyBodies,
            ("overloaded", "bodies_in_hand", 1),
            id="too-many-bodies",
        ),
    ],
)
async def test_each_bound_is_counted_under_a_reason_of_its_own(
    limits: EdgeLimits, items: list[Any], raised: type[Exception], expected: tuple[str, str, int]
) -> None:
    log = Log()

    with pytest.raises(raised):
        await edge_over(log, limits=limits).accept(PROJECT, TRACE.name, incoming(items))

    assert [(r.outcome, r.reason, r.count) for r in log.refusals] == [expected]


async def test_refusals_that_the_log_could_not_take_are_counted_with_the_next() -> None:
    log = Log()
    edge = edge_over(log)
    log.failure = LogFull("full")
    with pytest.raises(Overloaded) as refused:
        await edge.accept(PROJECT, TRACE.name, incoming([trace(), trace()]))
    log.failure = None

    with pytest.raises(BadItems):
        await edge.accept(PROJECT, TRACE.name, incoming([{}]))

    assert refused.value.retry_after_s >= 1
    assert {r.outcome: r.count for r in log.refusals} == {"overloaded": 2, "invalid": 1}


async def test_each_item_goes_to_the_partition_of_its_id() -> None:
    log = Log(partitions=4)
    items = [trace(trace_id=f"00000000-0000-4000-8000-{n:012}") for n in range(50)]

    await edge_over(log).accept(PROJECT, TRACE.name, incoming(items))

    placed = {
        json.loads(body)["trace_id"]: partition
        for partition, chunk in log.chunks
        for body in chunk.items
    }
    assert placed == {i["trace_id"]: partition_of("p", i["trace_id"], 4) for i in items}
    assert len(set(placed.values())) == 4


async def test_an_empty_array_is_accepted_and_writes_nothing() -> None:
    log = Log()

    accepted = await edge_over(log).accept(PROJECT, TRACE.name, incoming([]))

    assert accepted.total == 0
    assert log.chunks == []
