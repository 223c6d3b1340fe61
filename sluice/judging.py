"""Judges put together: by which rules and models they judge, and which budgets stop them."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from api.llm.budget_answers import check
from clickhouse.client import Warehouse
from clickhouse.llm.budgets import Spend, read_spends
from controlplane.database import Database
from controlplane.failures import NotFound
from controlplane.llm.budgets import list_budgets
from controlplane.llm.dataset_items import Asked, find_item
from processors.blocks import StoredLog
from processors.llm.judges.asking import Asker, ModelAccess
from processors.llm.judges.by_model import ModelJudges
from processors.llm.judges.by_rules import Expected, RuleJudges
from processors.llm.judges.judging import Judging
from processors.llm.judges.model_calls import ModelAsking
from processors.llm.judges.texts import OfItem
from processors.llm.judges.trying import Trying
from schemas.llm.budgets import Budget, Called
from schemas.projects import ProjectContext, ProjectId
from schemas.settings import Settings, SettingsError
from sluice.parts import Resources, Work

BUDGETS_FRESH_S = 5.0
MOST_PROJECTS = 100
"""Of which sums are kept."""


class BudgetStops:
    """Tells whether budgets of a project refuse the calls of its judges, as checks of gateways do.

    Sums are some seconds old: calls that are on their way are in none of them anyhow.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[ProjectId, tuple[float, list[Budget], dict[str, Spend]]] = (
            OrderedDict()
        )

    async def exceeded(
        self, warehouse: Warehouse, project: ProjectContext, called: Called
    ) -> str | None:
        """Returns the name of a budget that refuses a call; `None` where none does."""
        now = time.monotonic()
        known = self._known.get(project.project_id)
        if known is None or now - known[0] > BUDGETS_FRESH_S:
            every = await list_budgets(self._database, project.project_id)
            budgets = [one for one in every if one.enabled]
            now_us = time.time_ns() // 1000
            spends = await read_spends(warehouse, project, budgets, now_us) if budgets else {}
            known = self._known[project.project_id] = now, budgets, spends
            self._known.move_to_end(project.project_id)
            if len(self._known) > MOST_PROJECTS:
                self._known.popitem(last=False)
        answer = check(tuple(known[1]), known[2], called, time.time_ns() // 1000)
        refusing = (one for one in answer.budgets if one.refuses and one.state == "exceeded")
        return next((one.name for one in refusing), None)


def expectations(database: Database) -> Expected:
    """Returns what answers what items of datasets expect: `None` where there is no such item."""

    async def expected(project: ProjectContext, of: OfItem) -> Any:
        asked = Asked(of.version)
        try:
            item = await find_item(database, project.project_id, of.dataset, of.item, asked)
        except NotFound:
            return None
        return msgspec.json.decode(item.expected_output)

    return expected


def model_access_of(settings: Settings) -> ModelAccess:
    """Returns where judges may ask. Raises `SettingsError`."""
    if settings.judge_url:
        parts = urlsplit(settings.judge_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise SettingsError("SLUICE_JUDGE_URL: expected http(s)://HOST/PATH, without a query")
    names = (name.strip() for name in settings.judge_models.split(","))
    return ModelAccess(
        settings.judge_url,
        settings.judge_key,
        tuple(dict.fromkeys(name for name in names if name)) if settings.judge_url else (),
        settings.judge_provider,
        float(settings.judge_timeout_s),
        settings.judge_concurrency,
    )


class JudgeParts(NamedTuple):
    """What a process needs of judges."""

    trying: Trying
    works: Sequence[Callable[[Warehouse, StoredLog], Work]]
    """What one process of an installation does for them."""


def judge_parts(resources: Resources) -> JudgeParts:
    """Makes them. Raises `SettingsError`."""
    database = resources.database
    expected = expectations(database)
    means = ModelAsking(
        database=database,
        asker=Asker(model_access_of(resources.settings)),
        prices=resources.pricing.current,
        expected=expected,
        exceeded=BudgetStops(database).exceeded,
    )

    def by_rules(warehouse: Warehouse, _: StoredLog) -> Work:
        return Judging(database, warehouse, RuleJudges(warehouse, expected)).work

    def by_models(warehouse: Warehouse, _: StoredLog) -> Work:
        return Judging(database, warehouse, ModelJudges(warehouse, means)).work

    return JudgeParts(Trying(means), (by_rules, by_models))
