"""One test for each override in `eventlog.faust_fixes`, named for the fault that it fixes.

Each is run with the override and without: where stock Faust shows the fault no longer, the test
fails, and the override can go.
"""

import asyncio
import inspect
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import faust
import pytest
from faust.app import base
from faust.tables import TableManager
from faust.transport.consumer import Consumer as StockConsumer
from faust.types import TP
from faust.utils import venusian

from eventlog.faust_fixes import NoTables, keep_from_discovery
from eventlog.log import TopicPartition
from eventlog.sqlite_log import SqliteLog
from eventlog.transport import Consumer
from schemas.kinds import SPANS
from tests.chunks import append_chunks
from tests.integration.eventlog.logs import HEAD, append, append_each, chunk, until
from tests.integration.eventlog.streams import Receiver, Stream

RECORDS = 20
MANY = 200
FULL = 40
"""More than an agent's buffer of 32."""
both = pytest.mark.parametrize("fixed", [True, False], ids=["fixed", "stock"])


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(tmp_path / "log.db")) as opened:
        yield opened


class Sleeps:
    """Puts down every sleep of a service of Faust, and sleeps as asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, service: Any) -> None:
        self.seconds: list[float] = []
        sleep = service.sleep

        async def noted(this: Any, n: Any, **kwargs: Any) -> None:
            self.seconds.append(float(n))
            await sleep(this, n, **kwargs)

        monkeypatch.setattr(service, "sleep", noted)

    @property
    def whole(self) -> list[float]:
        """A second or more, but for the intervals of commits, which hold nothing up."""
        return [seconds for seconds in self.seconds if 1.0 <= seconds < 60.0]


async def fill(log: SqliteLog, count: int) -> None:
    await append_each(log, [b"%d" % n for n in range(count)])


async def test_an_agent_that_raises_ends_the_app_and_skips_nothing(
    log: SqliteLog, tmp_path: Path
) -> None:
    await fill(log, RECORDS)
    receiver, second = Receiver(), Receiver()
    receiver.fails_at = 5

    async with Stream(log, tmp_path, receiver) as stream:
        await until(lambda: stream.app.crashed)
    async with Stream(log, tmp_path, second) as stream:
        await stream.settle(second, RECORDS - 5)

    assert receiver.offsets(HEAD) == [0, 1, 2, 3, 4]
    assert second.offsets(HEAD) == list(range(5, RECORDS))


@both
async def test_a_full_buffer_puts_the_fetcher_to_sleep_for_a_second(
    log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fixed: bool
) -> None:
    if not fixed:
        monkeypatch.setattr(Consumer, "_wait_next_records", StockConsumer._wait_next_records)
    sleeps = Sleeps(monkeypatch, Consumer)
    await fill(log, FULL)
    receiver = Receiver()
    receiver.blocked[HEAD.topic] = asyncio.Event()

    async with Stream(log, tmp_path, receiver, topics=[HEAD.topic]) as stream:
        await until(lambda: stream.app.consumer._buffered_partitions == {TP(*HEAD)})
        if not fixed:
            await until(lambda: sleeps.whole)
        receiver.blocked[HEAD.topic].set()
        await stream.settle(receiver, FULL)

    assert bool(sleeps.whole) is not fixed
    assert receiver.offsets(HEAD) == list(range(FULL))


@both
async def test_every_record_costs_tasks_of_its_own(
    log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fixed: bool
) -> None:
    if not fixed:
        monkeypatch.setattr(Consumer, "_drain_messages", StockConsumer._drain_messages)
    await fill(log, MANY)
    receiver = Receiver()
    loop = asyncio.get_running_loop()
    made = 0

    def count(loop_: Any, coroutine: Any, **kwargs: Any) -> Any:
        nonlocal made
        made += 1
        return asyncio.Task(coroutine, loop=loop_, **kwargs)

    async with Stream(log, tmp_path, receiver) as stream:
        loop.set_task_factory(count)
        await stream.settle(receiver, MANY)
        loop.set_task_factory(None)

    assert (made < MANY) is fixed


@both
async def test_a_full_buffer_of_one_topic_holds_up_every_other(
    log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fixed: bool
) -> None:
    if not fixed:
        monkeypatch.setattr(Consumer, "_drain_messages", StockConsumer._drain_messages)
    spans = TopicPartition(SPANS.name, 0)
    await fill(log, MANY)
    receiver = Receiver()
    receiver.blocked[HEAD.topic] = asyncio.Event()

    async with Stream(log, tmp_path, receiver) as stream:
        (traces,) = stream.app.topics._topic_name_index[HEAD.topic]
        await until(traces.queue.full)
        await append_chunks(log, SPANS.name, {0: chunk(b"span")})
        if fixed:
            await until(lambda: receiver.offsets(spans) == [0])
        else:
            with pytest.raises(AssertionError, match="never came true"):
                await until(lambda: receiver.offsets(spans) == [0], timeout_s=0.5)
        receiver.blocked[HEAD.topic].set()
        await stream.settle(receiver, MANY + 1)

    assert receiver.offsets(HEAD) == list(range(MANY))


@both
async def test_the_start_sleeps_for_a_second(
    log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fixed: bool
) -> None:
    if not fixed:
        monkeypatch.setattr(NoTables, "on_start", TableManager.on_start)
    sleeps = Sleeps(monkeypatch, NoTables)
    waits = Sleeps(monkeypatch, Consumer)
    await append(log, b"first")
    receiver = Receiver()

    async with Stream(log, tmp_path, receiver) as stream:
        await stream.settle(receiver, 1)

    assert bool(sleeps.whole) is not fixed
    assert waits.whole == []


async def test_records_that_were_held_are_dropped_before_they_are_fetched_again(
    log: SqliteLog, tmp_path: Path
) -> None:
    await fill(log, MANY)
    receiver = Receiver()
    receiver.blocked[HEAD.topic] = asyncio.Event()

    async with Stream(log, tmp_path, receiver) as stream:
        consumer = stream.app.consumer
        await until(lambda: consumer._held)
        await consumer.perform_seek()
        assert not consumer._held
        receiver.blocked[HEAD.topic].set()
        # Those in the agent's buffer come twice.
        await until(lambda: set(receiver.offsets(HEAD)) == set(range(MANY)))

        assert list(dict.fromkeys(receiver.offsets(HEAD))) == list(range(MANY))


@both
def test_an_agent_is_looked_for_in_all_modules(
    monkeypatch: pytest.MonkeyPatch, fixed: bool
) -> None:
    looked: list[object] = []
    find = inspect.getframeinfo

    def noted(frame: Any) -> inspect.Traceback:
        looked.append(frame)
        return find(frame)

    monkeypatch.setattr(inspect, "getframeinfo", noted)
    monkeypatch.setattr(base, "venusian", venusian)
    if fixed:
        keep_from_discovery()
    app = faust.App("looked", broker="kafka://127.0.0.1:1", store="memory://")

    async def consume(stream: Any) -> None:
        """Takes nothing."""

    app.agent(app.topic("topic"), name="agent")(consume)

    assert bool(looked) is not fixed
