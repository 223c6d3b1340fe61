"""The statistics of impacts, against what is counted out and against published tables."""

from itertools import product
from math import comb, exp, factorial

import pytest

from schemas.chances import beta_share, holm, t_above
from schemas.deploys.chances import (
    Counts,
    at_least,
    at_most,
    compare_counts,
    compare_ratios,
    dispersion_of,
    poisson_at_most,
)


def binomial(events: int, of: int, share: float) -> float:
    return comb(of, events) * share**events * (1 - share) ** (of - events)


class TestTails:
    @pytest.mark.parametrize(
        ("after", "before", "share"),
        list(product([0, 1, 3, 40], [0, 2, 17], [0.01, 0.3, 0.5, 0.9])),
    )
    def test_tails_of_the_binomial_are_those_that_are_added_up(
        self, after: int, before: int, share: float
    ) -> None:
        of = after + before
        more = sum(binomial(events, of, share) for events in range(after, of + 1))
        fewer = sum(binomial(events, of, share) for events in range(after + 1))

        assert at_least(after, before, share) == pytest.approx(more, rel=1e-9)
        assert at_most(after, before, share) == pytest.approx(fewer, rel=1e-9)

    @pytest.mark.parametrize(("events", "expected"), [(0, 0.6), (3, 2.5), (20, 11.0)])
    def test_the_tail_of_poisson_is_the_one_that_is_added_up(
        self, events: int, expected: float
    ) -> None:
        wanted = sum(exp(-expected) * expected**n / factorial(n) for n in range(events + 1))

        assert poisson_at_most(events, expected) == pytest.approx(wanted, rel=1e-9)

    @pytest.mark.parametrize(
        ("t", "freedom", "above"),
        # Student's table: one-sided 2.5 %, 0.5 %, 5 %.
        [(12.706, 1, 0.025), (2.228, 10, 0.025), (3.169, 10, 0.005), (1.658, 120, 0.05)],
    )
    def test_the_tail_of_t_is_that_of_the_tables(
        self, t: float, freedom: float, above: float
    ) -> None:
        assert t_above(t, freedom) == pytest.approx(above, rel=5e-3)
        assert t_above(-t, freedom) == pytest.approx(1 - above, rel=5e-3)

    def test_large_counts_are_answered_exactly_enough(self) -> None:
        # Half of a million or more: 1/2 and half of the chance of just so many.
        assert at_least(500_000, 500_000, 0.5) == pytest.approx(0.5004, abs=1e-4)
        assert beta_share(0.5, 3e6, 3e6) == pytest.approx(0.5, abs=1e-6)


class TestCounts:
    def test_the_chance_of_a_difference_goes_by_how_long_was_looked(self) -> None:
        # All 5 of 5 events after; the time after is a quarter of the whole.
        chances = compare_counts(Counts([0], [30]), Counts([5], [10]), 2.0, 1.0)

        assert chances.more == pytest.approx(0.25**5)
        assert chances.less == 1.0
        # If it were twice as many now, 2/5 of all would be after.
        assert chances.not_much_less == pytest.approx((1 / 7) ** 5)
        assert chances.not_much_more == pytest.approx(1.0)

    def test_without_any_time_nothing_is_known(self) -> None:
        assert compare_counts(Counts([], []), Counts([9], [1]), 2.0, 1.0).more == 1.0

    def test_events_in_pairs_are_half_as_many(self) -> None:
        single = Counts([1, 0, 1, 0, 2, 0, 0, 4], [1] * 8)

        # Mean 1; the squares of the differences add up to 14, of 7 degrees of freedom.
        assert dispersion_of(single) == pytest.approx(2.0)
        assert dispersion_of(Counts([1, 1, 1, 1], [1] * 4)) == 1.0
        assert dispersion_of(Counts([0, 0], [1, 1])) == 1.0

    def test_a_change_between_two_times_is_no_dispersion(self) -> None:
        assert dispersion_of(Counts([1, 1, 1], [1] * 3), Counts([9, 9, 9], [1] * 3)) == 1.0


class TestRatios:
    def test_the_variance_of_a_ratio_is_that_of_its_blocks(self) -> None:
        first = Counts([10.0, 12.0, 8.0, 10.0], [10, 10, 10, 10])
        second = Counts([14.0, 16.0, 12.0, 14.0], [10, 10, 10, 10])

        # Ratios 1 and 1.4; each has the variance (0 + 4 + 4 + 0) * 4/3 / 1600 = 1/150.
        expected = t_above(0.4 / (2 / 150) ** 0.5, 6)
        assert compare_ratios(first, second, 1.2).more == pytest.approx(expected)

    def test_what_never_varies_differs_for_certain_or_not_at_all(self) -> None:
        one, other = Counts([5.0] * 3, [5] * 3), Counts([10.0] * 3, [5] * 3)

        assert compare_ratios(one, other, 1.2).more == 0.0
        assert compare_ratios(one, one, 1.2).more == 1.0
        assert compare_ratios(one, one, 1.2).same == 0.0

    def test_one_block_tells_nothing(self) -> None:
        assert compare_ratios(Counts([5.0], [5]), Counts([50.0], [5]), 1.2).more == 1.0


def test_several_chances_are_held_against_one_level() -> None:
    # Holm's rule: 3 times the least, 2 times the next, never less than the one before.
    assert holm({"a": 0.03, "b": 0.01, "c": 0.04}) == pytest.approx(
        {"b": 0.03, "a": 0.06, "c": 0.06}
    )
    assert holm({}) == {}
