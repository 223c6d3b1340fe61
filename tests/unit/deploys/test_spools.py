"""What an app prints, written and read: whole lines, in order, bounded."""

import random
from pathlib import Path

import pytest

from deploys.supervision.spools import (
    MAX_LINE_BYTES,
    Chunk,
    Cursor,
    SpoolWriter,
    erase,
    last_lines,
    read,
)
from tests.e2e.seeds import SEED

START = Cursor()


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "spool")


def writer(folder: str, *, max_file_bytes: int = 1 << 20, max_files: int = 4) -> SpoolWriter:
    return SpoolWriter(folder, max_file_bytes=max_file_bytes, max_files=max_files)


def read_all(folder: str, cursor: Cursor = START, max_bytes: int = 1 << 20) -> list[Chunk]:
    found = []
    while (reading := read(folder, cursor, max_bytes=max_bytes)).chunks:
        found += reading.chunks
        cursor = reading.cursor
    return found


def test_each_line_has_its_time_and_its_stream(folder: str) -> None:
    spool = writer(folder)
    spool.write("stdout", b"one\ntwo\n", at_us=5, now_s=0)
    spool.write("stderr", b"three\n", at_us=7, now_s=0)

    assert read_all(folder) == [
        Chunk(5, "stdout", b"one\n"),
        Chunk(5, "stdout", b"two\n"),
        Chunk(7, "stderr", b"three\n"),
    ]


def test_a_line_that_comes_in_pieces_is_one(folder: str) -> None:
    spool = writer(folder)
    spool.write("stdout", b"he", at_us=1, now_s=0)
    spool.write("stderr", b"other\n", at_us=2, now_s=0)
    spool.write("stdout", b"llo\n", at_us=3, now_s=0)

    assert read_all(folder) == [Chunk(2, "stderr", b"other\n"), Chunk(3, "stdout", b"hello\n")]


def test_an_unfinished_line_is_given_out_after_a_while(folder: str) -> None:
    spool = writer(folder)
    spool.write("stdout", b"name? ", at_us=1, now_s=10.0)

    spool.flush(at_us=2, now_s=10.1)
    assert read_all(folder) == []
    spool.flush(at_us=3, now_s=10.3)
    spool.write("stdout", b"Ann\n", at_us=4, now_s=11.0)

    assert read_all(folder) == [Chunk(3, "stdout", b"name? "), Chunk(4, "stdout", b"Ann\n")]
    assert not spool.waits()


def test_a_long_line_becomes_pieces(folder: str) -> None:
    line = b"x" * (3 * MAX_LINE_BYTES + 5)
    spool = writer(folder)
    spool.write("stdout", line, at_us=1, now_s=0)
    spool.write("stdout", b"\nnext\n", at_us=2, now_s=0)

    chunks = read_all(folder)

    assert b"".join(chunk.content for chunk in chunks) == line + b"\nnext\n"
    assert max(len(chunk.content) for chunk in chunks) <= MAX_LINE_BYTES + 1


def test_any_bytes_come_back_as_they_were(folder: str) -> None:
    source = random.Random(SEED)
    spool = writer(folder, max_file_bytes=2000, max_files=10_000)
    printed = {"stdout": b"", "stderr": b""}
    for at_us in range(500):
        stream = source.choice(["stdout", "stderr"])
        content = bytes(source.choices([*b"ab \r\x00\xff", 10], k=source.randrange(0, 400)))
        printed[stream] += content
        spool.write(stream, content, at_us=at_us, now_s=at_us / 10)  # type: ignore[arg-type]
        spool.flush(at_us=at_us, now_s=at_us / 10)
    spool.flush(at_us=500, now_s=None)

    chunks = read_all(folder, max_bytes=source.randrange(20_000, 60_000))

    for stream in ("stdout", "stderr"):
        assert b"".join(c.content for c in chunks if c.stream == stream) == printed[stream]
    assert [chunk.at_us for chunk in chunks] == sorted(chunk.at_us for chunk in chunks)


def test_the_oldest_goes_first_and_a_reader_is_told(folder: str) -> None:
    spool = writer(folder, max_file_bytes=100, max_files=3)
    spool.write("stdout", b"first\n", at_us=1, now_s=0)
    behind = read(folder, Cursor())
    for number in range(100):
        spool.write("stdout", b"line %d\n" % number, at_us=number, now_s=0)

    reading = read(folder, behind.cursor)

    assert len(list(Path(folder).iterdir())) == 3
    assert reading.has_lost
    assert not read(folder, reading.cursor).has_lost
    assert read_all(folder)[-1].content == b"line 99\n"


def test_a_reader_goes_on_where_it_was_also_in_a_spool_that_was_opened_anew(folder: str) -> None:
    first = writer(folder)
    first.write("stdout", b"one\n", at_us=1, now_s=0)
    cursor = read(folder, Cursor()).cursor
    first.close()
    second = writer(folder)
    second.write("stdout", b"two\n", at_us=2, now_s=0)

    assert read_all(folder, cursor) == [Chunk(2, "stdout", b"two\n")]


def test_half_a_record_is_left_for_later(folder: str) -> None:
    writer(folder).close()
    path = Path(folder) / "00000001.spool"
    path.write_bytes(b"1 o whole\n2 o ha")

    reading = read(folder, Cursor())
    path.write_bytes(b"1 o whole\n2 o half\n")

    assert [chunk.content for chunk in reading.chunks] == [b"whole\n"]
    assert read_all(folder, reading.cursor) == [Chunk(2, "stdout", b"half\n")]


def test_the_last_lines_are_text(folder: str) -> None:
    spool = writer(folder, max_file_bytes=100)
    for number in range(20):
        spool.write("stdout", b"line %d\n" % number, at_us=number, now_s=0)
    spool.write("stdout", b"\xff end", at_us=30, now_s=0)
    spool.flush(at_us=31, now_s=None)

    assert last_lines(read_all(folder), 3) == ["line 18", "line 19", "\ufffd end"]
    assert last_lines([], 3) == []


def test_what_was_read_is_erased_and_what_was_not_stays(folder: str) -> None:
    spool = writer(folder, max_file_bytes=100, max_files=100)
    for number in range(30):
        spool.write("stdout", b"secret %d\n" % number, at_us=number, now_s=0)
    place = read(folder, Cursor()).cursor
    for _ in range(2):
        place = read(folder, place, max_bytes=60).cursor
    rest = read_all(folder, place)
    assert rest

    erase(folder, Cursor(), place)
    erase(folder, place, place)
    spool.write("stdout", b"new\n", at_us=40, now_s=0)

    assert read_all(folder, place) == [*rest, Chunk(40, "stdout", b"new\n")]
    held = b"".join(path.read_bytes() for path in Path(folder).iterdir())
    assert held.count(b"secret") == len(rest)
    lost = read(folder, Cursor())
    assert lost.chunks == []
    assert read_all(folder, lost.cursor)[-1].content == b"new\n"
