"""`budgets`, to read, and for gateways that ask whether a call may be made."""

import time
from collections.abc import Mapping
from typing import Annotated, Literal, cast

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.auth import AnyRequest, services
from api.declared import takes
from api.holders import by_token
from api.llm.budget_answers import budget_answer, check
from api.llm.budget_states import BudgetStates, Hours, Stand
from api.parameters import NothingFound, Project, prefixed, read, values_of
from api.reads import reader_of
from clickhouse.failures import QueryTooExpensive
from clickhouse.llm.budgets import read_hours, read_spends
from clickhouse.llm.rollups import METADATA
from clickhouse.queries.outlived import rows_from_of
from controlplane.llm.budget_alerts import list_alerts
from controlplane.llm.budgets import list_budgets
from schemas.described import describes
from schemas.llm.budgets import (
    Budget,
    BudgetAlerts,
    BudgetAnswer,
    BudgetList,
    Called,
    CheckAnswer,
)
from schemas.llm.forecasts import LOOKED_BACK_US
from schemas.projects import ProjectContext
from schemas.times import iso_ms, parse_timestamp_us
from schemas.zones import HOUR_US

ROLLING_RETRY_S = 60
"""When to ask again about a rolling window, which is never reset as a whole."""
PROJECT = "/projects/{project_id:str}"
OF_ROWS = ("key", "metadata")
"""Scopes whose hours are read from calls."""


class CheckQuery(Struct, frozen=True, kw_only=True):
    """What call is about to be made, and whether a refusal is answered as an error."""

    user_id: str | None = None
    model: str | None = None
    environment: str | None = None
    api_key: str | None = None
    refuse: Literal["0", "1"] = "0"


class AlertsQuery(Struct, frozen=True, kw_only=True):
    """How many of the newest."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


@get("/budgets", opt=describes(answer=BudgetList))
async def get_budgets(request: AnyRequest, project: Project) -> BudgetList:
    """Answers the budgets of a project with how they stand."""
    stand = await stand_of(request, project)
    hours = await hours_of(request, project, stand)
    answers = [shown(one, stand, hours) for one in stand.budgets]
    return BudgetList(budgets=answers, as_of=iso_ms(stand.as_of_us))


@get(
    "/budgets/check",
    opt={
        **takes(CheckQuery, prefix=METADATA),
        **describes(answer=CheckAnswer, errors=(429,)),
    },
)
async def check_budgets(request: AnyRequest, project: Project) -> Response[CheckAnswer]:
    """Answers whether a call is within its budgets."""
    values = values_of(request)
    query = read(values, CheckQuery)
    called = Called(
        user_id=query.user_id,
        model=query.model,
        environment=query.environment,
        # Who asks with a key is about to send the call with it, unless it says otherwise.
        api_key=(query.api_key or "").lower() or project.key_id,
        metadata=prefixed(values, METADATA),
    )
    stand = await stand_of(request, project)
    answer = check(stand.budgets, stand.spends, called, stand.as_of_us)
    if answer.allowed or query.refuse == "0":
        return Response(answer)
    headers = {"Retry-After": str(_retry_after_s(answer, time.time_ns() // 1000))}
    return Response(answer, status_code=429, headers=headers)


@get("/budgets/alerts", opt={**takes(AlertsQuery), **describes(answer=BudgetAlerts)})
async def get_budget_alerts(request: AnyRequest, project: Project) -> BudgetAlerts:
    """Answers of what people were told, the newest first."""
    limit = read(values_of(request), AlertsQuery).limit
    found = await list_alerts(services(request).database, project.project_id, limit)
    return BudgetAlerts(alerts=found)


@get("/budgets/{budget_id:str}", opt=describes(answer=BudgetAnswer))
async def get_budget(
    request: AnyRequest, project: Project, budget_id: FromPath[str]
) -> BudgetAnswer:
    """Answers one budget with how it stands."""
    stand = await stand_of(request, project)
    found = next((one for one in stand.budgets if one.id == budget_id.lower()), None)
    if found is None:
        raise NothingFound("Budget not found")
    return shown(found, stand, await hours_of(request, project, stand))


async def stand_of(request: AnyRequest, project: ProjectContext) -> Stand:
    """Returns the budgets of a project with their spend, from memory where it is there."""

    async def read_now() -> Stand:
        budgets = await list_budgets(services(request).database, project.project_id)
        now_us = time.time_ns() // 1000
        counted = [budget for budget in budgets if budget.enabled]
        if not counted:
            return Stand(tuple(budgets), {}, now_us)
        async with reader_of(request, project).turn() as warehouse:
            spends = await read_spends(warehouse, project, counted, now_us)
        return Stand(tuple(budgets), spends, now_us)

    return await states_of(request).of(project.project_id, read_now)


def states_of(request: AnyRequest) -> BudgetStates:
    """Returns what this process knows of budgets: `budget_states` of the application."""
    state = request.app.state
    if state.get("budget_states") is None:
        state["budget_states"] = BudgetStates()
    return cast("BudgetStates", state["budget_states"])


async def hours_of(request: AnyRequest, project: ProjectContext, stand: Stand) -> Hours:
    """Returns what was spent in each hour of the last weeks, of the budgets that go by it.

    Those of each do not: it would be a sum for each of 50,000 users. Read once in ten minutes.
    """

    async def read_now() -> Hours:
        to_us = stand.as_of_us - stand.as_of_us % HOUR_US
        found: dict[str, Mapping[int, float]] = {}
        async with reader_of(request, project).turn() as warehouse:
            for one in stand.budgets:
                if not one.enabled or one.is_of_each or one.window == "rolling":
                    continue
                from_us = to_us - LOOKED_BACK_US
                if one.scope in OF_ROWS and rows_from_of(project, from_us) is not None:
                    continue  # of hours whose calls are gone nothing is known
                try:
                    hours = await read_hours(warehouse, project, one, from_us, to_us)
                except QueryTooExpensive:
                    continue  # it is forecast as a line then
                found[one.id] = {us: float(each.by(one.measure)) for us, each in hours.items()}
        return found

    return await states_of(request).hours_of(project.project_id, read_now)


def shown(budget: Budget, stand: Stand, hours: Hours) -> BudgetAnswer:
    """Returns a budget as it is answered."""
    spend, own = stand.spends.get(budget.id), hours.get(budget.id, {})
    return budget_answer(budget, spend, own, stand.as_of_us)


def _retry_after_s(answer: CheckAnswer, now_us: int) -> int:
    """Returns in how many seconds the last of the budgets that refuse is reset."""
    ends = [one.window_end for one in answer.budgets if one.refuses and one.state == "exceeded"]
    waits = [
        ROLLING_RETRY_S if end is None else -((now_us - parse_timestamp_us(end)) // 1_000_000)
        for end in ends
    ]
    return max(1, *waits)


HANDLERS = (get_budgets, check_budgets, get_budget_alerts, get_budget)
BY_TOKEN = (
    by_token(f"{PROJECT}/budgets", get_budgets),
    by_token(f"{PROJECT}/budgets/check", check_budgets),
    by_token(f"{PROJECT}/budgets/alerts", get_budget_alerts),
    by_token(f"{PROJECT}/budgets/{{budget_id:str}}", get_budget),
)
