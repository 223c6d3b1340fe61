"""What whoever brings events asks of a log."""

from pathlib import Path

from eventlog import batches
from eventlog.log import TopicPartition
from eventlog.producer import Items, produce
from eventlog.records import Chunk, decode_chunks, partition_of
from eventlog.sqlite_log import SqliteLog
from schemas.kinds import SPAN, TRACE, Kind, Table
from schemas.projects import ProjectId

PROJECT = ProjectId("p")
GIVEN = Kind("beat", "test.beat", TRACE.topic, (Table("beats", "beat_id"),))
"""A kind whose items hold no id."""


def chunks(log: SqliteLog, partition: TopicPartition) -> list[Chunk]:
    found = log.read(partition, 0, 100, 1 << 20)
    return [chunk for record in found for chunk in decode_chunks(record.value or b"")]


async def test_items_of_several_kinds_and_topics_are_durable_together(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    mixed = [Items(TRACE, [b"t"], ["a"]), Items(SPAN, [b"s"], ["b"]), Items(GIVEN, [b"g"], ["c"])]

    offsets = await produce(log, PROJECT, mixed, 7, key_id="key")

    traces, spans = TopicPartition(TRACE.topic, 0), TopicPartition(SPAN.topic, 0)
    assert offsets == {traces: 0, spans: 0}
    assert chunks(log, traces) == [
        Chunk(PROJECT, TRACE.wire, 7, [b"t"], key_id="key"),
        Chunk(PROJECT, GIVEN.wire, 7, [b"g"], ids=["c"], key_id="key"),
    ]
    assert chunks(log, spans) == [Chunk(PROJECT, SPAN.wire, 7, [b"s"], key_id="key")]
    log.close()


async def test_each_item_goes_with_its_id_to_the_partition_of_that_id(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", partitions=4)
    ids = [f"id {number}" for number in range(50)]

    await produce(log, PROJECT, [Items(GIVEN, [one.encode() for one in ids], ids)], 7)

    for number in range(4):
        (chunk,) = chunks(log, TopicPartition(GIVEN.topic, number))
        assert [one.decode() for one in chunk.items] == chunk.ids
        assert {partition_of(PROJECT, one, 4) for one in chunk.ids} == {number}
    log.close()


async def test_no_items_are_no_record(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")

    assert await produce(log, PROJECT, [Items(TRACE, [], [])], 7) == {}
    assert log.stored_bytes == 0
    log.close()


def test_the_parts_of_a_large_chunk_keep_its_key_and_the_ids_of_their_items() -> None:
    ids = [str(number) for number in range(batches.MAX_RECORD_ITEMS * 2 + 5)]
    chunk = Chunk(PROJECT, GIVEN.wire, 7, [one.encode() for one in ids], ids=ids, key_id="key")

    parts = list(batches.split(chunk))

    assert [part.key_id for part in parts] == ["key"] * 3
    assert [one for part in parts for one in part.ids] == ids
    assert all([item.decode() for item in part.items] == part.ids for part in parts)
