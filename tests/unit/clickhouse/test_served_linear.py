"""Whatever a request holds is read in time by its length: twice as much costs 2.5 times at most.

Of URLs 2.83 times.
"""

import gzip
import math
import random
import time
import zlib
from collections.abc import Callable
from contextlib import suppress

import brotli
import lz4.frame
import pytest
import zstandard

from clickhouse.served.asks import Ask, read_ask
from clickhouse.served.bodies import Bodies
from clickhouse.served.checks import check, refuse_functions
from clickhouse.served.codings import MAX_MEMBERS, inflate
from clickhouse.served.errors import EngineError
from clickhouse.served.opening import READERS_BODY_BYTES
from clickhouse.served.rights import MAY_SET, Rights
from clickhouse.served.statements import MAX_HEAD_BYTES, read_statement
from sluice.warehouse_node import REQUEST_HEAD_BYTES

pytestmark = pytest.mark.alone

MOST_TIMES = 2.5
MOST_TIMES_OF_URLS = 2.83
"""The standard library makes an object of each escape: those of a whole URL take memory that the
kernel has to give anew each time, 40 % of the time; those of a quarter take what Python has kept.
Without the kernel's part four times as much takes 4.1 times as long, with it 6.2 to 6.5. By the
square of the length it would be 16: this is 8."""
TOO_SHORT_S = 0.005
"""What takes less than this is measured as this: the clock and the caches weigh more."""
RUNS = 3
STATEMENTS = {
    "escapes in a text that is not closed": b"SELECT '" + b"\\'" * MAX_HEAD_BYTES,
    "texts that are not closed": b"SELECT '" + b'a`"' * MAX_HEAD_BYTES,
    "doubled quotes": b"SELECT " + b"''" * MAX_HEAD_BYTES,
    "names with escapes": b"SELECT `" + b"\\`" * MAX_HEAD_BYTES,
    "names in doubled quotes": b'SELECT "' + b'""' * MAX_HEAD_BYTES,
    "comments that are not closed": b"SELECT /* " + b"/* " * MAX_HEAD_BYTES,
    "stars in a comment": b"SELECT /*" + b"*" * MAX_HEAD_BYTES,
    "comments of a line": b"SELECT " + b"--" * MAX_HEAD_BYTES,
    "many comments": b"SELECT " + b"/**/" * MAX_HEAD_BYTES,
    "heredocs": b"SELECT " + b"$a$b" * MAX_HEAD_BYTES,
    "dollars": b"SELECT " + b"$" * MAX_HEAD_BYTES,
    "brackets": b"SELECT " + b"(" * MAX_HEAD_BYTES,
    "words": b"SELECT " + b"a " * MAX_HEAD_BYTES,
    "formats": b"SELECT " + b"FORMAT " * MAX_HEAD_BYTES,
    "blanks": b"SELECT " + b" " * MAX_HEAD_BYTES,
    "blanks and no word": b" \t\n" * MAX_HEAD_BYTES,
    "semicolons": b"SELECT 1" + b";" * MAX_HEAD_BYTES,
    "totals": b"SELECT " + b"total_ totals1 " * MAX_HEAD_BYTES,
    "numbers": b"SELECT " + b"1.1." * MAX_HEAD_BYTES,
    "an insert without an end": b"INSERT INTO t " + b"x FORMA " * MAX_HEAD_BYTES,
    "bytes that are no text": b"SELECT " + b"\xff\x80" * MAX_HEAD_BYTES,
}
ROWS = {
    "quotes that are not closed": b"INSERT INTO t VALUES ('" + b"\\'" * READERS_BODY_BYTES,
    "quotes of each kind": b"INSERT INTO t VALUES " + b"'`\"" * READERS_BODY_BYTES,
    "semicolons": b"INSERT INTO t VALUES " + b";" * READERS_BODY_BYTES,
    "lines": b"INSERT INTO t FORMAT CSV " + b"\r\n" * READERS_BODY_BYTES,
}
CANONICAL = {
    "settings": b"SELECT 1 SETTINGS " + b"limit = 1, " * MAX_HEAD_BYTES,
    "clauses": b"SELECT 1 " + b"SETTINGS limit = 1 " * MAX_HEAD_BYTES,
    "brackets": b"SELECT " + b"(" * MAX_HEAD_BYTES,
    "into": b"SELECT " + b"INTO FROM " * MAX_HEAD_BYTES,
    "names": b"SELECT " + b"a.b, " * MAX_HEAD_BYTES,
}
URLS = {
    "escapes": b"query=" + b"%41" * REQUEST_HEAD_BYTES,
    "halves of escapes": b"query=" + b"%" * REQUEST_HEAD_BYTES,
    "separators": b"&" * 5000 + b"a" * REQUEST_HEAD_BYTES,
    "pluses": b"query=" + b"+" * REQUEST_HEAD_BYTES,
}
FORM = {"content-type": 'multipart/form-data; boundary="b"'}
FORMS = {
    "one long part": b'--b\r\nContent-Disposition: form-data; name="query"\r\n\r\n'
    + b"\r\n-" * READERS_BODY_BYTES,
    "many parts": b'--b\r\nContent-Disposition: form-data; name="param_a"\r\n\r\nx\r\n'
    * (READERS_BODY_BYTES // 64),
    "lines of a head": b"--b\r\n" + b"a: b\r\n" * READERS_BODY_BYTES,
    "nothing but boundaries": b"--b\r\n" * READERS_BODY_BYTES,
}
NOISE = random.Random(20261128).randbytes(16 << 20)  # noqa: S311 - the same each time
BODIES: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "gzip": ("gzip", lambda size: gzip.compress(bytes(size), 6)),
    "gzip of noise": ("gzip", lambda size: gzip.compress(NOISE[:size], 1)),
    "empty gzip parts": ("gzip", lambda size: gzip.compress(b"") * (size // 20)),
    "deflate": ("deflate", lambda size: zlib.compress(bytes(size))),
    "zstd": ("zstd", lambda size: zstandard.compress(bytes(size))),
    "zstd of noise": ("zstd", lambda size: zstandard.compress(NOISE[:size], 1)),
    "empty zstd parts": ("zstd", lambda size: zstandard.compress(b"") * (size // 9)),
    "lz4": ("lz4", lambda size: lz4.frame.compress(bytes(size))),
    "empty lz4 parts": ("lz4", lambda size: lz4.frame.compress(b"") * (size // 15)),
    "br": ("br", lambda size: brotli.compress(bytes(size), quality=1)),
    "no coding at all": ("gzip", lambda size: NOISE[:size]),
}


def seconds(work: Callable[[int], object], size: int) -> float:
    """Returns the processor's time."""
    begun = time.process_time()
    work(size)
    return max(time.process_time() - begun, TOO_SHORT_S)


def ensure_linear(work: Callable[[int], object], most: int, most_times: float = MOST_TIMES) -> None:
    """Doubles the size twice, and again up to the bound: what is quadratic takes 16 times as long,
    and is met before it takes minutes."""
    for size in (most // 16, most):
        quarter = whole = math.inf
        for _ in range(RUNS):
            quarter = min(quarter, seconds(work, size // 4))
            whole = min(whole, seconds(work, size))
            if whole <= most_times**2 * quarter:
                break
        assert whole <= most_times**2 * quarter


def refused_or_not(work: Callable[[], object]) -> None:
    with suppress(EngineError):
        work()


@pytest.mark.parametrize("text", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_a_statement_is_read_once(text: bytes) -> None:
    def work(size: int) -> object:
        statement = read_statement(text[:size])
        return statement.streams_as("TSV"), statement.has_another

    ensure_linear(work, MAX_HEAD_BYTES)


@pytest.mark.parametrize("text", ROWS.values(), ids=ROWS.keys())
def test_rows_are_read_once(text: bytes) -> None:
    ensure_linear(lambda size: read_statement(text[:size]).has_another, READERS_BODY_BYTES)


@pytest.mark.parametrize("text", CANONICAL.values(), ids=CANONICAL.keys())
def test_what_the_engine_reads_is_checked_once(text: bytes) -> None:
    def work(size: int) -> None:
        canonical = text[:size].decode()
        refused_or_not(lambda: check(canonical, Rights.READ, MAY_SET))
        refused_or_not(lambda: refuse_functions(canonical, frozenset({"sqlite"})))

    ensure_linear(work, MAX_HEAD_BYTES)


@pytest.mark.parametrize("text", URLS.values(), ids=URLS.keys())
def test_a_url_is_read_once(text: bytes) -> None:
    def work(size: int) -> None:
        refused_or_not(lambda: read_ask("GET", text[:size], []))

    ensure_linear(work, REQUEST_HEAD_BYTES, MOST_TIMES_OF_URLS)


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS.keys())
def test_a_form_is_read_once(text: bytes) -> None:
    bodies = Bodies(READERS_BODY_BYTES)
    ask = Ask("POST", b"", {}, FORM)

    def work(size: int) -> None:
        with bodies.reserve("anybody") as reservation:
            refused_or_not(lambda: bodies.open(ask, reservation, text[:size]))

    ensure_linear(work, READERS_BODY_BYTES)


@pytest.mark.parametrize(("coding", "make"), BODIES.values(), ids=BODIES.keys())
def test_a_body_is_inflated_by_steps(coding: str, make: Callable[[int], bytes]) -> None:
    most = 16 << 20
    made = {size: make(size) for size in (most // 64, most // 16, most // 4, most)}

    def work(size: int) -> None:
        refused_or_not(lambda: inflate(made[size], coding, most, lambda _: None))

    ensure_linear(work, most)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd", "lz4", "br"])
def test_a_bomb_is_left_at_its_bound(coding: str) -> None:
    """However little it was, no more than the bound and one step of it are ever held."""
    bombs = {
        "gzip": gzip.compress, "deflate": zlib.compress, "lz4": lz4.frame.compress,
        "zstd": zstandard.compress, "br": lambda data: brotli.compress(data, quality=1),
    }  # fmt: skip
    bomb, held = bombs[coding](bytes(64 << 20)), []

    with pytest.raises(EngineError, match="larger than"):
        inflate(bomb, coding, 1 << 20, held.append)

    assert sum(held) <= 1 << 20


@pytest.mark.parametrize("coding", ["gzip", "zstd", "lz4"])
def test_a_few_parts_may_follow_each_other_and_no_more(coding: str) -> None:
    squeeze = {"gzip": gzip.compress, "zstd": zstandard.compress, "lz4": lz4.frame.compress}[coding]

    def open_parts(count: int) -> bytes:
        return inflate(squeeze(b"part ") * count, coding, 1 << 20, lambda _: None)

    assert open_parts(MAX_MEMBERS) == b"part " * MAX_MEMBERS
    with pytest.raises(EngineError, match="CANNOT_DECOMPRESS"):
        open_parts(MAX_MEMBERS + 1)


def test_a_zstd_body_may_not_ask_for_a_window_of_its_own_size() -> None:
    wide = zstandard.ZstdCompressionParameters.from_level(1, window_log=27)
    bomb = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    body = bomb.compress(NOISE) + bomb.flush()

    with pytest.raises(EngineError, match="CANNOT_DECOMPRESS"):
        inflate(body, "zstd", 1 << 30, lambda _: None)
