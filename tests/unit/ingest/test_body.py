import asyncio
import gzip
import random
import zlib
from collections.abc import AsyncIterator, Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ingest.body import MAX_MEMBERS, BodyBudget, BodyLimits, Incoming, read_body
from ingest.rejections import BadJson, TooLarge, TooManyBodies, TooSlow, UnknownEncoding
from ingest.workers import Workers
from schemas.projects import ProjectId

ONE, OTHER = ProjectId("one"), ProjectId("other")
LIMITS = BodyLimits(max_wire_bytes=1 << 20, max_inflated_bytes=4 << 20, max_total_bytes=8 << 20)


def raw_deflate(data: bytes) -> bytes:
    codec = zlib.compressobj(wbits=-15)
    return codec.compress(data) + codec.flush()


def two_members(data: bytes) -> bytes:
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(data[half:])


def two_frames(data: bytes) -> bytes:
    half = len(data) // 2
    return zstandard.compress(data[:half]) + zstandard.compress(data[half:])


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
    ("zstd", two_frames),
]
COMPRESSED = [codec for codec in CODECS if codec[0] not in (None, "identity")]


async def pieces(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def read(data: bytes, encoding: str | None, budget: BodyBudget, size: int = 65_536) -> bytes:
    return await read_body(ONE, Incoming(pieces(data, size), encoding, None), budget, Workers())


@pytest.mark.parametrize(("encoding", "compress"), COMPRESSED)
async def test_a_bomb_is_stopped_at_the_bound_and_costs_nothing_afterwards(
    encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    budget = BodyBudget(LIMITS)
    bomb = compress(b"0" * (64 << 20))

    with pytest.raises(TooLarge, match="4194304 when inflated"):
        await read(bomb, encoding, budget)

    budget.take(ONE, LIMITS.max_project_bytes)  # everything was given back


async def test_a_body_is_too_large_by_its_announced_length_before_a_byte_is_read() -> None:
    async def untouched() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    announced = Incoming(untouched(), None, str(LIMITS.max_wire_bytes + 1))

    with pytest.raises(TooLarge, match="at most 1048576 on the wire"):
        await read_body(ONE, announced, BodyBudget(LIMITS), Workers())


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


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstandard.compress)]
)
async def test_a_body_has_a_bounded_number_of_members(
    encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    member = compress(b"")

    assert await read(member * MAX_MEMBERS, encoding, BodyBudget(LIMITS)) == b""
    with pytest.raises(BadJson, match="Invalid JSON body"):
        await read(member * (MAX_MEMBERS + 1), encoding, BodyBudget(LIMITS))


@pytest.mark.parametrize(("encoding", "compress"), COMPRESSED)
async def test_a_body_that_repeats_itself_is_accepted_up_to_the_bound(
    encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    plain = b"0" * LIMITS.max_inflated_bytes

    assert await read(compress(plain), encoding, BodyBudget(LIMITS)) == plain


@pytest.mark.parametrize("encoding", ["compress", "lz4", "gzip, br", "x" * 100])
async def test_an_encoding_that_we_do_not_speak_is_named(encoding: str) -> None:
    with pytest.raises(UnknownEncoding, match="expected gzip, deflate, br or zstd"):
        await read(b"[]", encoding, BodyBudget(LIMITS))


async def test_beyond_the_memory_set_aside_a_request_is_told_to_come_again() -> None:
    budget = BodyBudget(LIMITS)
    for number in range(2):
        budget.take(ProjectId(f"p{number}"), LIMITS.max_total_bytes // 2)

    with pytest.raises(TooManyBodies) as refused:
        await read(b"[]", None, budget)

    assert refused.value.retry_after_s >= 1
    assert (refused.value.outcome, refused.value.reason) == ("overloaded", "bodies_in_hand")


async def test_how_much_others_send_is_not_told() -> None:
    budget = BodyBudget(LIMITS)
    for number in range(2):
        budget.take(ProjectId(f"p{number}"), LIMITS.max_total_bytes // 2)

    with pytest.raises(TooManyBodies) as refused:
        budget.take(ONE, 1)

    assert not any(character.isdigit() for character in refused.value.message)


async def test_a_project_that_has_its_share_in_hand_leaves_the_rest_to_others() -> None:
    budget = BodyBudget(LIMITS)
    budget.take(ONE, LIMITS.max_project_bytes)

    with pytest.raises(TooManyBodies, match="of this project"):
        budget.take(ONE, 1)
    budget.take(OTHER, LIMITS.max_project_bytes)
    budget.give_back(ONE, 1)
    budget.take(ONE, 1)


@pytest.mark.parametrize(
    ("inflated", "total", "share"), [(64, 256, 64), (10, 256, 64), (64, 100, 64), (64, 20, 20)]
)
def test_a_share_is_a_quarter_or_the_largest_body_allowed(
    inflated: int, total: int, share: int
) -> None:
    limits = BodyLimits(max_inflated_bytes=inflated, max_total_bytes=total)

    assert limits.max_project_bytes == share


async def test_a_body_that_does_not_end_is_given_up_and_its_bytes_given_back() -> None:
    async def halted() -> AsyncIterator[bytes]:
        yield b"[" * 1000
        await asyncio.Event().wait()

    budget = BodyBudget(BodyLimits(grace_s=0.05))

    with pytest.raises(TooSlow, match="1000 bytes came in time"):
        async with asyncio.timeout(10):
            await read_body(ONE, Incoming(halted(), None, None), budget, Workers())

    budget.take(ONE, budget.limits.max_project_bytes)


async def test_a_body_may_take_longer_the_more_of_it_has_come() -> None:
    async def steady() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b" " * 1000
            await asyncio.sleep(0.05)

    budget = BodyBudget(BodyLimits(grace_s=0.1, least_bytes_per_s=100))

    assert len(await read_body(ONE, Incoming(steady(), None, None), budget, Workers())) == 6000


@pytest.mark.parametrize(("encoding", "compress"), CODECS)
@given(data=st.binary(max_size=5_000), size=st.integers(1, 700))
async def test_any_body_in_any_pieces_comes_out_as_it_was(
    encoding: str | None, compress: Callable[[bytes], bytes], data: bytes, size: int
) -> None:
    assert await read(compress(data), encoding, BodyBudget(LIMITS), size) == data
