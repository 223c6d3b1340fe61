"""`GET budgets/anomalies`: hours of a project in which its models spent much more than usual."""

import time
from collections.abc import Mapping
from typing import Annotated, Literal

from litestar import get
from msgspec import Meta, Struct

from api.auth import AnyRequest
from api.declared import takes
from api.holders import by_token
from api.llm.budget_answers import rounded
from api.llm.budgets import PROJECT
from api.parameters import Project, read, values_of
from api.reads import reader_of
from clickhouse.llm.model_hours import read_model_hours
from schemas.described import describes
from schemas.llm.anomalies import LOOKED_BACK_US, anomalies_of
from schemas.llm.budgets import Anomalies, AnomalyAnswer, Spent
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from schemas.zones import HOUR_US

MINIMA: Mapping[Literal["cost", "tokens"], float] = {"cost": 1.0, "tokens": 100_000.0}
"""How much more than usual it must be: a dollar, or so many tokens."""
MOST_TOLD = 200


class AnomaliesQuery(Struct, frozen=True, kw_only=True):
    """How many of the last hours are looked at; the one that goes on is among them."""

    hours: Annotated[int, Meta(ge=1, le=168)] = 24


@get("/budgets/anomalies", opt={**takes(AnomaliesQuery), **describes(answer=Anomalies)})
async def get_anomalies(request: AnyRequest, project: Project) -> Anomalies:
    """Answers in which hours much more than usual was spent."""
    return await anomalies_in(request, project, read(values_of(request), AnomaliesQuery).hours)


async def anomalies_in(request: AnyRequest, project: ProjectContext, hours: int) -> Anomalies:
    """Returns the anomalies of the last hours, the newest and then the greatest first."""
    now_us = time.time_ns() // 1000
    last_us = now_us - now_us % HOUR_US
    judged = range(last_us - (hours - 1) * HOUR_US, last_us + HOUR_US, HOUR_US)
    async with reader_of(request, project).turn() as warehouse:
        models = await read_model_hours(warehouse, project, judged[0] - LOOKED_BACK_US, now_us)
    found: list[AnomalyAnswer] = []
    for measure, minimum in MINIMA.items():
        for model, series in series_by(models, measure).items():
            found += [
                AnomalyAnswer(
                    model=model or None,
                    measure=measure,
                    hour=iso_ms(one.hour_us),
                    amount=rounded(one.amount),
                    usual=rounded(one.usual),
                    score=None if one.score is None else rounded(one.score),
                )
                for one in anomalies_of(series, judged, minimum)
            ]
    found.sort(key=lambda one: (one.hour, one.measure, one.amount), reverse=True)
    return Anomalies(anomalies=found[:MOST_TOLD], as_of=iso_ms(now_us))


def series_by(
    models: Mapping[str, Mapping[int, Spent]], measure: Literal["cost", "tokens"]
) -> dict[str, dict[int, float]]:
    """Returns the hours of each model, and under the empty text those of all together."""
    found: dict[str, dict[int, float]] = {"": {}}
    for model, hours in models.items():
        own = {hour: float(spent.by(measure)) for hour, spent in hours.items()}
        if model:
            found[model] = own
        for hour, amount in own.items():
            found[""][hour] = found[""].get(hour, 0.0) + amount
    return found


HANDLERS = (get_anomalies,)
BY_TOKEN = (by_token(f"{PROJECT}/budgets/anomalies", get_anomalies),)
