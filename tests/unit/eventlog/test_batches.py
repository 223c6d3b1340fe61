"""Which payloads share a record."""

from eventlog.batches import MAX_RECORD_ITEMS, Batch, encode, put
from eventlog.records import Chunk
from schemas.projects import ProjectId


def chunk(count: int) -> Chunk:
    return Chunk(ProjectId("p"), "test.beat", 1, [b"%d" % number for number in range(count)])


def test_a_record_that_is_made_already_is_shared_with_nobody() -> None:
    batches: list[Batch[str]] = []

    for value in (b"one", b"two"):
        put(batches, "sender", value)

    assert [encode([payload for _, payload in batch.parts]) for batch in batches] == [
        b"one",
        b"two",
    ]


def test_a_chunk_beyond_the_bounds_goes_into_records_of_its_sender_one_after_the_other() -> None:
    batches: list[Batch[str]] = []
    whole = chunk(2 * MAX_RECORD_ITEMS + 5)

    count = put(batches, "sender", whole)
    put(batches, "next", chunk(1))

    assert count == 3
    assert [[sender for sender, _ in batch.parts] for batch in batches] == [
        ["sender"],
        ["sender"],
        ["sender", "next"],
    ]
    parts = [payload for batch in batches for sender, payload in batch.parts if sender == "sender"]
    assert [item for part in parts if isinstance(part, Chunk) for item in part.items] == whole.items
