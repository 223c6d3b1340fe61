"""Budgets and groups by keys say the same when retention has deleted the calls behind them."""

import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from clickhouse.client import Warehouse
from clickhouse.kept_days import API_KEYS, Leaving, forget_people
from clickhouse.llm import reprice
from clickhouse.llm.budgets import Spend, read_spends
from clickhouse.llm.groups import Grouping, rank_groups, read_groups, sum_groups
from clickhouse.llm.key_days import find_kept, scope_of
from clickhouse.llm.outlived import note_of_scopes
from clickhouse.persons import mutation_settings
from clickhouse.queries.outlived import rows_from_of
from clickhouse.retention import Expiry, Keeping
from controlplane.database import Database
from controlplane.erasures import request_erasure
from controlplane.llm.budgets import add_budget, remove_budget
from controlplane.thinning import find_rows_from
from processors.thinning import Cutting, Thinning
from schemas.llm.answers import SummedGroup
from schemas.llm.budgets import Budget, BudgetForm
from schemas.projects import ProjectContext
from schemas.retention import InForce, RetentionPolicy
from schemas.times import day_us
from schemas.zones import HOUR_US
from tests.integration.issues.seen import make_project
from tests.integration.queries.conftest import store_spans, store_traces
from tests.integration.queries.rows import DAY_US, START_US, make_span
from tests.integration.store import test_key_days
from tests.integration.store.test_key_days import ALL, TEAM, calls, change_of, day_of, kept, work

database = test_key_days.database
project = test_key_days.project
RANGE = structs.replace(ALL, to_us=(ALL.to_us or 0) - 1)
NOW_US = START_US + 20 * DAY_US
CUT_DAY = day_of(START_US + 12 * DAY_US)
"""Calls of before are gone: all but those that came in a month late."""
KEY = "5b3c2a34-0c1f-4a53-9d3c-0a3d3a0f6f10"
JANE = "jane.doe@secret.example"
ASKED: tuple[dict[str, Any], ...] = (
    {"scope": "key"},
    {"scope": "key", "value": KEY},
    {"scope": "metadata", "metadata_key": "team"},
    {"scope": "metadata", "metadata_key": "team", "value": "core", "measure": "tokens"},
)


def some_calls(project: ProjectContext, seed: int) -> list[Any]:
    """Returns calls of six days, none of which came in later than their day and the next."""
    rows = calls(project, seed, 400)
    rows = [row for row in rows if row.received_at_us - row.timestamp_us <= DAY_US]
    return [structs.replace(row, api_key=KEY) if row.api_key == "key-1" else row for row in rows]


async def make_budgets(database: Database, project: ProjectContext) -> list[Budget]:
    forms = [BudgetForm(name="B", amount=Decimal(5), time_zone="UTC", **asked) for asked in ASKED]
    return [await add_budget(database, project.project_id, form) for form in forms]


async def spends(
    warehouse: Warehouse, project: ProjectContext, budgets: Sequence[Budget]
) -> list[Spend]:
    """Reads what was spent, and sees that each says since when rows are whole."""
    found = await read_spends(warehouse, project, budgets, NOW_US)
    for spend in found.values():
        assert spend.rows_from == rows_from_of(project, spend.window.start_us)
    return [found[one.id]._replace(rows_from=None) for one in budgets]


async def retain(database: Database, warehouse: Warehouse, project: ProjectContext) -> None:
    """Deletes the calls of before `CUT_DAY`, as retention does."""
    await expire(database, warehouse, own_days={project.project_id: 8})


async def expire(database: Database, warehouse: Warehouse, **chosen: Any) -> None:
    keep = {"calls": work(database, warehouse).keep}
    keeping = Keeping(
        today=CUT_DAY + timedelta(days=8),
        default_days=100_000,
        sums_days=100_000,
        window_days=7,
        **{"own_days": {}, **chosen},
    )
    watcher = Cutting(database, CUT_DAY, settle_s=0.0, keepers=keep)
    assert await Expiry(warehouse).run(keeping, limit_s=60, watcher=watcher)


async def sample(database: Database, warehouse: Warehouse, project: ProjectContext) -> None:
    """Leaves a fifth of the calls of before `CUT_DAY`."""
    keep = {"calls": work(database, warehouse).keep}
    policy = RetentionPolicy(sample_from_days=8, sample_percent=20)
    keeping = Keeping(
        today=CUT_DAY + timedelta(days=9),
        default_days=100_000,
        own_days={},
        policies={project.project_id: InForce((policy,))},
        window_days=7,
    )
    assert await Thinning(database, warehouse, settle_s=0.0, keepers=keep).run(keeping, limit_s=60)


async def told(database: Database, project: ProjectContext) -> ProjectContext:
    """Returns the project as readers know it now."""
    rows_from = await find_rows_from(database, project.project_id)
    return structs.replace(project, rows_from_us=None if rows_from is None else day_us(rows_from))


def count(warehouse: Warehouse, project: ProjectContext, table: str = "traces") -> int:
    sql = f"SELECT count() FROM {table} WHERE project_id = {{p:String}}"
    return int(warehouse.query_now(sql, {"p": project.project_id}, {}).rows[0][0])


async def partial_of(
    warehouse: Warehouse, project: ProjectContext, wanted: Any, *names: str
) -> list[str] | None:
    scoped = await scope_of(warehouse, project, wanted, names=names)
    note = note_of_scopes((scoped,), of="groups")
    return None if note is None else note.partial


@pytest.mark.parametrize("delete", [retain, sample])
async def test_budgets_and_groups_by_keys_say_the_same_when_calls_are_gone(
    warehouse: Warehouse, database: Database, project: ProjectContext, delete: Any
) -> None:
    rows = some_calls(project, 31)
    store_traces(warehouse, rows)
    budgets = await make_budgets(database, project)
    grouping = Grouping((TEAM, "model"), interval="day")
    before = await spends(warehouse, project, budgets)
    ranked = await rank_groups(warehouse, project, RANGE, grouping)
    groups = await read_groups(warehouse, project, ranked, slice(None))

    await delete(database, warehouse, project)

    assert count(warehouse, project) < len(rows) // 3
    thinned = await told(database, project)
    assert await spends(warehouse, thinned, budgets) == before
    assert all(spend.by_entity for spend in before)
    ranked = await rank_groups(warehouse, thinned, RANGE, grouping)
    found = await read_groups(warehouse, thinned, ranked, slice(None))
    without = [structs.replace(one, p50=0, p90=0, p95=0, p99=0) for one in (*groups, *found)]
    assert without[len(groups) :] == without[: len(groups)]
    assert await partial_of(warehouse, thinned, RANGE, TEAM) == []
    assert await partial_of(warehouse, thinned, RANGE, "api_key") == []
    assert await partial_of(warehouse, thinned, RANGE, "metadata.other") == ["groups", "latency"]
    seconds = structs.replace(RANGE, to_us=START_US + 8 * DAY_US - 1_000_000)
    assert await partial_of(warehouse, thinned, seconds, TEAM) == []
    ragged = structs.replace(RANGE, from_us=(ALL.from_us or 0) + DAY_US + HOUR_US)
    assert await partial_of(warehouse, thinned, ragged, TEAM) == ["groups", "latency"]


async def test_what_is_kept_of_days_without_calls_stays_though_nobody_asks(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    store_traces(warehouse, some_calls(project, 32))
    [budget] = (await make_budgets(database, project))[2:3]
    await retain(database, warehouse, project)
    before = await kept(warehouse, project, "team")
    await remove_budget(database, project.project_id, budget.id)

    later = work(database, warehouse, 86_400.0)
    await later.work()
    await later.keep({project.project_id: CUT_DAY})

    assert before
    assert await kept(warehouse, project, "team") == before
    assert await kept(warehouse, project, API_KEYS) == before


async def test_sums_are_kept_though_agent_spans_of_their_days_go_first(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    store_traces(warehouse, some_calls(project, 37))
    store_spans(warehouse, [make_span(project.project_id, "span")])
    budgets = await make_budgets(database, project)
    before = await spends(warehouse, project, budgets)

    await retain(database, warehouse, project)

    assert count(warehouse, project, "spans") == 0
    assert await spends(warehouse, await told(database, project), budgets) == before


async def test_sums_of_a_key_that_is_asked_for_when_agent_spans_are_gone_are_kept(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    rows = some_calls(project, 38)
    store_traces(warehouse, rows)
    store_spans(warehouse, [make_span(project.project_id, "span")])
    shorter = RetentionPolicy(kinds={"agent_spans": 8})
    policies = {project.project_id: InForce((shorter,))}
    await expire(database, warehouse, policies=policies)
    assert (await told(database, project)).rows_from_us is not None
    assert count(warehouse, project) == len(rows)
    budgets = await make_budgets(database, project)
    before = await spends(warehouse, project, budgets)

    await retain(database, warehouse, project)

    thinned = await told(database, project)
    assert await spends(warehouse, thinned, budgets) == before
    assert await partial_of(warehouse, thinned, RANGE, TEAM) == []


async def test_calls_stay_while_a_person_is_being_erased(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    rows = some_calls(project, 33)
    store_traces(warehouse, rows)
    await request_erasure(database, project.project_id, "u1", by=None)

    await retain(database, warehouse, project)
    await sample(database, warehouse, project)

    assert count(warehouse, project) == len(rows)
    assert (await told(database, project)).rows_from_us is None


async def test_calls_stay_of_who_is_erased_while_the_sums_of_other_projects_are_kept(
    warehouse: Warehouse,
    database: Database,
    project: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = await make_project(database, "Other")
    keeper = work(database, warehouse)

    async def keep_one(project_id: str, *_: Any) -> bool:
        if project_id == other:
            await request_erasure(database, project.project_id, "u1", by=None)
        return True

    monkeypatch.setattr(keeper, "_keep", keep_one)

    held = await keeper.keep({project.project_id: CUT_DAY, other: CUT_DAY})

    assert held == [project.project_id]


async def test_a_person_leaves_days_whose_calls_are_gone_and_what_others_spent_stays(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    rows = some_calls(project, 34)
    theirs = ({"team": "Jane's own"}, {"team": f"of {JANE}"}, {"team": "core"})
    for place, row in enumerate(rows[:60]):
        rows[place] = structs.replace(row, user_id=JANE, tags=theirs[place % 3])
    store_traces(warehouse, rows)
    budgets = (await make_budgets(database, project))[2:]
    before = await spends(warehouse, project, budgets)
    await retain(database, warehouse, project)
    thinned = await told(database, project)
    assert thinned.rows_from_us is not None
    days = await kept(warehouse, project, "team")
    leaving = Leaving(project.project_id, JANE, CUT_DAY)
    settings = await mutation_settings(warehouse)

    for build in (10**17, 2 * 10**17):  # the second finds nothing
        await forget_people(warehouse, leaving, build=build, settings=settings)

        assert await kept(warehouse, project, "team") == days
        after = await spends(warehouse, thinned, budgets)
        names = {"Jane's own", f"of {JANE}"}
        assert names <= set(before[0].by_entity)
        left = {name: one for name, one in before[0].by_entity.items() if name not in names}
        assert after[0].by_entity == left
        assert after[1] == before[1]
        assert _texts(warehouse, project) == 0
    assert await _total(warehouse, thinned) == len(rows)


async def _total(warehouse: Warehouse, project: ProjectContext) -> int:
    groups: list[SummedGroup] = await sum_groups(warehouse, project, ALL, Grouping((TEAM,)))
    return sum(one.requests for one in groups)


async def test_prices_set_anew_on_a_day_of_which_calls_are_gone_lose_no_call(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    rows = some_calls(project, 36)
    store_traces(warehouse, rows)
    budgets = await make_budgets(database, project)
    before = await spends(warehouse, project, budgets)
    await sample(database, warehouse, project)
    sql = "SELECT trace_id FROM traces WHERE project_id = {p:String}"
    left = {row[0] for row in warehouse.query_now(sql, {"p": project.project_id}, {}).rows}
    row = next(one for one in rows if one.trace_id in left and one.computed_cost_pico)
    of_run = reprice.RowRange(project.project_id, "trace", 0, 2**60)
    chunk = reprice.Chunk(of_run, uuid.uuid4().hex, 0)
    change = change_of(row, row.computed_cost_pico + 777)

    await reprice.store_changes(warehouse, chunk, [change])
    await reprice.set_costs(warehouse, chunk, [change])

    thinned = await told(database, project)
    assert await spends(warehouse, thinned, budgets) == before
    assert await partial_of(warehouse, thinned, RANGE, TEAM) == ["groups", "latency"]


def _texts(warehouse: Warehouse, project: ProjectContext) -> int:
    sql = """
        SELECT count() FROM key_days AS t
        WHERE project_id = {p:String} AND path != '' AND (
            position(toString(tuple(t.*)), 'ane') > 0 OR owner = sipHash64({person:String}))"""
    values = {"p": project.project_id, "person": JANE}
    return int(warehouse.query_now(sql, values, {}).rows[0][0])


async def test_a_day_of_which_nothing_is_kept_is_said_to_be_missing(
    warehouse: Warehouse, database: Database, project: ProjectContext
) -> None:
    store_traces(warehouse, some_calls(project, 35))
    await make_budgets(database, project)
    await retain(database, warehouse, project)
    thinned = await told(database, project)
    gone: date = (await kept(warehouse, project, "team"))[2]
    sql = "DELETE FROM key_days WHERE project_id = {p:String} AND received_date = {d:Date}"
    warehouse.command_now(sql, {"p": project.project_id, "d": gone}, {})

    found = await find_kept(warehouse, thinned, "team", (ALL.from_us or 0, ALL.to_us or 0))

    assert found is not None
    assert found.lacks_days
    assert await partial_of(warehouse, thinned, RANGE, TEAM) == ["groups", "latency"]
