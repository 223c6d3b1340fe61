"""When monitors are looked at."""

from collections import Counter

import pytest

from probes.slots import (
    UNKNOWN,
    Grid,
    Retry,
    Standing,
    advance,
    first_after_restart,
    grid_of,
    retry_at,
)
from schemas.projects import ProjectId
from schemas.uptime.targets import MonitorId, Target

S = 1_000_000


def target(number: int = 1, **fields: int) -> Target:
    return Target(
        monitor_id=MonitorId(f"mon_{number:08d}"), project_id=ProjectId("p"), type="http", **fields
    )


class TestGrid:
    def test_a_thousand_monitors_are_spread_over_their_interval(self) -> None:
        starts = Counter(
            grid_of(target(number, interval_seconds=30), "eu").phase_us // S
            for number in range(1000)
        )

        mean = 1000 / 30
        assert len(starts) == 30
        assert max(starts.values()) <= 1.5 * mean
        assert min(starts.values()) >= 0.5 * mean

    def test_regions_do_not_look_at_one_moment(self) -> None:
        phases = {grid_of(target(), region).phase_us for region in ("eu", "us", "ap", "sa")}

        assert len(phases) == 4

    def test_slots_are_the_same_for_whoever_computes_them(self) -> None:
        # They are part of what is stored: another version must not move them.
        assert grid_of(target(7, interval_seconds=60), "eu") == Grid(14_856_117, 60 * S)

    @pytest.mark.parametrize("at", [0, 1, 9, 10, 11, 59, 60, 61, 1_000_000_007])
    def test_the_first_slot_is_not_before_a_moment_and_less_than_an_interval_after(
        self, at: int
    ) -> None:
        grid = Grid(10, 60)

        first = grid.first(at)

        assert at <= first < at + 60
        assert first % 60 == 10

    def test_slots_follow_each_other_by_the_interval(self) -> None:
        assert Grid(10, 60).after(70) == 130

    @pytest.mark.parametrize("last", range(0, 60, 7))
    def test_after_a_change_of_the_interval_the_next_is_neither_at_once_nor_far(
        self, last: int
    ) -> None:
        following = Grid(10, 60).after(last + 1)

        assert 30 <= following - (last + 1) <= 90


class TestRestart:
    def test_a_slot_within_a_short_pause_is_done_later_by_the_pause(self) -> None:
        assert first_after_restart(Grid(10, 60), resume_us=65, now_us=75) == (70, 80)

    def test_a_slot_behind_the_pause_is_done_at_its_time(self) -> None:
        assert first_after_restart(Grid(10, 60), resume_us=65, now_us=68) == (70, 70)

    def test_slots_of_a_pause_longer_than_the_interval_are_not_done_at_once(self) -> None:
        assert first_after_restart(Grid(10, 60), resume_us=65, now_us=700) == (730, 730)

    def test_without_a_past_it_begins_with_the_next_slot(self) -> None:
        assert first_after_restart(Grid(10, 60), resume_us=75, now_us=75) == (130, 130)

    def test_a_past_in_the_future_is_none(self) -> None:
        assert first_after_restart(Grid(10, 60), resume_us=900, now_us=75) == (130, 130)


class TestStanding:
    def test_a_failure_is_confirmed_by_as_many_as_the_threshold(self) -> None:
        policy = target(failure_threshold=3)
        standing = UNKNOWN
        told = []
        for outcome in ("fail", "fail", "ok", "fail", "fail", "fail"):
            standing = advance(standing, outcome, policy)  # type: ignore[arg-type]
            told.append(standing.is_down)

        assert told == [False, False, False, False, False, True]

    def test_recovery_takes_as_many_as_its_threshold_in_a_row(self) -> None:
        policy = target(recovery_threshold=2)
        standing = Standing(failures=2, is_down=True)
        told = []
        for outcome in ("ok", "fail", "degraded", "ok"):
            standing = advance(standing, outcome, policy)  # type: ignore[arg-type]
            told.append(standing.is_down)

        assert told == [True, True, True, False]

    def test_what_is_inconclusive_changes_nothing(self) -> None:
        standing = Standing(failures=1)

        assert advance(standing, "inconclusive", target()) == standing


class TestRetry:
    @pytest.mark.parametrize(
        ("failed_for_s", "next_slot_s", "timeout_s", "expected_s"),
        [
            (0.1, 60, 10, 10),  # ten seconds after the begin
            (12, 60, 10, 12),  # at once where the failure itself took longer
            (0.1, 20, 10, 10),  # just before the next slot
            (0.1, 19.9, 10, None),  # it might not be over then
        ],
    )
    def test_it_comes_after_its_interval_and_is_over_before_the_next_slot(
        self, failed_for_s: float, next_slot_s: float, timeout_s: int, expected_s: float | None
    ) -> None:
        retry = Retry(0, int(failed_for_s * S), int(next_slot_s * S), timeout_s * S)

        at_us = retry_at(target(interval_seconds=60), Standing(failures=1), retry)

        assert at_us == (None if expected_s is None else int(expected_s * S))

    def test_its_interval_may_be_set_and_is_else_no_longer_than_that_of_the_monitor(self) -> None:
        retry = Retry(0, 0, 100 * S, S)

        own = retry_at(target(retry_interval_seconds=3), Standing(failures=1), retry)
        short = retry_at(target(interval_seconds=4), Standing(failures=1), retry)

        assert (own, short) == (3 * S, 4 * S)

    def test_none_comes_where_the_state_is_known(self) -> None:
        retry = Retry(0, 0, 100 * S, S)

        assert retry_at(target(), Standing(failures=2, is_down=True), retry) is None
        assert retry_at(target(), UNKNOWN, retry) is None
