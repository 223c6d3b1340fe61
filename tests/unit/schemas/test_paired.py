"""Paired differences against published figures, and against what was put into random values."""

import random

import pytest

from schemas.llm.paired import (
    Difference,
    mcnemar,
    newcombe,
    paired,
    paired_amounts,
    t_beyond,
)

DRUG_1 = (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0)
DRUG_2 = (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4)
"""Hours of sleep gained by ten patients: Student (1908), section 9."""


def fourfold(both: int, won: int, lost: int, none: int) -> tuple[list[float], list[float]]:
    before = [1.0] * both + [0.0] * won + [1.0] * lost + [0.0] * none
    after = [1.0] * both + [1.0] * won + [0.0] * lost + [0.0] * none
    return before, after


def test_students_own_example_comes_out_as_he_and_textbooks_say() -> None:
    found = paired(DRUG_1, DRUG_2)

    assert found is not None
    assert (found.pairs, found.method) == (10, "t")
    assert found.value == pytest.approx(1.58)
    assert found.low == pytest.approx(0.7001142, abs=1e-7)
    assert found.high == pytest.approx(2.4598858, abs=1e-7)
    assert found.chance == pytest.approx(0.002832890, abs=1e-8)


@pytest.mark.parametrize(
    ("freedom", "expected"), [(1, 12.7062), (2, 4.3027), (10, 2.2281), (30, 2.0423), (1000, 1.9623)]
)
def test_quantiles_are_those_of_the_tables(freedom: int, expected: float) -> None:
    assert t_beyond(0.025, freedom) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        # Newcombe (1998), part III, table II, method 10.
        ((36, 12, 2, 0), (0.0569, 0.3404)),
        ((36, 14, 0, 0), (0.1528, 0.4167)),
        ((54, 0, 0, 0), (-0.0664, 0.0664)),
    ],
)
def test_proportions_have_newcombes_intervals(
    cells: tuple[int, int, int, int], expected: tuple[float, float]
) -> None:
    assert newcombe(*fourfold(*cells)) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("won", "lost", "expected"),
    [(0, 0, 1.0), (5, 0, 2 / 32), (3, 1, 2 * 5 / 16), (4, 4, 1.0), (10, 1, 2 * 12 / 2048)],
)
def test_changes_to_either_side_have_the_chances_of_a_coin(
    won: int, lost: int, expected: float
) -> None:
    assert mcnemar(*fourfold(3, won, lost, 2)) == pytest.approx(expected)


def test_too_few_pairs_have_no_interval_and_equal_differences_that_of_their_sign() -> None:
    assert paired([], []) is None
    assert paired([1.5], [2.0]) == Difference(1, 1.5, 2.0, 0.5, None, None, None, None)
    shifted = paired([1.5, 2.5, 3.5, 4.5], [2.0, 3.0, 4.0, 5.0])
    assert shifted == Difference(4, 3.0, 3.5, 0.5, 0.5, 0.5, 2 / 16, "sign")
    same = paired([1.5, 2.5], [1.5, 2.5])
    assert same is not None
    assert (same.value, same.chance) == (0.0, 1.0)


@pytest.mark.parametrize("seed", [20_261_130])
@pytest.mark.parametrize("kind", ["numbers", "truths"])
def test_95_of_a_hundred_intervals_hold_the_true_difference(kind: str, seed: int) -> None:
    rng = random.Random(seed)
    held = 0
    for _ in range(400):
        pairs = [_pair(rng, kind) for _ in range(40)]
        found = paired([one for one, _ in pairs], [two for _, two in pairs])
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= (0.3 if kind == "numbers" else 0.2) <= found.high

    assert 0.92 * 400 <= held <= 0.99 * 400


def _pair(rng: random.Random, kind: str) -> tuple[float, float]:
    if kind == "numbers":
        usual = rng.gauss(10, 4)
        return usual + rng.gauss(0, 1), usual + 0.3 + rng.gauss(0, 2)
    level = rng.random()
    return float(level < 0.5), float(level < 0.7 if rng.random() < 0.8 else rng.random() < 0.7)


def test_differences_whose_squares_are_nothing_have_a_spread() -> None:
    tiny = paired([0, 0, 0], [1e-200, 3e-200, 2e-200])
    usual = paired([0, 0, 0], [1, 3, 2])

    assert tiny is not None
    assert usual is not None
    assert tiny.chance == pytest.approx(usual.chance)
    assert tiny.low is not None
    assert tiny.low / 1e-200 == pytest.approx(usual.low)


def test_zeros_and_ones_of_amounts_are_not_yes_and_no() -> None:
    free = paired_amounts([0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    costlier = paired_amounts([0.0, 1.0, 0.0], [1.0, 1.0, 1.0])

    assert free == Difference(3, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, "sign")
    assert costlier is not None
    assert costlier.method == "t"
