"""Dead letters in Kafka: kept under their names, sent again once, gone with their project."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException

from eventlog.dead_letters import AlreadyReplayed, Replacement, UnknownDeadLetter
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_dead import KafkaDeadLetters
from eventlog.kafka_put import RecordWriter
from eventlog.log import LogError, LogUnavailable, TopicPartition
from eventlog.records import DeadLetter, decode_chunks, partition_of
from schemas.kinds import TRACES
from schemas.projects import ProjectId
from tests.integration.eventlog.kafka_logs import items_in, made, own_address, stored
from tests.integration.eventlog.logs import PROJECT, dead_letter

PARTITIONS = 3


@pytest.fixture
def address(kafka: Any) -> KafkaAddress:
    found = own_address(kafka)
    made(found, PARTITIONS)
    return found


@pytest.fixture
def box(address: KafkaAddress) -> Iterator[KafkaDeadLetters]:
    with KafkaDeadLetters(address, settle_s=1.0) as opened:
        yield opened


class LateReader:
    """A consumer whose first questions for offsets are answered with errors."""

    def __init__(self, reader: Consumer, answers: list[KafkaException]) -> None:
        self._reader = reader
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def get_watermark_offsets(self, *place: Any) -> Any:
        if self._answers:
            raise self._answers.pop()
        return self._reader.get_watermark_offsets(*place)


def replacement(body: bytes = b"corrected") -> Replacement:
    return Replacement(PROJECT, "pulse.trace", body, "t1")


def all_items(address: KafkaAddress) -> list[bytes]:
    return [
        item
        for number in range(PARTITIONS)
        for item in items_in(address, TopicPartition(TRACES.name, number))
    ]


def of_project(one: DeadLetter, project_id: str) -> DeadLetter:
    return msgspec.structs.replace(one, project_id=ProjectId(project_id))


async def test_an_unknown_dead_letter_is_said_to_be_unknown(box: KafkaDeadLetters) -> None:
    with pytest.raises(UnknownDeadLetter):
        box.find("nothing")
    assert box.summaries() == []


async def test_a_broker_that_leads_no_more_is_asked_again(
    box: KafkaDeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one answers while a topic is being made, or another broker takes over."""
    await box.append([dead_letter("a")])
    answers = [KafkaException(KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION))] * 2
    reader = LateReader(box._reader.client(), answers)
    monkeypatch.setattr(box._reader, "_client", reader)

    assert [one.ref for one in box.summaries()] == ["a"]
    assert not answers


async def test_dead_letters_are_found_again_by_another_process_in_their_order(
    address: KafkaAddress, box: KafkaDeadLetters
) -> None:
    await box.append([dead_letter("b", b"two"), dead_letter("a")])
    await box.append([dead_letter("c")])

    with KafkaDeadLetters(address) as other:
        summaries = other.summaries()
        found = other.find("b")

    assert [(one.ref, one.replayed) for one in summaries] == [
        ("b", False),
        ("a", False),
        ("c", False),
    ]
    assert summaries[0].body_bytes == 3
    assert found == dead_letter("b", b"two")


async def test_a_dead_letter_that_is_kept_again_is_one_dead_letter(box: KafkaDeadLetters) -> None:
    await box.append([dead_letter("a"), dead_letter("b")])
    box.replay(dead_letter("a"), replacement())

    await box.append([dead_letter("a")])

    assert [(one.ref, one.replayed) for one in box.summaries()] == [("a", True), ("b", False)]


async def test_a_dead_letter_is_replayed_into_its_ids_partition_with_its_name_and_time(
    address: KafkaAddress, box: KafkaDeadLetters
) -> None:
    await box.append([dead_letter("a")])

    box.replay(box.find("a"), replacement())

    partition = TopicPartition(TRACES.name, partition_of(PROJECT, "t1", PARTITIONS))
    (record,) = stored(address, partition)
    (chunk,) = decode_chunks(record.value or b"")
    assert (chunk.items, chunk.dead_ref, chunk.received_at_ns) == ([b"corrected"], "a", 1)
    assert [one.replayed for one in box.summaries()] == [True]


async def test_a_dead_letter_is_replayed_once_by_whoever_comes_first(
    address: KafkaAddress, box: KafkaDeadLetters
) -> None:
    await box.append([dead_letter("a")])

    def attempt() -> str:
        with KafkaDeadLetters(address, settle_s=3.0) as other:
            try:
                other.replay(dead_letter("a"), replacement())
            except AlreadyReplayed:
                return "refused"
            return "replayed"

    answers = await asyncio.gather(*(asyncio.to_thread(attempt) for _ in range(4)))

    assert sorted(answers) == ["refused", "refused", "refused", "replayed"]
    assert all_items(address) == [b"corrected"]
    with pytest.raises(AlreadyReplayed):
        box.replay(dead_letter("a"), replacement())


@pytest.mark.parametrize("writes_before_death", [1, 2])
async def test_a_replay_that_was_killed_is_ended_by_the_next(
    address: KafkaAddress,
    box: KafkaDeadLetters,
    monkeypatch: pytest.MonkeyPatch,
    writes_before_death: int,
) -> None:
    """After its claim, or after its item: either way the item is there once."""
    await box.append([dead_letter("a")])
    put = RecordWriter.put
    left = writes_before_death

    def dying_put(self: RecordWriter, puts: Any) -> list[int]:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return put(self, puts)

    with monkeypatch.context() as patched:
        patched.setattr(RecordWriter, "put", dying_put)
        with pytest.raises(KeyboardInterrupt):
            box.replay(dead_letter("a"), replacement())

    with KafkaDeadLetters(address, settle_s=0.5) as other:
        try:
            other.replay(dead_letter("a"), replacement())
        except AlreadyReplayed:
            assert writes_before_death == 2
        assert [one.replayed for one in other.summaries()] == [True]

    assert all_items(address) == [b"corrected"]


async def test_a_dead_letter_is_discarded_once_and_can_still_be_replayed(
    address: KafkaAddress, box: KafkaDeadLetters
) -> None:
    await box.append([dead_letter("a"), dead_letter("b")])

    discarded = box.discard(["a", "unknown"]), box.discard(["a"])

    with KafkaDeadLetters(address) as other:
        assert [one.waits for one in other.summaries()] == [False, True]
        other.replay(dead_letter("a"), replacement())
        await other.purge({PROJECT})
        await other.append([dead_letter("a")])
        assert [one.waits for one in other.summaries()] == [True]
    assert discarded == (1, 0)
    assert all_items(address) == [b"corrected"]


async def test_the_dead_letters_of_a_project_go_with_it(
    address: KafkaAddress, box: KafkaDeadLetters
) -> None:
    await box.append([dead_letter("a"), of_project(dead_letter("b"), "p2"), dead_letter("c")])
    box.replay(dead_letter("a"), replacement())

    await box.purge({PROJECT})

    with KafkaDeadLetters(address) as other:
        for each in (box, other):
            assert [one.ref for one in each.summaries()] == ["b"]
            with pytest.raises(UnknownDeadLetter):
                each.find("a")


async def test_a_long_dead_letter_is_kept(box: KafkaDeadLetters) -> None:
    body = bytes(range(256)) * (1 << 14)
    await box.append([dead_letter("long", body)])

    assert box.find("long").body == body


@pytest.mark.slow
async def test_a_cluster_that_is_away_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventlog.kafka_dead_topic.ANSWER_S", 1.0)
    with KafkaDeadLetters(KafkaAddress(("127.0.0.1:9",))) as box:
        with pytest.raises(LogUnavailable):
            box.summaries()
        with pytest.raises(LogError):
            await box.append([dead_letter("a")])
