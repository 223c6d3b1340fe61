"""Which figures make which rule fire, as tables."""

from typing import Any

import pytest
from msgspec.structs import replace

from alerts.errors.rules import (
    Verdict,
    fires,
    judge_count,
    judge_spike,
    judge_transactions,
    state_of,
    windows_of,
)
from clickhouse.errors.alerting import TransactionFigures
from schemas.errors.alerts import Rule, RuleQuery
from schemas.projects import ProjectId

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
NOW_US = 1_780_000_000_000_000


def rule(**changes: Any) -> Rule:
    plain = Rule(
        id="r",
        project_id=ProjectId("p"),
        name="Many",
        rule_type="issue.count_threshold",
        threshold_window=60,
        threshold_count=10,
        state="ok",
        last_fired_us=None,
        created_us=0,
    )
    return replace(plain, **changes)


@pytest.mark.parametrize(("count", "met"), [(0, False), (9, False), (10, True), (11, True)])
def test_a_count_is_enough_from_the_threshold_on(count: int, met: bool) -> None:
    assert judge_count(rule(), [count]) == Verdict(met, count)


@pytest.mark.parametrize(
    ("current", "before", "days", "met"),
    [
        (9, 0, [0] * 7, False),  # less than the threshold, however quiet it was
        (10, 0, [0] * 7, True),
        (100, 90, [0] * 7, False),  # it was as loud right before
        (100, 0, [90] * 7, False),  # and at this time of every day
        (19, 10, [10] * 7, False),  # less than twice
        (20, 10, [10] * 7, True),
        (10, 4, [0] * 7, False),  # twice and more, but by chance: 4 + 3 x 2
        (11, 4, [0] * 7, True),
        (100, 0, [630, 0, 0, 0, 0, 0, 0], False),  # the mean of the days
    ],
)
def test_a_spike_is_against_the_time_before(
    current: int, before: int, days: list[int], met: bool
) -> None:
    assert judge_spike(rule(), [current, before, *days]).met is met


@pytest.mark.parametrize(
    ("rule_type", "threshold", "figures", "verdict"),
    [
        ("transaction.error_rate", 50, TransactionFigures(4, 4, 10.0), Verdict(None, 0)),
        ("transaction.error_rate", 50, TransactionFigures(5, 2, 10.0), Verdict(False, 40)),
        ("transaction.error_rate", 50, TransactionFigures(6, 3, 10.0), Verdict(True, 50)),
        ("transaction.p95_latency", 300, TransactionFigures(0, 0, None), Verdict(None, 0)),
        ("transaction.p95_latency", 300, TransactionFigures(4, 0, 900.0), Verdict(None, 0)),
        ("transaction.p95_latency", 300, TransactionFigures(5, 0, 299.9), Verdict(False, 299.9)),
        ("transaction.p95_latency", 300, TransactionFigures(5, 0, 300.0), Verdict(True, 300)),
    ],
)
def test_rates_and_percentiles_need_five_transactions(
    rule_type: str, threshold: int, figures: TransactionFigures, verdict: Verdict
) -> None:
    judged = rule(rule_type=rule_type, threshold_count=threshold)

    assert judge_transactions(judged, figures) == verdict


@pytest.mark.parametrize(
    ("met", "cooldown", "fired_before_min", "state", "fired"),
    [
        (True, 30, None, "ok", True),
        (True, 30, None, "firing", True),
        (True, 30, 29, "firing", False),
        (True, 30, 30, "firing", True),
        (True, 0, 1, "firing", False),  # told already, and it was never below since
        (True, 0, 1, "ok", True),
        (False, 30, None, "ok", False),
        (None, 30, None, "unknown", False),
    ],
)
def test_what_stays_above_is_told_again_after_the_cooldown(
    met: bool | None, cooldown: int, fired_before_min: int | None, state: str, fired: bool
) -> None:
    last_us = None if fired_before_min is None else NOW_US - fired_before_min * MINUTE_US
    stands = rule(cooldown_minutes=cooldown, last_fired_us=last_us, state=state)

    assert fires(stands, Verdict(met, 1), NOW_US) is fired


def test_too_few_figures_are_unknown_and_not_fine() -> None:
    states = [state_of(Verdict(met, 0)) for met in (None, False, True)]

    assert states == ["unknown", "ok", "firing"]


class TestWindows:
    def test_a_count_has_its_own_window(self) -> None:
        assert windows_of(rule(), NOW_US) == [(NOW_US - 60 * MINUTE_US, NOW_US)]

    def test_a_spike_looks_at_the_hour_before_and_at_the_same_hour_of_seven_days(self) -> None:
        windows = windows_of(rule(rule_type="issue.frequency_spike"), NOW_US)

        ends = [NOW_US - window.to_us for window in windows]
        assert ends == [0, 60 * MINUTE_US, *(day * DAY_US for day in range(1, 8))]
        assert {window.to_us - window.from_us for window in windows} == {60 * MINUTE_US}

    def test_windows_longer_than_a_day_do_not_overlap(self) -> None:
        long = rule(rule_type="issue.frequency_spike", threshold_window=36 * 60)

        starts = sorted(window.from_us for window in windows_of(long, NOW_US)[2:])
        assert {later - one for one, later in zip(starts, starts[1:], strict=False)} == {2 * DAY_US}


@pytest.mark.parametrize(
    ("environment", "environments", "counted"),
    [
        ("", (), None),
        ("live", (), ("live",)),
        ("", ("live", "test"), ("live", "test")),
        ("live", ("live", "test"), ("live",)),
        ("live", ("test",), ()),
    ],
)
def test_both_ways_to_name_an_environment_hold(
    environment: str, environments: tuple[str, ...], counted: tuple[str, ...] | None
) -> None:
    named = rule(environment=environment, query=RuleQuery(environments=environments))

    assert named.environments == counted
