"""Evaluates the budgets of all projects: in one process of all, every few seconds.

Nothing is added up while no calls come. A round that takes long is followed by a longer pause, so
that it has a fifth of one thread of the store at most.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from alerts.llm.anomalies import AnomalyWatch
from alerts.llm.wording import Occasion, message_of
from clickhouse.client import Warehouse
from clickhouse.failures import WarehouseError
from clickhouse.llm.budgets import Spend, read_spends
from clickhouse.newness import calls_mark
from controlplane.database import Database
from controlplane.key_names import list_key_names
from controlplane.llm.budget_alerts import Reached, Telling, forget_alerts, tell
from controlplane.llm.budgets import OfProject, list_active
from schemas.llm.budgets import Budget
from schemas.projects import ProjectId
from schemas.zones import HOUR_US

LOOK_EVERY_US = 5_000_000
SHARE = 5
"""A round takes at most one part in so many of the time."""
MOST_AT_ONCE = 5000
"""Thresholds that one transaction keeps, and one message tells."""
FORGET_EVERY_US = HOUR_US
KEPT_US = 90 * 24 * HOUR_US
"""How long what was told is kept: no window is as long."""

log = structlog.get_logger(__name__)


class BudgetEvaluation:
    """Looks after budgets. Several may run at once for a moment: each threshold is told once."""

    def __init__(
        self,
        database: Database,
        warehouse: Warehouse,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._database = database
        self._warehouse = warehouse
        self._now_us = now_us
        self._due_us = self._forget_due_us = 0
        self._seen: object = None
        self._watch = AnomalyWatch(database, warehouse)
        self._told: dict[str, dict[tuple[str, int], int]] = {}
        """By budget and revision, what is known to be told, with the window that it was told of."""

    async def work(self) -> None:
        """Does what is due; cheap when nothing is."""
        now_us = self._now_us()
        if now_us < self._due_us:
            return
        active = await list_active(self._database)
        if active:
            # Asked before the sums: what is stored while they are made is looked at the next time.
            mark = await calls_mark(self._warehouse)
            await self._look(active, mark, now_us)
            await self._watch.look(active, mark, now_us)
        if now_us >= self._forget_due_us:
            await forget_alerts(self._database, now_us - KEPT_US)
            self._forget_due_us = now_us + FORGET_EVERY_US
        ended_us = self._now_us()
        self._due_us = now_us + max(LOOK_EVERY_US, SHARE * (ended_us - now_us))

    async def _look(self, active: Sequence[OfProject], mark: int, now_us: int) -> None:
        state = mark, _asked(active, now_us)
        if state == self._seen:
            return
        is_whole = True
        for of in active:
            try:
                await self._evaluate(of, now_us)
            except WarehouseError as error:
                # One project that costs too much must not keep the others from being told.
                is_whole = False
                reason, project_id = str(error)[:500], of.project.project_id
                log.warning("budgets not evaluated", project_id=project_id, reason=reason)
        live = {_name(budget) for of in active for budget in of.budgets}
        self._told = {name: told for name, told in self._told.items() if name in live}
        self._seen = state if is_whole else None

    async def _evaluate(self, of: OfProject, now_us: int) -> None:
        spends = await read_spends(self._warehouse, of.project, of.budgets, now_us)
        for budget in of.budgets:
            await self._tell(of.project.project_id, budget, spends[budget.id], now_us)

    async def _tell(self, project_id: ProjectId, budget: Budget, spend: Spend, now_us: int) -> None:
        window = spend.window
        is_rolling = window.end_us is None
        telling = Telling(
            *(project_id, budget, "threshold"),
            window_us=now_us if is_rolling else window.start_us,
            since_us=window.start_us,
        )
        known = self._told.get(_name(budget), {})
        told = {name: us for name, us in known.items() if us >= telling.since_us}
        self._told[_name(budget)] = told
        new = [one for one in reached_by(budget, spend) if (one.entity, one.threshold) not in told]
        names = {}
        if new and budget.scope == "key":
            names = await list_key_names(self._database, project_id)
        build = partial(message_of, Occasion(project_id, budget, window, names, now_us))
        for first in range(0, len(new), MOST_AT_ONCE):
            some = new[first : first + MOST_AT_ONCE]
            kept = await tell(self._database, telling, some, build, now_us)
            if kept is None:
                return
            told |= {(one.entity, one.threshold): kept[one.key] for one in some}
            log.info("budget told", project_id=project_id, budget_id=budget.id, count=len(some))


def reached_by(budget: Budget, spend: Spend) -> list[Reached]:
    """Returns every threshold that was reached, by entity."""
    amounts = [(percent, budget.amount * percent / 100) for percent in budget.thresholds]
    return [
        Reached(entity, percent, used, budget.amount)
        for entity, spent in spend.by_entity.items()
        if (used := spent.by(budget.measure)) >= amounts[0][1]
        for percent, least in amounts
        if used >= least
    ]


def _name(budget: Budget) -> str:
    return f"{budget.id}/{budget.revision}"


def _asked(active: Sequence[OfProject], now_us: int) -> object:
    """Returns what makes a round necessary although no calls came: budgets, windows that begin."""
    return [
        (budget, None if budget.window == "rolling" else budget.window_at(now_us).start_us)
        for of in active
        for budget in of.budgets
    ]
