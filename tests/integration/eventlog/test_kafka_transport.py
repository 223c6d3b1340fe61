"""What aiokafka keeps to itself ends the app: a worker that cannot go on must not look alive."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError
from faust.types import TP

from eventlog.log import TopicPartition
from tests.integration.eventlog.logs import HEAD, until
from tests.integration.eventlog.streams import TOPICS, Receiver, Stream
from tests.integration.eventlog.transports import PARTITIONS, KafkaTransport

# A crash leaves tasks of mode's threads behind, in a loop that is closed.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]

BUG = "a bug, or a database that says what nobody expected"


class Log(KafkaTransport):
    """Its holder fails, or does not answer, when it is told to."""

    fails_to_take = fails_to_let_go = False
    waits_to_take = waits_to_let_go = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()

    async def take(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Tells where to begin, or fails."""
        await self._do(self.fails_to_take, self.waits_to_take)
        return await super().take(partitions)

    async def let_go(self, partitions: Collection[TopicPartition]) -> None:
        """Has nothing in hand, or fails."""
        await self._do(self.fails_to_let_go, self.waits_to_let_go)

    def go_on(self) -> None:
        """Answers what was asked, and nothing that is asked later."""
        self.asked.clear()
        self.answer.set()
        self.answer.clear()

    async def _do(self, fails: bool, waits: bool) -> None:
        if fails:
            raise RuntimeError(BUG)
        if waits:
            self.asked.set()
            await self.answer.wait()


@pytest.fixture
def log(kafka: Any, tmp_path: Path) -> Log:
    return Log(kafka, tmp_path)


@asynccontextmanager
async def at_work(log: Log) -> AsyncIterator[Stream]:
    """Runs an app that has received what there is."""
    receiver = Receiver()
    await log.fill(5)
    async with log.stream(receiver) as stream:
        await until(lambda: receiver.count() == 5, 60)
        yield stream


def rejoin(stream: Stream) -> None:
    thread = stream.app.consumer._thread
    coordinator = thread._consumer._coordinator
    thread.thread_loop.call_soon_threadsafe(coordinator.request_rejoin)


async def test_a_first_taking_that_fails_ends_the_start(log: Log) -> None:
    log.fails_to_take = True

    async with asyncio.timeout(60), log.stream(Receiver()) as stream:
        assert stream.app.crashed


@pytest.mark.parametrize("failure", ["fails_to_take", "fails_to_let_go"])
async def test_a_holder_that_fails_ends_the_app(log: Log, failure: str) -> None:
    async with at_work(log) as stream:
        setattr(log, failure, True)
        rejoin(stream)

        await until(lambda: stream.app.crashed, 30)


@pytest.mark.parametrize("waiting", ["waits_to_take", "waits_to_let_go"])
async def test_a_stop_waits_for_no_rebalance_and_leaves_the_group(log: Log, waiting: str) -> None:
    async with at_work(log) as stream:
        setattr(log, waiting, True)
        rejoin(stream)
        await log.asked.wait()

        async with asyncio.timeout(20):
            await stream.app.stop()

        assert not stream.app.crashed
        assert log.members() == 0


async def test_a_late_start_of_the_flow_delivers_nothing_that_is_not_taken_yet(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faust starts it when an assignment's beginning has ended, and the partitions may be gone."""
    receiver = Receiver()
    for topic, partition in product(TOPICS, range(PARTITIONS)):
        await log.fill(1, topic, partition)
    async with log.stream(receiver) as stream:
        await until(lambda: receiver.count() == 6, 60)
        app, asked, fetch = stream.app, [], stream.app.consumer._getmany

        async def count(**wanted: object) -> object:
            asked.append(receiver.count())
            return await fetch(**wanted)

        # Where aiokafka goes on until it is told otherwise.
        await stream.app.consumer.commit()
        log.waits_to_let_go = True
        rejoin(stream)
        await log.asked.wait()
        await app.tables.recovery._resume_streams(app.consumer_generation_id)
        await log.fill(3)
        monkeypatch.setattr(app.consumer, "_getmany", count)
        log.waits_to_let_go, log.waits_to_take = False, True
        log.go_on()
        await log.asked.wait()

        await until(lambda: len(asked) > 5, 30)
        assert set(asked) == {6}
        log.go_on()
        await until(lambda: receiver.count() == 9, 30)


async def test_a_record_that_is_not_the_next_one_ends_the_app(log: Log) -> None:
    """As where those before it were fetched, and went to nobody."""
    async with at_work(log) as stream:
        (place,) = (one for one, due in stream.app.consumer._read_offset.items() if due == 5)
        stream.app.consumer._read_offset[place] = 4
        await log.fill(1)

        await until(lambda: stream.app.crashed, 30)


async def test_who_takes_long_to_take_is_kept_in_the_group(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    beaten, beat = [], GroupCoordinator._do_heartbeat

    async def count(self: GroupCoordinator) -> bool:
        beaten.append(await beat(self))
        return bool(beaten[-1])

    monkeypatch.setattr(GroupCoordinator, "_do_heartbeat", count)
    async with at_work(log) as stream:
        log.waits_to_take = True
        rejoin(stream)
        await log.asked.wait()
        beaten.clear()

        await until(lambda: beaten.count(True) == 3, 30)

        assert log.members() == 1
        log.answer.set()


@pytest.mark.parametrize("name", ["_do_rejoin_group", "_do_heartbeat"])
async def test_an_error_that_aiokafka_only_notes_down_ends_the_app_though_nothing_is_fetched(
    log: Log, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def fail(*_: object) -> None:
        raise KafkaError("an answer that aiokafka does not know")

    async with at_work(log) as stream:
        stream.app.consumer.stop_flow()
        stream.app.flow_control.suspend()
        # The fetch that was under way would be told, and hears of it no more when it has ended.
        fetcher = stream.app.consumer._thread._consumer._fetcher
        await until(lambda: not fetcher._fetch_waiters, 30)
        monkeypatch.setattr(GroupCoordinator, name, fail)
        if name == "_do_rejoin_group":
            rejoin(stream)

        await until(lambda: stream.app.crashed, 30)


async def test_what_is_stored_is_told_to_the_tools_of_kafka_and_nothing_beyond(log: Log) -> None:
    receiver = Receiver(stores=False)
    await log.fill(5)
    async with log.stream(receiver) as stream:
        await until(lambda: receiver.count() == 5, 60)
        receiver.stored[HEAD] |= {0, 1, 3}

        assert await stream.app.consumer.commit()
        assert log.committed(HEAD) == 2
        receiver.stored[HEAD] |= {2, 4}

    assert log.committed(HEAD) == 5


async def test_a_commit_of_nothing_that_is_still_ours_is_no_failure(log: Log) -> None:
    async with at_work(log) as stream:
        assert await stream.app.consumer._thread.commit({TP("nobody's", 0): 5})
        assert not stream.app.crashed
