from collections.abc import Mapping
from datetime import date, timedelta

from schemas.retained import FOREVER_DAYS, NextGone, Outlook, Stored, next_gone
from schemas.retention import KeepRule, RetentionPolicy, stage_of

TODAY = date(2026, 11, 30)
STORED = Stored({TODAY - timedelta(days=age): 10 * age for age in (1, 5, 20)}, 2.0)


def outlook(
    policy: RetentionPolicy,
    *,
    usual: int = FOREVER_DAYS,
    from_day: date = TODAY,
    thinned: Mapping[date, str] | None = None,
) -> Outlook:
    return Outlook(policy, usual, from_day, thinned or {}, 7)


def test_the_next_rows_are_those_of_the_oldest_day_on_the_day_after_its_last() -> None:
    policy = RetentionPolicy(kinds={"logs": 30})

    found = next_gone(STORED, "logs", outlook(policy))

    assert found == NextGone("2026-12-11", 200, 400, "days")


def test_what_is_over_already_goes_today_and_all_of_it() -> None:
    policy = RetentionPolicy(kinds={"logs": 4})

    found = next_gone(STORED, "logs", outlook(policy))

    assert found == NextGone("2026-11-30", 250, 500, "days")


def test_a_rule_that_acts_first_is_named() -> None:
    policy = RetentionPolicy(
        kinds={"calls": 40},
        rules=(KeepRule("error", 90),),
        sample_from_days=25,
        sample_percent=10,
    )

    later = TODAY + timedelta(days=20)

    sampled = next_gone(STORED, "calls", outlook(policy))
    overdue = next_gone(STORED, "calls", outlook(policy, from_day=later))
    stage = stage_of(policy, FOREVER_DAYS, 40)
    assert stage is not None
    done = {TODAY - timedelta(days=20): stage.text}
    ruled = next_gone(STORED, "calls", outlook(policy, from_day=later, thinned=done))

    assert sampled == NextGone("2026-12-06", 200, 400, "sample")
    assert overdue == NextGone("2026-12-20", 200, 400, "sample")
    assert ruled == NextGone("2026-12-21", 200, 400, "rules")


def test_what_is_kept_for_ever_has_no_next() -> None:
    assert next_gone(STORED, "errors", outlook(RetentionPolicy())) is None
    assert next_gone(Stored({}, 0.0), "errors", outlook(RetentionPolicy(), usual=3)) is None
