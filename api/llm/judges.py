"""`judges`, to read: who scores calls inside Sluice, and how that goes."""

import time
from typing import Protocol, cast

from litestar import get
from litestar.params import FromPath

from api.auth import AnyRequest, services
from api.holders import by_token
from api.parameters import Project
from clickhouse.client import Warehouse
from controlplane.llm.judge_queue import figures_of
from controlplane.llm.judges import find_judge, list_judges
from schemas.described import describes
from schemas.llm.judges import (
    Counts,
    Figures,
    Judge,
    JudgeAnswer,
    Judged,
    JudgeList,
    TryAnswer,
)
from schemas.projects import ProjectContext
from schemas.times import iso_ms

PROJECT = "/projects/{project_id:str}"
PICO = 10**12


class Trying(Protocol):
    """The state's `judge_trying`: which models a judge may ask, and what one says of a call."""

    models: tuple[str, ...]

    async def try_on(
        self, warehouse: Warehouse, project: ProjectContext, judge: Judge, trace_id: str
    ) -> TryAnswer | None:
        """Returns what a judge says of a call, scoring nothing; `None` where there is no call."""
        ...


@get("/judges", opt=describes(answer=JudgeList))
async def get_judges(request: AnyRequest, project: Project) -> JudgeList:
    """Answers the judges of a project with how they fare."""
    database = services(request).database
    judges = await list_judges(database, project.project_id)
    figures = await figures_of(database, project.project_id, time.time_ns() // 1000)
    answers = [shown(one, figures.get(one.id, Figures())) for one in judges]
    return JudgeList(judges=answers, models=list(trying_of(request).models))


@get("/judges/{judge_id:str}", opt=describes(answer=JudgeAnswer))
async def get_judge(request: AnyRequest, project: Project, judge_id: FromPath[str]) -> JudgeAnswer:
    """Answers one judge with how it fares."""
    return await answer_of(request, project, judge_id)


async def answer_of(request: AnyRequest, project: ProjectContext, judge_id: str) -> JudgeAnswer:
    """Returns one judge with how it fares. Raises `NotFound`."""
    database = services(request).database
    judge = await find_judge(database, project.project_id, judge_id)
    figures = await figures_of(database, project.project_id, time.time_ns() // 1000)
    return shown(judge, figures.get(judge.id, Figures()))


def trying_of(request: AnyRequest) -> Trying:
    """Returns how judges are tried."""
    return cast("Trying", request.app.state["judge_trying"])


def shown(judge: Judge, figures: Figures) -> JudgeAnswer:
    """Returns a judge as it is answered."""
    return JudgeAnswer(
        id=judge.id,
        name=judge.name,
        rule=judge.rule,
        calls=judge.calls,
        sampling=judge.sampling,
        enabled=judge.enabled,
        revision=judge.revision,
        created_at=iso_ms(judge.created_us),
        state=("stopped" if figures.stopped else "on") if judge.enabled else "off",
        stopped=figures.stopped or None,
        queued=figures.queued,
        lag_s=round(figures.lag_us / 1e6, 3),
        last_error=figures.error or None,
        last_error_at=_moment(figures.error_us),
        failing_since=_moment(figures.failing_us),
        told_at=_moment(figures.told_us),
        today=_judged(figures.today),
        month=_judged(figures.month),
        last_30_days=_judged(figures.days30),
    )


def _moment(us: int | None) -> str | None:
    return None if us is None else iso_ms(us)


def _judged(counts: Counts) -> Judged:
    return Judged(
        judged=counts.scored + counts.skipped + counts.failed,
        scored=counts.scored,
        skipped=counts.skipped,
        failed=counts.failed,
        dropped=counts.dropped,
        model_calls=counts.model_calls,
        cost_usd=counts.cost_pico / PICO,
        unpriced_calls=counts.unpriced,
    )


HANDLERS = (get_judges, get_judge)
BY_TOKEN = (
    by_token(f"{PROJECT}/judges", get_judges),
    by_token(f"{PROJECT}/judges/{{judge_id:str}}", get_judge),
)
