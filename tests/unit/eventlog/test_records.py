import contextlib
import random
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
import zstandard

from eventlog import records
from eventlog.records import (
    Chunk,
    RecordDamaged,
    Refusal,
    decode_chunks,
    decode_dead,
    decode_refusals,
    encode_chunks,
    encode_refusals,
    pack_chunk,
    partition_of,
)
from schemas.projects import ProjectId

PROJECT = ProjectId("p1")
MINUTE_NS = 60_000_000_000


def refusal(at_ns: int, count: int = 1, reason: str = "size") -> Refusal:
    return Refusal(PROJECT, "trace", "invalid", reason, at_ns, count)


@pytest.mark.parametrize("decode", [decode_chunks, decode_refusals, decode_dead])
@pytest.mark.parametrize("value", [b"", b"\0", b"not a record", bytes(1_000)])
def test_bytes_that_are_no_record_are_damage(decode: object, value: bytes) -> None:
    assert callable(decode)
    with pytest.raises(RecordDamaged):
        decode(value)


def test_a_damaged_record_leaves_those_behind_it_whole_in_every_thread() -> None:
    chunks = [Chunk(PROJECT, "pulse.trace", n, [b"%d" % n * 500]) for n in range(200)]

    def round_trip(chunk: Chunk) -> list[Chunk]:
        value = encode_chunks([chunk])
        with pytest.raises(RecordDamaged):
            decode_chunks(value[:-20] + bytes(20))
        return decode_chunks(value)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(round_trip, chunks)) == [[chunk] for chunk in chunks]


@pytest.mark.parametrize("seed", range(50))
def test_a_damaged_record_is_told_or_decodes_but_never_fails_otherwise(seed: int) -> None:
    rng = random.Random(seed)
    value = bytearray(encode_chunks([Chunk(PROJECT, "pulse.trace", 1, [b"{}" * 50])]))
    value[rng.randrange(len(value))] ^= 1 << rng.randrange(8)

    with contextlib.suppress(RecordDamaged):
        decode_chunks(bytes(value))


def test_a_record_of_another_kind_is_damage() -> None:
    with pytest.raises(RecordDamaged):
        decode_chunks(encode_refusals([refusal(1)]))


def test_a_record_of_a_later_version_is_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "ENVELOPE_VERSION", 2)
    later = encode_chunks([])
    monkeypatch.undo()

    with pytest.raises(RecordDamaged, match="version 2"):
        decode_chunks(later)


def test_items_come_back_as_the_bytes_they_were() -> None:
    chunk = Chunk(PROJECT, "pulse.trace", 7, [b'{"a": 1.0}', b"", b"\xff\0"], "dead:1")

    assert decode_chunks(encode_chunks([chunk, chunk])) == [chunk, chunk]


def test_refusals_are_summed_within_a_minute_and_by_everything_else() -> None:
    sent = [refusal(1), refusal(2, 4), refusal(MINUTE_NS), refusal(3, reason="shape")]

    summed = decode_refusals(encode_refusals(sent))

    assert sorted((r.received_at_ns // MINUTE_NS, r.reason, r.count) for r in summed) == [
        (0, "shape", 1),
        (0, "size", 5),
        (1, "size", 1),
    ]


def test_a_resent_event_meets_its_own_partition_and_a_project_meets_them_all() -> None:
    ids = [f"event-{n}" for n in range(500)]

    first = [partition_of(PROJECT, one, 8) for one in ids]

    assert first == [partition_of(PROJECT, one, 8) for one in ids]
    assert set(first) == set(range(8))


def test_a_reader_from_before_keys_were_kept_reads_a_record_that_has_them() -> None:
    class Before(msgspec.Struct, array_like=True):
        project_id: str
        wire: str
        received_at_ns: int
        items: list[bytes]
        dead_ref: str = ""
        ids: list[str] = []

    sent = Chunk(PROJECT, "pulse.trace", 7, [b"{}"], ids=["a"], key_id="key")
    packed = pack_chunk(sent)

    read = msgspec.msgpack.decode(packed.value, type=Before)

    assert (read.items, read.ids) == ([b"{}"], ["a"])
    assert decode_chunks(encode_chunks([packed])) == [sent]


def test_a_record_from_before_the_edge_gave_ids_is_read() -> None:
    old = [1, [["p1", "pulse.trace", 7, [b"{}"], "dead:1"]]]

    (chunk,) = decode_chunks(zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(old)))

    assert chunk == Chunk(PROJECT, "pulse.trace", 7, [b"{}"], "dead:1", [])
