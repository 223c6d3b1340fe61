"""Agreement of people, against examples that others have published."""

import random
import time

import pytest

from schemas.llm.agreement import Level, agreement_of, alpha_of, most_differing

# Krippendorff (2011), sections A to D; the sign * is a value that is missing.
MEG_AND_OWEN = ["0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"]
BEN_AND_GERRY = ["a a b b d c c c e d d a", "b a b b b c c c e d d d"]
FOUR_OBSERVERS = [
    "1 2 3 3 2 1 4 1 2 * * *",
    "1 2 3 3 2 2 4 1 2 5 * 3",
    "* 3 3 3 2 3 4 2 2 5 1 *",
    "1 2 3 3 2 4 4 1 2 5 1 *",
]
# https://en.wikipedia.org/wiki/Krippendorff%27s_alpha, "A computational example".
THREE_CODERS = [
    "* * * * * 3 4 1 2 1 1 3 3 * 3",
    "1 * 2 1 3 3 4 3 * * * * * * *",
    "* * 2 1 3 4 4 * 2 1 1 3 3 * 4",
]


def units_of(observers: list[str], level: Level) -> list[list[float | str]]:
    rows = [row.split() for row in observers]
    columns = [[value for value in unit if value != "*"] for unit in zip(*rows, strict=True)]
    return [[float(one) if level == "interval" else one for one in unit] for unit in columns]


@pytest.mark.parametrize(
    ("observers", "level", "alpha"),
    [
        (MEG_AND_OWEN, "nominal", 0.095),
        (BEN_AND_GERRY, "nominal", 0.692),
        (FOUR_OBSERVERS, "nominal", 0.743),
        (FOUR_OBSERVERS, "interval", 0.849),
        (THREE_CODERS, "nominal", 0.691),
        (THREE_CODERS, "interval", 0.811),
    ],
)
def test_alpha_is_what_was_published(observers: list[str], level: Level, alpha: float) -> None:
    found = alpha_of(units_of(observers, level), level)

    assert found is not None
    assert round(found, 3) == alpha


@pytest.mark.parametrize("units", [[], [["a"], ["b"]], [["a", "a"], ["a", "a"]]])
def test_there_is_no_alpha_where_nothing_differs_or_nobody_looked_twice(
    units: list[list[float | str]],
) -> None:
    assert alpha_of(units, "nominal") is None


def test_very_large_and_very_near_numbers_are_compared_exactly() -> None:
    far: list[list[float | str]] = [[1e100, 1e100], [-1e100, 1e100]]
    near: list[list[float | str]] = [[1e9, 1e9], [1e9 + 1e-7, 1e9]]

    assert alpha_of(far, "interval") == pytest.approx(0.0)
    assert alpha_of(near, "interval") == pytest.approx(0.0)


def test_many_values_take_no_long_time_however_wide_their_numbers_are() -> None:
    chance = random.Random(7)
    units: list[list[float | str]] = [
        [chance.random() * 10.0 ** chance.randint(-300, 99) for _ in range(2)]
        for _ in range(30_000)
    ]

    began = time.process_time()
    found = alpha_of(units, "interval")

    assert found is not None
    assert time.process_time() - began < 1.2


def test_the_share_is_of_pairs_that_agree() -> None:
    found = agreement_of([["a", "a", "b"], ["b", "b"], ["c"]], "nominal")

    assert (found.items, found.values, found.share) == (2, 5, 0.5)


def test_those_on_which_people_differ_most_come_first() -> None:
    numbers: dict[str, list[float | str]] = {"x": [1, 2], "y": [1, 5], "z": [3, 3], "one": [9]}
    names: dict[str, list[float | str]] = {"x": ["a", "a", "b"], "y": ["a", "b"], "z": ["a", "a"]}

    assert most_differing(numbers, "interval") == [("y", 1.0), ("x", 0.25)]
    assert most_differing(numbers, "interval", widest=8)[0] == ("y", 0.5)
    assert most_differing(names, "nominal") == [("y", 1.0), ("x", pytest.approx(2 / 3))]
