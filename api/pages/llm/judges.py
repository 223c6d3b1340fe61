"""The pages of judges. Members see how they fare; admins make, change, try and remove them."""

import time
from collections.abc import Mapping
from typing import Any

import structlog
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.llm.judge_changes import MOST_PAST, queue_past, tried, tried_newest
from api.llm.judges import answer_of, shown, trying_of
from api.pages.forms import Problem, fields_of, problem_of, typed_word
from api.pages.llm.judge_forms import (
    FIELDS,
    GIVES,
    KINDS,
    MOST_FIELDS,
    NEW,
    PARTS,
    STATUSES,
    judge_in,
    judge_texts,
    said_of,
    said_of_calls,
)
from api.pages.render import address_of, page
from api.pages.settings.admins import admins_only
from api.pages.viewer import Viewed, Viewer
from api.parameters import InvalidParameters, NothingFound
from controlplane.failures import BadRequest, Conflict
from controlplane.llm.judge_queue import figures_of
from controlplane.llm.judges import (
    add_judge,
    change_judge,
    find_judge,
    form_of,
    list_judges,
    remove_judge,
)
from schemas.llm.judges import Figures, Judge, JudgeAnswer, PastForm

JUDGES = "/llm/judges"
ONE = f"{JUDGES}/{{judge_id:str}}"
Texts = Mapping[str, str]

log = structlog.get_logger(__name__)


@get(JUDGES, include_in_schema=False)
async def judges_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the judges, and a form to make one."""
    return await _shown(request, viewer)


@post(JUDGES, include_in_schema=False, status_code=200)
async def make_judge(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a judge."""
    admins_only(viewer)
    texts, project_id = await fields_of(request, at_most=MOST_FIELDS), viewer.project.project_id
    database, models = services(request).database, trying_of(request).models
    try:
        made = await add_judge(database, project_id, judge_in(texts), models)
    except (BadRequest, Conflict) as error:
        return await _shown(request, viewer, texts=texts, problem=_problem(error, texts))
    log.info("judge made", project_id=project_id, judge_id=made.id)
    # Where it can be tried.
    return Redirect(address_of(request).page(f"llm/judges/{made.id}"), status_code=303)


@get(ONE, include_in_schema=False)
async def judge_page(request: AnyRequest, viewer: Viewed, judge_id: FromPath[str]) -> Response[str]:
    """Show one judge, to change and to try."""
    return await _one_shown(request, viewer, await _judge(request, viewer, judge_id))


@post(ONE, include_in_schema=False, status_code=200)
async def alter_judge(
    request: AnyRequest, viewer: Viewed, judge_id: FromPath[str]
) -> Response[Any]:
    """Change a judge to what the form says."""
    admins_only(viewer)
    texts = await fields_of(request, at_most=MOST_FIELDS)
    judge = await _judge(request, viewer, judge_id)
    database, project_id = services(request).database, viewer.project.project_id
    models = trying_of(request).models
    try:
        await change_judge(database, project_id, judge.id, judge_in(texts), models)
    except (BadRequest, Conflict) as error:
        problem = _problem(error, texts)
        return await _one_shown(request, viewer, judge, texts=texts, problem=problem)
    return _back(request)


@post(f"{ONE}/test", include_in_schema=False, status_code=200)
async def try_judge(request: AnyRequest, viewer: Viewed, judge_id: FromPath[str]) -> Response[str]:
    """Show what a judge says of a call, or of the newest calls; nothing is scored."""
    admins_only(viewer)
    trace_id = (await fields_of(request)).get("trace_id", "").strip()
    judge = await _judge(request, viewer, judge_id)
    if not trace_id and judge.asks_model:
        wrong = Problem("Name a call: what the model is asked costs what it costs.", "trace_id")
        return await _one_shown(request, viewer, judge, problem=wrong)
    if not trace_id:
        newest = await tried_newest(request, viewer.project, judge)
        return await _one_shown(request, viewer, judge, newest=newest)
    try:
        said = await tried(request, viewer.project, judge.id, trace_id)
    except NothingFound:
        wrong = Problem("There is no such call in this project.", "trace_id")
        return await _one_shown(request, viewer, judge, problem=wrong, trace_id=trace_id)
    return await _one_shown(request, viewer, judge, said=said, trace_id=trace_id)


@post(f"{ONE}/past", include_in_schema=False, status_code=200)
async def judge_past(request: AnyRequest, viewer: Viewed, judge_id: FromPath[str]) -> Response[str]:
    """Have a judge judge calls of the past."""
    admins_only(viewer)
    texts = await fields_of(request)
    judge = await _judge(request, viewer, judge_id)
    count = texts.get("limit", "").strip()
    limit = int(count) if count.isascii() and count.isdecimal() and len(count) < 10 else 0
    form = PastForm(
        date_from=texts.get("date_from", "").strip(),
        date_to=texts.get("date_to", "").strip(),
        limit=limit,
    )
    try:
        past = await queue_past(request, viewer.project, judge, form)
    except InvalidParameters:
        wrong = Problem("Expected two days, such as 2026-11-30.", "date_from")
        return await _one_shown(request, viewer, judge, problem=wrong)
    except (BadRequest, Conflict) as error:
        wrong = problem_of(error, {"limit": "limit"})
        return await _one_shown(request, viewer, judge, problem=wrong)
    return await _one_shown(request, viewer, judge, past=past)


@post(f"{ONE}/remove", include_in_schema=False, status_code=200)
async def unmake_judge(
    request: AnyRequest, viewer: Viewed, judge_id: FromPath[str]
) -> Response[Any]:
    """Remove a judge, whose name the form repeats."""
    admins_only(viewer)
    judge = await _judge(request, viewer, judge_id)
    if await typed_word(request) != judge.name:
        problem = Problem(f"Nothing was removed: type the name, {judge.name}, to remove it.")
        return await _one_shown(request, viewer, judge, problem=problem)
    await remove_judge(services(request).database, viewer.project.project_id, judge.id)
    return _back(request)


HANDLERS = (
    *(judges_page, make_judge, judge_page, alter_judge),
    *(try_judge, judge_past, unmake_judge),
)


def _problem(error: BadRequest | Conflict, texts: Texts) -> Problem:
    return problem_of(error, FIELDS, {name: [text] for name, text in texts.items()})


def _back(request: AnyRequest) -> Redirect:
    return Redirect(address_of(request).page("llm/judges"), status_code=303)


async def _judge(request: AnyRequest, viewer: Viewer, judge_id: str) -> Judge:
    return await find_judge(services(request).database, viewer.project.project_id, judge_id)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    texts: Texts | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    database, project_id = services(request).database, viewer.project.project_id
    judges = await list_judges(database, project_id)
    figures = await figures_of(database, project_id, time.time_ns() // 1000)
    return await page(
        request,
        "llm/judges.html",
        status_code=400 if problem else 200,
        judges=[
            (
                shown(one, figures.get(one.id, Figures())),
                said_of(one.rule),
                said_of_calls(one.calls),
            )
            for one in judges
        ],
        fields=NEW if texts is None else texts,
        problem=problem,
        **_choices(request),
    )


async def _one_shown(
    request: AnyRequest,
    viewer: Viewer,
    judge: Judge,
    *,
    texts: Texts | None = None,
    problem: Problem | None = None,
    **told: Any,
) -> Response[str]:
    return await page(
        request,
        "llm/judge.html",
        status_code=400 if problem else 200,
        judge=await answer_of(request, viewer.project, judge.id),
        fields=judge_texts(form_of(judge)) if texts is None else texts,
        problem=problem,
        most_past=MOST_PAST,
        **{"said": None, "newest": None, "past": None, "trace_id": ""} | told,
        **_choices(request),
    )


def _answer(judge: Judge, figures: Mapping[str, Figures]) -> JudgeAnswer:
    return shown(judge, figures.get(judge.id, Figures()))


def _choices(request: AnyRequest) -> dict[str, Any]:
    return {
        "kinds": KINDS,
        "parts": PARTS,
        "gives": GIVES,
        "statuses": STATUSES,
        "models": [(one, one) for one in trying_of(request).models],
        "moods": {"on": "ok", "off": "paused", "stopped": "degraded"},
    }
