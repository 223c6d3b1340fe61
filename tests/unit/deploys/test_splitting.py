"""Lines are the same however their bytes are cut on their way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploys.lines.splitting import LineSplitter, RawLine

KEEP = 40


def lines_of(*chunks: bytes, keep: int = KEEP) -> list[bytes]:
    splitter = LineSplitter(keep)
    found = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [line.body for line in [*found, *splitter.flush()]]


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"one\ntwo\n"], [b"one", b"two"]),
        ([b"on", b"e\nt", b"wo\n"], [b"one", b"two"]),
        ([b"one\n\n\ntwo"], [b"one", b"", b"", b"two"]),
        ([b"one\r\ntwo\r", b"\n", b"three\r\r\n"], [b"one", b"two", b"three"]),
        ([b"10%\r50%\r100%\ndone\n"], [b"100%", b"done"]),
        ([b"10%\r", b"50%\r", b"100%", b"\n"], [b"100%"]),
        ([b"10%\r\r50%\r"], [b"50%"]),
        ([b"\n"], [b""]),
        ([b""], []),
        ([b"\r"], []),
    ],
)
def test_what_ends_a_line(chunks: list[bytes], lines: list[bytes]) -> None:
    assert lines_of(*chunks) == lines


@given(
    st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\xc3\xa4", b"x" * 30, b"b c"])),
    st.randoms(use_true_random=False),
)
def test_any_cutting_gives_the_same_lines(parts: list[bytes], chance: object) -> None:
    text = b"".join(parts)
    choose = getattr(chance, "randint")  # noqa: B009 - hypothesis' own Random
    places = sorted(choose(0, len(text)) for _ in range(choose(0, 10)))
    chunks = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]

    assert lines_of(*chunks) == lines_of(text)


def test_of_a_long_line_the_beginning_is_kept_and_its_size() -> None:
    splitter = LineSplitter(4)

    assert splitter.feed(b"123456789\nabcd\n") == [RawLine(b"1234", 9), RawLine(b"abcd", 4)]


def test_a_line_without_an_end_takes_no_memory() -> None:
    splitter = LineSplitter(10)

    for _ in range(100):
        assert splitter.feed(b"x" * 10_000) == []

    (line,) = splitter.flush()
    assert line == RawLine(b"x" * 10, 1_000_000)


def test_what_is_held_back_begins_the_next_line() -> None:
    splitter = LineSplitter(KEEP)
    splitter.feed(b"Password: sec")

    assert splitter.flush(lambda _: 3) == [RawLine(b"Password: ", 10)]
    assert splitter.flush(lambda _: 3) == []
    assert splitter.feed(b"ret\n") == [RawLine(b"secret", 6)]


@pytest.mark.parametrize("character", ["ä", "€", "😀"])
def test_a_character_is_not_parted_by_what_does_not_wait(character: str) -> None:
    encoded = character.encode()
    for cut in range(1, len(encoded)):
        splitter = LineSplitter(KEEP)
        splitter.feed(b"is " + encoded[:cut])

        assert [line.body for line in splitter.flush()] == [b"is "]
        assert [line.body for line in splitter.feed(encoded[cut:] + b"\n")] == [encoded]
    splitter = LineSplitter(KEEP)
    splitter.feed(b"is " + encoded)
    assert [line.body for line in splitter.flush()] == [b"is " + encoded]
