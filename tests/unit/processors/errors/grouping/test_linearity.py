"""Grouping takes time in proportion to what an event holds, in the shapes that are worst."""

from collections.abc import Callable

import pytest

from processors.errors.grouping.functions import plain_function
from processors.errors.grouping.groups import explain, group_of
from processors.errors.grouping.parametrise import parametrise
from processors.errors.grouping.places import plain_module, plain_package, plain_path
from schemas.errors.event import ErrorEvent, Thrown
from schemas.errors.grouping import DEFAULT_CONFIG
from tests.unit.processors.errors.grouping.events import event, frame
from tests.unit.test_linearity import assert_linear, seconds

pytestmark = pytest.mark.alone

PIECES = (
    *(
        "a",
        "1",
        "a1",
        "a.",
        "1.",
        "1,111",
        "1:",
        "::",
        "f:",
        "a-",
        "-",
        "=",
        "='",
        "''",
        "a://",
        "x@y.",
    ),
    *(
        "error ",
        "code=1",
        "1s",
        "Jan ",
        "/tmp/",
        "/home/",
        "eyJ",
        "bcd2-",
        "0x",
        " ",
        "\n",
        "(",
        "<",
    ),
    *(
        "[",
        "]",
        "{",
        "}",
        "{{",
        "{closure",
        "<locals>.",
        "$",
        "$$",
        "$1",
        "_1",
        ".func1",
        "::h0",
        "->",
    ),
    *("block in ", "closure #1 in ", "async ", "../", "//", "node_modules/", "lib/", "src/", "v1/"),
    *("-1.0/", "@1/", "\\", "?", "#", "+<a>b__", "`1[", "{lambda(", "for ", "Container"),
)
PLATFORMS = ("python", "javascript", "java", "go", "ruby", "php", "csharp", "native", "elixir")
MOST_S = 0.02
"""For one text, however long: about 1 ms on an idle machine."""


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_takes_long(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    works: list[Callable[[], object]] = [
        lambda: parametrise(text),
        lambda: plain_path(text),
        lambda: plain_package(text),
    ]
    for platform in PLATFORMS:
        works.append(lambda platform=platform: plain_function(text, platform))  # type: ignore[misc]
        works.append(lambda platform=platform: plain_module(text, platform))  # type: ignore[misc]

    for number, work in enumerate(works):
        assert min(seconds(work) for _ in range(3)) < MOST_S, (piece, number)


SHAPES: dict[str, Callable[[int], ErrorEvent]] = {
    "frames, all others": lambda n: with_frames([f"f{number}" for number in range(n)]),
    "frames, a loop": lambda n: with_frames(["a", "b", "c"] * (n // 3)),
    "frames, loops in loops": lambda n: with_frames(
        [f"f{number & -number}" for number in range(n)]
    ),
    "frames, there and back": lambda n: with_frames(
        [f"f{min(number, n - number)}" for number in range(n)]
    ),
}


def with_frames(names: list[str]) -> ErrorEvent:
    frames = tuple(frame(name, "a.py") for name in names)
    return event(Thrown("E", "v", frames=frames))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("grouped", [group_of, explain])
def test_frames_take_time_in_proportion(
    shape: str, grouped: Callable[[ErrorEvent, object], object]
) -> None:
    def work(size: int) -> Callable[[], object]:
        one = SHAPES[shape](size)
        return lambda: grouped(one, DEFAULT_CONFIG)

    # Fewer than are cached, else the cache decides.
    assert_linear(work, 8_000)
