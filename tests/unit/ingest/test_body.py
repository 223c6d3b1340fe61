import gzip
import random
import zlib
from collections.abc import AsyncIterator, Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ingest.body import BodyBudget, BodyLimits, read_body
from ingest.errors import BadJson, Overloaded, TooLarge, UnknownEncoding

LIMITS = BodyLimits(max_wire_bytes=1 << 20, max_inflated_bytes=4 << 20, max_total_bytes=8 << 20)


def raw_deflate(data: bytes) -> bytes:
    codec = zlib.compressobj(wbits=-15)
    return codec.compress(data) + codec.flush()


def two_members(data: bytes) -> bytes:
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(data[half:])


CODECS: list[tuple[str | None, Callable[[bytes], bytes]]] = [
    (None, bytes),
    ("identity", bytes),
    ("gzip", gzip.compress),
    ("GZIP", gzip.compress),
    ("gzip", two_members),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("br", brotli.compress),
    ("zstd", zstandard.ZstdCompressor().compress),
]
COMPRESSED = [codec for codec in CODECS if codec[0] not in (None, "identity")]


async def pieces(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def read(data: bytes, encoding: str | None, budget: BodyBudget, size: int = 65_536) -> bytes:
    return await read_body(pieces(data, size), encoding, None, budget)


@pytest.mark.parametrize(("encoding", "compress"), COMPRESSED)
async def test_a_bomb_is_stopped_at_the_bound_and_costs_nothing_afterwards(
    encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    budget = BodyBudget(LIMITS)
    bomb = compress(b"0" * (64 << 20))

    with pytest.raises(TooLarge, match="4194304 when inflated"):
        await read(bomb, encoding, budget)

    budget.take(LIMITS.max_total_bytes)  # everything was given back


async def test_a_body_is_too_large_by_its_announced_length_before_a_byte_is_read() -> None:
    async def untouched() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    with pytest.raises(TooLarge, match="at most 1048576 on the wire"):
        await read_body(untouched(), None, str(LIMITS.max_wire_bytes + 1), BodyBudget(LIMITS))


async def test_a_body_without_a_length_is_too_large_as_soon_as_it_is() -> None:
    with pytest.raises(TooLarge, match="on the wire"):
        await read(b"0" * (LIMITS.max_wire_bytes + 1), None, BodyBudget(LIMITS))


@pytest.mark.parametrize(("encoding", "compress"), COMPRESSED)
async def test_data_that_ends_early_is_bad_json(
    encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    noise = random.Random(5).randbytes(10_000)
    cut = compress(noise)[:-9]

    with pytest.raises(BadJson, match="Invalid JSON body"):
        await read(cut, encoding, BodyBudget(LIMITS))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_garbage_is_bad_json(encoding: str) -> None:
    with pytest.raises(BadJson, match="Invalid JSON body"):
        await read(b"\xff\xfe\xfd garbage", encoding, BodyBudget(LIMITS))


@pytest.mark.parametrize("encoding", ["compress", "gzip, br", "x" * 100])
async def test_an_encoding_that_we_do_not_speak_is_named(encoding: str) -> None:
    with pytest.raises(UnknownEncoding, match="expected gzip, deflate, br or zstd"):
        await read(b"[]", encoding, BodyBudget(LIMITS))


async def test_beyond_the_memory_set_aside_a_request_is_told_to_come_again() -> None:
    budget = BodyBudget(LIMITS)
    budget.take(LIMITS.max_total_bytes)

    with pytest.raises(Overloaded) as refused:
        await read(b"[]", None, budget)

    assert refused.value.retry_after_s >= 1


@pytest.mark.parametrize(("encoding", "compress"), CODECS)
@given(data=st.binary(max_size=5_000), size=st.integers(1, 700))
async def test_any_body_in_any_pieces_comes_out_as_it_was(
    encoding: str | None, compress: Callable[[bytes], bytes], data: bytes, size: int
) -> None:
    assert await read(compress(data), encoding, BodyBudget(LIMITS), size) == data
