"""Every sort of statement over rollups as it goes to the store, a text file each in `statements`.

After a change that is meant, write them anew and read the diff:

    python -m tests.unit.clickhouse.test_statements
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from clickhouse.llm import rollups
from clickhouse.llm.analytics import levels_statement
from clickhouse.llm.filters import SpanFilter, TraceFilter
from clickhouse.llm.groups import Grouping, rank_statement
from clickhouse.llm.rollup_sql import Kept
from clickhouse.llm.rollups import Scope
from clickhouse.llm.span_analytics import counts_statement, durations_statement, span_scope
from schemas.projects import ProjectContext, ProjectId

FOLDER = Path(__file__).parent / "statements"
PROJECT = ProjectContext(ProjectId("p"))
HALF_PAST = 1_735_691_400_000_000
FIRST_DAY = 1_735_776_000_000_000
HOUR_US = 3_600_000_000
KOLKATA = ProjectContext(ProjectId("p"), time_zone="Asia/Kolkata")
HOSTILE = "'; DROP TABLE traces --"


def scope(*names: str, hours: int = 72, **wanted: object) -> Scope:
    """Returns a range from half past on, so that both of its ends are ragged."""
    to_us = HALF_PAST + hours * HOUR_US
    chosen = TraceFilter(from_us=HALF_PAST, to_us=to_us, **wanted)  # type: ignore[arg-type]
    return rollups.scope(PROJECT, chosen, names=names)


def sums(*names: str, hours: int = 72, **wanted: object) -> str:
    scoped = scope(*names, hours=hours, **wanted)
    return rollups.statement(scoped, names, rollups.sums(scoped))


def full(*names: str, **wanted: object) -> str:
    scoped = scope(*names, **wanted)
    return rollups.statement(scoped, names, rollups.full(scoped))


def count() -> str:
    scoped = scope(status="error")
    return rollups.statement(scoped, (), rollups.sums(scoped, ["requests"]))


def chosen_groups() -> str:
    scoped = scope("model")._replace(only=" AND sipHash64(k0) IN {hashes:Array(UInt64)}")
    return rollups.statement(scoped, ("model",), rollups.sums(scoped))


def rank(order: str, *names: str) -> str:
    return rank_statement(scope(*names), Grouping(names, order))


def levels_of_base_rows() -> str:
    scoped = scope("day", metadata=(("team", HOSTILE),))
    return levels_statement(scoped, "day", rollups.full(scoped))


def levels_of_split_days() -> str:
    chosen = TraceFilter(from_us=HALF_PAST, to_us=HALF_PAST + 72 * HOUR_US)
    scoped = rollups.scope(KOLKATA, chosen, names=("day",))
    return levels_statement(scoped, "day", rollups.sums(scoped))


def kept(*names: str, path: str, **wanted: Any) -> Scope:
    """Returns a range of which two days are kept and one is not."""
    scoped = scope(*names, hours=120, **wanted)
    last_day = FIRST_DAY + 3 * 24 * HOUR_US
    if path:
        scoped = scoped._replace(first_us=FIRST_DAY, last_us=last_day)
    builds = Kept(path, (date(2025, 1, 2), date(2025, 1, 4)), (7, 8))
    return scoped._replace(table="days", kept=builds, first_day_us=FIRST_DAY, last_day_us=last_day)


def sums_of_kept_users() -> str:
    scoped = kept("user", path="", status="error")
    return rollups.statement(scoped, ("user",), rollups.sums(scoped, ["requests", "counted"]))


def sessions_of_kept_values() -> str:
    scoped = kept("metadata.team", path="team", metadata=(("team", HOSTILE),))
    return rollups.sessions_statement(scoped, ("metadata.team",))


SPANS = SpanFilter(from_us=HALF_PAST, to_us=HALF_PAST + HOUR_US, kind="tool_use")
CASES: dict[str, Callable[[], str]] = {
    "sums_of_hours_and_days": lambda: sums("model", "day", provider="openai"),
    "sums_of_hours": lambda: sums("model", "hour", hours=5),
    "sums_of_minutes": lambda: sums("minute", "environment"),
    "sums_of_chosen_groups": chosen_groups,
    "count": count,
    "sums_by_user": lambda: sums("user", "status", session_id=HOSTILE),
    "full_by_metadata": lambda: full("metadata.team", user=HOSTILE),
    "sessions": lambda: rollups.sessions_statement(scope("model"), ("model",)),
    "sessions_of_all": lambda: rollups.sessions_statement(scope(), ()),
    "spread_of_hours_and_days": lambda: rollups.spread_statement(scope("model"), ("model",)),
    "spread_by_user": lambda: rollups.spread_statement(scope("user"), ("user",)),
    "rank_by_error_rate": lambda: rank("error_rate", "model", "user"),
    "rank_by_key": lambda: rank("key", "provider"),
    "sums_of_kept_users": sums_of_kept_users,
    "sessions_of_kept_values": sessions_of_kept_values,
    "spread_of_kept_users": lambda: rollups.spread_statement(kept("user", path=""), ("user",)),
    "levels": lambda: levels_statement(scope("day"), "day", rollups.sums(scope("day"))),
    "levels_of_base_rows": levels_of_base_rows,
    "levels_of_split_days": levels_of_split_days,
    "span_counts": lambda: counts_statement(span_scope(PROJECT, SPANS, "hour"), "hour"),
    "span_durations": lambda: durations_statement(span_scope(PROJECT, SPANS, None)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_statement_is_as_its_file_has_it(name: str) -> None:
    assert CASES[name]() == (FOLDER / f"{name}.sql").read_text()


def test_there_is_a_file_for_each_statement_and_no_other() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == CASES.keys()


@pytest.mark.parametrize("name", CASES)
def test_no_value_stands_in_a_statement(name: str) -> None:
    statement = CASES[name]()

    assert "DROP" not in statement
    assert str(HALF_PAST)[:8] not in statement


if __name__ == "__main__":
    for name_, statement_ in CASES.items():
        (FOLDER / f"{name_}.sql").write_text(statement_())
