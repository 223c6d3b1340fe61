"""Looks for anomalies of the budgets that want it: each is told once, of its hour and its model."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

import structlog

from alerts.llm.wording import anomaly_message
from clickhouse.client import Warehouse
from clickhouse.failures import WarehouseError
from clickhouse.llm.model_hours import read_model_hours
from controlplane.database import Database
from controlplane.llm.budget_alerts import Reached, Telling, tell
from controlplane.llm.budgets import OfProject
from schemas.llm.anomalies import LOOKED_BACK_US, anomalies_of
from schemas.llm.budgets import Budget, Spent
from schemas.zones import HOUR_US

LOOK_EVERY_US = 60_000_000

log = structlog.get_logger(__name__)


class AnomalyWatch:
    """Looks at the hour that goes on and the one before, once a minute at most."""

    def __init__(self, database: Database, warehouse: Warehouse) -> None:
        self._database = database
        self._warehouse = warehouse
        self._due_us = 0
        self._mark: int | None = None
        self._told: set[tuple[str, str, int]] = set()

    async def look(self, active: Sequence[OfProject], mark: int, now_us: int) -> None:
        """Tells what is new, where calls came since: `mark` is another one then."""
        if now_us < self._due_us or mark == self._mark:
            return
        self._due_us, self._mark = now_us + LOOK_EVERY_US, mark
        for of in active:
            watching = [one for one in of.budgets if one.anomaly_minimum is not None]
            if not watching:
                continue
            try:
                await self._look_at(of, watching, now_us)
            except WarehouseError as error:
                # One project that costs too much must not keep the others from being told.
                reason, project_id = str(error)[:500], of.project.project_id
                log.warning("anomalies not looked for", project_id=project_id, reason=reason)

    async def _look_at(self, of: OfProject, watching: Sequence[Budget], now_us: int) -> None:
        hour_us = now_us - now_us % HOUR_US
        judged = (hour_us - HOUR_US, hour_us)
        from_us = judged[0] - LOOKED_BACK_US
        models = await read_model_hours(self._warehouse, of.project, from_us, now_us)
        for budget in watching:
            for hour in judged:
                await self._tell(of, budget, _found(budget, models, hour), hour, now_us)
        self._told = {one for one in self._told if one[2] >= judged[0]}

    async def _tell(
        self, of: OfProject, budget: Budget, found: Sequence[Reached], hour: int, now_us: int
    ) -> None:
        name = f"{budget.id}/{budget.revision}"
        new = [one for one in found if (name, one.entity, hour) not in self._told]
        if not new:
            return
        project_id = of.project.project_id
        telling = Telling(project_id, budget, "anomaly", window_us=hour, since_us=hour)
        build = partial(anomaly_message, project_id, budget, hour, now_us=now_us)
        if await tell(self._database, telling, new, build, now_us) is not None:
            self._told |= {(name, one.entity, hour) for one in new}


def _found(budget: Budget, models: dict[str, dict[int, Spent]], hour: int) -> list[Reached]:
    """Returns the anomalies of an hour: of each model, of one, or of all together."""
    series: dict[str, dict[int, float]] = {}
    for model, hours in models.items():
        if budget.scope == "model" and budget.value not in (None, model):
            continue
        into = series.setdefault(model if budget.is_of_each else "", {})
        for us, spent in hours.items():
            into[us] = into.get(us, 0.0) + float(spent.by(budget.measure))
    least = float(budget.anomaly_minimum or 0)
    return [
        Reached(entity, 0, _exact(one.amount), _exact(one.usual))
        for entity, hours in series.items()
        if entity or not budget.is_of_each
        for one in anomalies_of(hours, [hour], least)
    ]


def _exact(amount: float) -> Decimal:
    """Returns a sum of floats with the digits that it is worth."""
    return Decimal(f"{amount:.9f}").normalize()
