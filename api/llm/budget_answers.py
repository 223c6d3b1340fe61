"""How budgets stand, as it is answered. Pure: spend comes in, no store and no clock."""

from collections.abc import Mapping
from decimal import Decimal
from heapq import nlargest

from clickhouse.llm.budgets import Spend
from clickhouse.queries.values import quotient
from schemas.answers import Number
from schemas.llm.budgets import Budget, BudgetAnswer, Called, CheckAnswer, Spent, Standing, State
from schemas.llm.forecasts import Forecast, forecast
from schemas.times import iso_ms

MOST_SHOWN = 10
"""Users, models, ... of a budget in a list."""


def check(
    budgets: tuple[Budget, ...], spends: Mapping[str, Spend], called: Called, as_of_us: int
) -> CheckAnswer:
    """Answers whether a call is within every budget that it counts for.

    One that is not known refuses nothing: a gateway must not stop because a sum is late.
    """
    found = []
    for budget in budgets:
        entity = entity_of(budget, called) if budget.enabled else None
        if entity is not None:
            found.append(standing_of(budget, spends[budget.id], entity))
    allowed = not any(one.refuses and one.state == "exceeded" for one in found)
    return CheckAnswer(allowed=allowed, budgets=found, as_of=iso_ms(as_of_us))


def entity_of(budget: Budget, called: Called) -> str | None:
    """Returns under which name a budget counts a call; `None` where it does not count it."""
    if budget.scope == "project":
        return ""
    given = {
        "user": called.user_id,
        "model": called.model,
        "key": called.api_key,
        "environment": called.environment,
        "metadata": dict(called.metadata).get(budget.metadata_key),
    }[budget.scope]
    if not given:
        return None
    if budget.is_of_each:
        return given
    return "" if given == budget.value else None


def standing_of(
    budget: Budget, spend: Spend, entity: str, coming: Forecast | None = None
) -> Standing:
    """Returns how a budget stands for one entity; the empty text is of what it is of as a whole."""
    spent = spent_of(spend, entity)
    used = None if spent is None else spent.by(budget.measure)
    end_us = spend.window.end_us
    return Standing(
        id=budget.id,
        name=budget.name,
        scope=budget.scope,
        entity=entity or budget.value,
        measure=budget.measure,
        amount=quotient(budget.amount, 1),
        spent=None if used is None else quotient(used, 1),
        remaining=None if used is None else quotient(max(budget.amount - used, Decimal(0)), 1),
        percent=None if used is None else quotient(used * 100, budget.amount),
        unpriced_calls=None if spent is None else spent.unpriced,
        refuses=budget.refuses,
        state=state_of(budget, used),
        window_start=iso_ms(spend.window.start_us),
        window_end=None if end_us is None else iso_ms(end_us),
        rows_from=spend.rows_from,
        forecast=None if coming is None else rounded(coming.amount),
        forecast_method=None if coming is None else coming.method,
    )


def spent_of(spend: Spend, entity: str) -> Spent | None:
    """Returns what was spent for an entity; `None` where that is not known."""
    if not spend.is_known:
        return None
    # Of those who are left out it is known that they spent less, and not how much.
    return spend.by_entity.get(entity, None if spend.is_cut else Spent())


def state_of(budget: Budget, used: Decimal | None) -> State:
    """Returns how a budget stands with so much spent."""
    if used is None:
        return "unknown"
    if used >= budget.amount:
        return "exceeded"
    return "warning" if used * 100 >= budget.amount * budget.thresholds[0] else "ok"


def budget_answer(
    budget: Budget, spend: Spend | None, hours: Mapping[int, float], as_of_us: int
) -> BudgetAnswer:
    """Returns a budget with those of which most is spent; one that is off has no spend.

    `hours` is what was spent in the last weeks, for its forecast; of one of each it is empty.
    """
    entities = [] if spend is None else _largest(budget, spend)
    is_rolling, least = budget.window == "rolling", budget.anomaly_minimum
    return BudgetAnswer(
        id=budget.id,
        name=budget.name,
        amount=quotient(budget.amount, 1),
        scope=budget.scope,
        metadata_key=budget.metadata_key,
        value=budget.value,
        measure=budget.measure,
        window=budget.window,
        hours=budget.hours if is_rolling else None,
        time_zone=None if is_rolling else budget.time_zone,
        thresholds=budget.thresholds,
        refuses=budget.refuses,
        enabled=budget.enabled,
        anomaly_minimum=None if least is None else quotient(least, 1),
        channel_ids=budget.channel_ids,
        created_at=iso_ms(budget.created_us),
        entities=0 if spend is None else len(spend.by_entity),
        is_cut=spend is not None and spend.is_cut,
        standing=[
            standing_of(budget, spend, one, _coming(budget, spend, one, hours, as_of_us))
            for one in entities
        ]
        if spend
        else [],
    )


def _coming(
    budget: Budget, spend: Spend, entity: str, hours: Mapping[int, float], as_of_us: int
) -> Forecast | None:
    spent = spent_of(spend, entity)
    if spent is None:
        return None
    return forecast(spend.window, as_of_us, float(spent.by(budget.measure)), hours)


def rounded(amount: float) -> Number:
    """Returns an estimate with the digits that it is worth."""
    number = float(f"{amount:.4g}")
    return int(number) if number.is_integer() else number


def _largest(budget: Budget, spend: Spend) -> list[str]:
    if not budget.is_of_each:
        return [""]

    def amount(entity: str) -> Decimal:
        return spend.by_entity[entity].by(budget.measure)

    return nlargest(MOST_SHOWN, spend.by_entity, key=amount)
