"""For how long each table keeps the rows of a project."""

from datetime import date

import pytest

from clickhouse.retention import FIRST_DAY, LAST_DAY, LASTING, Keeping
from schemas.projects import ProjectId
from schemas.retention import SUMS, InForce, KeepRule, RetentionPolicy

TODAY = date(2026, 11, 30)
PROJECT, OTHER = ProjectId("one"), ProjectId("other")


def keeping(policy: RetentionPolicy, *, days: int = 90, sums: int = 400) -> Keeping:
    policies = {PROJECT: InForce((policy,))}
    return Keeping(TODAY, days, {}, policies=policies, sums_days=sums, window_days=7)


def test_a_kind_has_days_of_its_own_in_its_project_alone() -> None:
    found = keeping(RetentionPolicy(kinds={"logs": 14}))

    assert found.first_kept(PROJECT, "logs") == date(2026, 11, 16)
    assert found.days_of(OTHER, "logs") == found.days_of(PROJECT, "errors") == 90
    assert found.days_of(PROJECT, "outcomes") == 90


@pytest.mark.parametrize("table", sorted(SUMS))
def test_sums_outlive_rows_and_are_never_kept_shorter(table: str) -> None:
    assert keeping(RetentionPolicy()).days_of(PROJECT, table) == 400
    assert keeping(RetentionPolicy(sums_days=800)).days_of(PROJECT, table) == 800
    assert keeping(RetentionPolicy(sums_days=10)).days_of(PROJECT, table) == 90
    assert keeping(RetentionPolicy(), sums=0).days_of(PROJECT, table) == 90


def test_where_rows_go_within_the_time_of_resent_ids_their_sums_go_with_them() -> None:
    """Else who sends one again would be counted twice."""
    found = keeping(RetentionPolicy(kinds={"calls": 7}, sums_days=800))

    assert found.days_of(PROJECT, "trace_sums") == found.days_of(PROJECT, "traces") == 7
    assert found.days_of(PROJECT, "spans_hourly") == 800
    for table, goes in (("traces", []), ("spans", [PROJECT])):
        due = {PROJECT: found.first_kept(PROJECT, table)}
        assert list(found.outlived(table, due)) == goes


def test_a_rule_keeps_all_that_traces_are_made_of() -> None:
    found = keeping(RetentionPolicy(kinds={"calls": 30}, rules=(KeepRule("error", 365),)))

    for table in ("traces", "spans", "otel_spans", "otel_traces", "messages", "bill_marks"):
        assert found.days_of(PROJECT, table) == 365, table


def test_who_is_purged_and_who_does_not_know_the_date_have_their_own_rules() -> None:
    policy = {PROJECT: InForce((RetentionPolicy(kinds={"logs": 3000}),))}

    assert (
        Keeping(TODAY, 9, {}, frozenset({PROJECT}), policy).first_kept(PROJECT, "logs") == LAST_DAY
    )
    assert Keeping(None, 9, {}, policies=policy).first_kept(PROJECT, "logs") == FIRST_DAY
    for table, days in LASTING.items():
        assert keeping(RetentionPolicy(), days=9).days_of(PROJECT, table) == days
