"""What budgets count: spend over their windows, by the statements that analytics are made of.

So a budget says the same as the dashboard. Budgets of one project that count the same calls over
the same window share a statement.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.failures import QueryTooExpensive
from clickhouse.llm import rollup_sql, rollups
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.groups import Grouping, ordered
from clickhouse.llm.key_days import scope_of
from clickhouse.llm.rollups import METADATA, Scope
from clickhouse.queries.outlived import rows_from_of
from clickhouse.tags import read_tag
from schemas.llm.budget_windows import Window
from schemas.llm.budgets import Budget, Spent
from schemas.projects import ProjectContext

MOST_ENTITIES = 50_000
"""Users, models, ... of a budget for each: those of which most is spent."""
COLUMNS = ("requests", "input", "output", "unpriced", "counted")
"""In the order of `Sums`."""
ORDERS = {"cost": "cost", "tokens": "tokens", "calls": "requests"}
DIMENSIONS = {"user": "user", "model": "model", "key": "api_key", "environment": "environment"}
"""What analytics call a scope."""


class Spend(NamedTuple):
    """What was spent in a window, by user, model, ...; under the empty text of one or of all."""

    window: Window
    by_entity: Mapping[str, Spent]
    is_cut: bool = False
    """Whether those who spent least are left out."""
    is_known: bool = True
    """Whether it could be added up: a budget may ask for more than a statement may read."""
    rows_from: str | None = None
    """Since when rows are whole, where the window begins before: what was spent until then is of
    kept sums."""


class _Question(NamedTuple):
    """What a statement answers; several budgets may ask the same one."""

    names: tuple[str, ...]
    order: str
    user: str | None
    model: str | None
    environment: str | None
    api_key: str | None
    metadata: tuple[tuple[str, str], ...]
    window: Window


async def read_spends(
    warehouse: Warehouse, project: ProjectContext, budgets: Sequence[Budget], now_us: int
) -> dict[str, Spend]:
    """Returns what was spent of each budget in its window of now, by the budget's id."""
    asked = {budget.id: _question(budget, now_us) for budget in budgets}
    answers: dict[_Question, Spend] = {}
    for question in asked.values():
        if question not in answers:
            try:
                answers[question] = await _read(warehouse, project, question, now_us)
            except QueryTooExpensive:
                # One budget over too many rows must not leave the others unknown.
                answers[question] = Spend(question.window, {}, is_known=False)
    return {budget_id: answers[question] for budget_id, question in asked.items()}


async def read_hours(
    warehouse: Warehouse, project: ProjectContext, budget: Budget, from_us: int, to_us: int
) -> dict[int, Spent]:
    """Returns what was spent of a budget that is not of each, by the start of the hour in UTC."""
    asked = _question(budget, to_us)._replace(window=Window(from_us, to_us), names=("hour",))
    scoped = rollups.scope(
        replace(project, time_zone="UTC"), _wanted(asked, to_us), names=asked.names
    )
    statement = rollups.statement(scoped, asked.names, rollups.sums(scoped, COLUMNS))
    answer = await warehouse.query(statement, rollups.values_of(scoped))
    return {int(row[0]): spent_in(row[1:]) for row in answer.rows}


def _question(budget: Budget, now_us: int) -> _Question:
    name = DIMENSIONS.get(budget.scope, f"{METADATA}{budget.metadata_key}")
    one = budget.value if budget.scope in DIMENSIONS else None
    pairs: tuple[tuple[str, str], ...] = ()
    if budget.scope == "metadata" and budget.value is not None:
        pairs = ((budget.metadata_key, budget.value),)
    return _Question(
        names=(name,) if budget.is_of_each else (),
        order=ORDERS[budget.measure] if budget.is_of_each else "cost",
        user=one if budget.scope == "user" else None,
        model=one if budget.scope == "model" else None,
        environment=one if budget.scope == "environment" else None,
        api_key=one if budget.scope == "key" else None,
        metadata=pairs,
        window=budget.window_at(now_us),
    )


async def _read(
    warehouse: Warehouse, project: ProjectContext, asked: _Question, now_us: int
) -> Spend:
    scoped = await scope_of(warehouse, project, _wanted(asked, now_us), names=asked.names)
    values = rollups.values_of(scoped) | {"limit": MOST_ENTITIES + 1}
    statement = _statement(scoped, asked)
    answer = await warehouse.query(statement, values, max_result_rows=MOST_ENTITIES + 1)
    width = len(asked.names)
    spent = {_entity(asked, row[:width]): spent_in(row[width:]) for row in answer.rows}
    is_cut = len(spent) > MOST_ENTITIES
    if is_cut:
        spent.popitem()
    if width:
        spent.pop("", None)  # calls that name none count for nobody
    rows_from = rows_from_of(project, asked.window.start_us)
    return Spend(asked.window, spent, is_cut, rows_from=rows_from)


def _wanted(asked: _Question, now_us: int) -> TraceFilter:
    return TraceFilter(
        from_us=asked.window.start_us,
        to_us=asked.window.last_us(now_us),
        user=asked.user,
        model=asked.model,
        environment=asked.environment,
        api_key=asked.api_key,
        metadata=asked.metadata,
    )


def _statement(scoped: Scope, asked: _Question) -> str:
    columns = rollups.sums(scoped, COLUMNS)
    if not asked.names:
        return rollups.statement(scoped, (), columns, ending="")
    keys = rollup_sql.grouped(rollup_sql.key_names(asked.names))
    order = ordered(Grouping(asked.names, asked.order))
    ending = f"{keys}\n{rollup_sql.NOT_EMPTY}\nORDER BY {order}\nLIMIT {{limit:UInt32}}"
    return rollups.statement(scoped, asked.names, columns, ending=ending)


def _entity(asked: _Question, key: Sequence[Any]) -> str:
    if not key:
        return ""
    name = str(key[0])
    return (read_tag(name) or "") if asked.names[0].startswith(METADATA) else name


def spent_in(row: Sequence[Any]) -> Spent:
    """Returns what a row of `COLUMNS` says."""
    calls, incoming, outgoing, unpriced, cost = row
    return Spent(cost, incoming + outgoing, calls, unpriced)
