"""A query string that is twice as long takes about twice as long, up to the largest one."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from litestar import Request

from api.dates import parse_date, strict_range
from api.llm.analytics import ORDER
from api.llm.filters import TraceQuery, list_of_traces
from api.parameters import InvalidParameters, read, values_of
from api.slashes import with_slashes

pytestmark = pytest.mark.alone

HEAD_BYTES = 64 << 10
RATIO = 2.5


def read_list(query: str) -> None:
    request = Request[Any, Any, Any]({"type": "http", "query_string": query.encode()})  # type: ignore[typeddict-item]  # all that is read
    try:
        list_of_traces(values_of(request))
    except InvalidParameters:
        return


def read_range(text: str) -> None:
    with suppress(InvalidParameters):
        strict_range(text, text)


def read_amount(text: str) -> None:
    with suppress(InvalidParameters):
        read({"min_cost_cents": text}, TraceQuery)


def filters(count: int) -> str:
    return "&".join(f"metadata.{number:05d}={number:05d}" for number in range(count))


CASES: tuple[tuple[str, Callable[[str], object], Callable[[int], str]], ...] = (
    ("many parameters", read_list, lambda size: "a=1&" * (size // 4)),
    (
        "many filters",
        read_list,
        lambda size: "&".join(map("metadata.{0}={0}".format, range(size // 22))),
    ),
    ("many short names", read_list, lambda size: "&".join(f"{n:04x}=" for n in range(size // 6))),
    ("one long value", read_list, lambda size: "user=" + "x" * size),
    ("one long name", read_list, lambda size: "metadata." + "x" * size + "=1"),
    ("escapes", read_list, lambda size: "user=" + "%20" * (size // 3)),
    ("a date of spaces", lambda text: parse_date(text, "to"), lambda size: "(" * size),
    ("a strict date", read_range, lambda size: "2025-01-01T00:00:00." + "0" * size),
    ("an amount", read_amount, lambda size: "9" * size),
    ("an order", ORDER.fullmatch, lambda size: "a_" * (size // 2)),
    ("slashes", with_slashes, lambda size: "\ue000" * size),
)


def seconds(read: Callable[[str], object], text: str) -> float:
    """Returns the least of many times, of as many calls as can be measured."""
    calls = 1
    best = 0.0
    while best < 0.002:
        calls *= 2
        best = min(_timed(read, text, calls) for _ in range(2))
    return min(best, *(_timed(read, text, calls) for _ in range(5))) / calls


def _timed(read: Callable[[str], object], text: str, calls: int) -> float:
    began = time.thread_time()
    for _ in range(calls):
        read(text)
    return time.thread_time() - began


@pytest.mark.parametrize(("read", "text"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_twice_the_text_takes_at_most_two_and_a_half_times_as_long(
    read: Callable[[str], object], text: Callable[[int], str]
) -> None:
    for size in (HEAD_BYTES // 4, HEAD_BYTES // 2):
        for _ in range(5):
            ratio = seconds(read, text(2 * size)) / seconds(read, text(size))
            if ratio <= RATIO:
                break
        assert ratio <= RATIO
