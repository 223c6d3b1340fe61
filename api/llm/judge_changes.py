"""Judges are made, changed, tried and removed by admins: who is signed in, or holds a token of
`admin`. An API key does not: what a judge asks may cost money.
"""

import time

from litestar import delete, patch, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED

from api.auth import AnyRequest, admin_project_from_session, services
from api.bodies import body_of
from api.dates import date_range
from api.holders import project_in
from api.llm.judges import PROJECT, answer_of, trying_of
from api.parameters import NothingFound
from api.reads import reader_of
from api.sessions import Done
from clickhouse.llm.judged import find_past
from controlplane.failures import BadRequest, Conflict
from controlplane.llm.judge_queue import Waiting, count_queued, put_queue
from controlplane.llm.judges import add_judge, change_judge, find_judge, remove_judge
from schemas.described import describes
from schemas.llm.judges import (
    CHANGE,
    JUDGE,
    MOST_QUEUED,
    PAST,
    TRY,
    Judge,
    JudgeAnswer,
    JudgeChange,
    JudgeForm,
    PastAnswer,
    PastForm,
    TryAnswer,
    TryForm,
    share_of,
)
from schemas.projects import ProjectContext
from schemas.zones import known_zone

MOST_PAST = 10_000
MOST_TRIED = 10
"""Of the newest calls, at once: each is read whole."""
NEWEST_DAYS = 7
DAY_US = 86_400 * 1_000_000
ONE = "/judges/{judge_id:str}"


@post(
    "/judges",
    status_code=HTTP_201_CREATED,
    summary="Make a judge",
    opt=describes(body=JudgeForm, example=JUDGE, asks="project", errors=(409,)),
)
async def post_judge(request: AnyRequest) -> JudgeAnswer:
    """Make a judge, for admins. It judges the calls that are stored from now on."""
    return await _make(request, await admin_project_from_session(request))


@patch(
    ONE,
    summary="Change a judge",
    opt=describes(body=JudgeChange, example=CHANGE, asks="project", errors=(409,)),
)
async def patch_judge(request: AnyRequest, judge_id: FromPath[str]) -> JudgeAnswer:
    """Change the fields that are sent, for admins; the others stay."""
    return await _change(request, await admin_project_from_session(request), judge_id)


@delete(ONE, status_code=HTTP_200_OK, summary="Remove a judge", opt=describes(asks="project"))
async def delete_judge(request: AnyRequest, judge_id: FromPath[str]) -> Done:
    """Remove a judge, for admins. The scores that it gave stay."""
    return await _remove(request, await admin_project_from_session(request), judge_id)


@post(
    f"{ONE}/test",
    status_code=HTTP_200_OK,
    summary="Try a judge on a call",
    opt=describes(body=TryForm, example=TRY, asks="project"),
)
async def try_own_judge(request: AnyRequest, judge_id: FromPath[str]) -> TryAnswer:
    """Answer what a judge says of a call, for admins. Nothing is scored."""
    return await _try(request, await admin_project_from_session(request), judge_id)


@post(
    f"{ONE}/past",
    status_code=HTTP_202_ACCEPTED,
    summary="Judge past calls",
    opt=describes(body=PastForm, example=PAST, asks="project", errors=(409,)),
)
async def post_past(request: AnyRequest, judge_id: FromPath[str]) -> PastAnswer:
    """Have a judge judge calls of the past, for admins: the newest of a time."""
    return await _judge_past(request, await admin_project_from_session(request), judge_id)


@post(
    f"{PROJECT}/judges",
    status_code=HTTP_201_CREATED,
    opt=describes(body=JudgeForm, example=JUDGE, asks="token", errors=(409,)),
)
async def make_judge(request: AnyRequest, project_id: FromPath[str]) -> JudgeAnswer:
    """Make a judge, with a token of scope `admin`."""
    return await _make(request, await _by_token(request, project_id))


@patch(PROJECT + ONE, opt=describes(body=JudgeChange, example=CHANGE, asks="token", errors=(409,)))
async def alter_judge(
    request: AnyRequest, project_id: FromPath[str], judge_id: FromPath[str]
) -> JudgeAnswer:
    """Change the fields that are sent, with a token of scope `admin`."""
    return await _change(request, await _by_token(request, project_id), judge_id)


@delete(PROJECT + ONE, status_code=HTTP_200_OK, opt=describes(asks="token"))
async def drop_judge(
    request: AnyRequest, project_id: FromPath[str], judge_id: FromPath[str]
) -> Done:
    """Remove a judge, with a token of scope `admin`. The scores that it gave stay."""
    return await _remove(request, await _by_token(request, project_id), judge_id)


@post(
    f"{PROJECT}{ONE}/test",
    status_code=HTTP_200_OK,
    opt=describes(body=TryForm, example=TRY, asks="token"),
)
async def try_judge(
    request: AnyRequest, project_id: FromPath[str], judge_id: FromPath[str]
) -> TryAnswer:
    """Answer what a judge says of a call, with a token of scope `admin`. Nothing is scored."""
    return await _try(request, await _by_token(request, project_id), judge_id)


@post(
    f"{PROJECT}{ONE}/past",
    status_code=HTTP_202_ACCEPTED,
    opt=describes(body=PastForm, example=PAST, asks="token", errors=(409,)),
)
async def judge_past(
    request: AnyRequest, project_id: FromPath[str], judge_id: FromPath[str]
) -> PastAnswer:
    """Have a judge judge calls of the past, with a token of scope `admin`."""
    return await _judge_past(request, await _by_token(request, project_id), judge_id)


CONTROLS = (post_judge, patch_judge, delete_judge, try_own_judge, post_past)
AGENTS = (make_judge, alter_judge, drop_judge, try_judge, judge_past)


async def tried(
    request: AnyRequest, project: ProjectContext, judge_id: str, trace_id: str
) -> TryAnswer:
    """Return what a judge says of a call. Raises `NotFound`, `NothingFound`."""
    judge = await find_judge(services(request).database, project.project_id, judge_id)
    async with reader_of(request, project).turn() as warehouse:
        found = await trying_of(request).try_on(warehouse, project, judge, trace_id)
    if found is None:
        raise NothingFound("Trace not found")
    return found


async def tried_newest(
    request: AnyRequest, project: ProjectContext, judge: Judge
) -> list[tuple[str, TryAnswer]]:
    """Return the newest calls of the last days that a judge judges, each with what it says."""
    now_us = time.time_ns() // 1000
    found = []
    async with reader_of(request, project).turn() as warehouse:
        within = (now_us - NEWEST_DAYS * DAY_US, now_us)
        refs = await find_past(warehouse, project, judge.calls, within, MOST_TRIED)
        for ref in refs:
            said = await trying_of(request).try_on(warehouse, project, judge, ref.trace_id)
            if said is not None:
                found.append((ref.trace_id, said))
    return found


async def queue_past(
    request: AnyRequest, project: ProjectContext, judge: Judge, form: PastForm
) -> PastAnswer:
    """Have a judge judge past calls. Raises `InvalidParameters`, `BadRequest`, `Conflict`."""
    if not 1 <= form.limit <= MOST_PAST:
        raise BadRequest(f"limit: expected 1 to {MOST_PAST}")
    first, last = date_range(form.date_from, form.date_to, known_zone(project.time_zone))
    if first is None or last is None:
        raise BadRequest("date_from, date_to: expected both")
    async with reader_of(request, project).turn() as warehouse:
        found = await find_past(warehouse, project, judge.calls, (first, last), form.limit + 1)
    wanted = [one for one in found[: form.limit] if share_of(one.trace_id) < judge.sampling]
    database = services(request).database
    queued = (await count_queued(database)).get(judge.id, 0)
    if queued + len(wanted) > MOST_QUEUED:
        raise Conflict(f"{queued} calls are waiting for the judge: {MOST_QUEUED} may")
    await put_queue(database, [Waiting(judge.id, time.time_ns() // 1000, wanted)])
    return PastAnswer(queued=len(wanted), is_cut=len(found) > form.limit)


async def _by_token(request: AnyRequest, project_id: str) -> ProjectContext:
    _, reached = await project_in(request, project_id, needs="admin")
    return reached.access.project


async def _make(request: AnyRequest, project: ProjectContext) -> JudgeAnswer:
    form, models = await body_of(request, JudgeForm), trying_of(request).models
    made = await add_judge(services(request).database, project.project_id, form, models)
    return await answer_of(request, project, made.id)


async def _change(request: AnyRequest, project: ProjectContext, judge_id: str) -> JudgeAnswer:
    database, change = services(request).database, await body_of(request, JudgeChange)
    models = trying_of(request).models
    changed = await change_judge(database, project.project_id, judge_id, change, models)
    return await answer_of(request, project, changed.id)


async def _remove(request: AnyRequest, project: ProjectContext, judge_id: str) -> Done:
    await remove_judge(services(request).database, project.project_id, judge_id)
    return Done()


async def _try(request: AnyRequest, project: ProjectContext, judge_id: str) -> TryAnswer:
    form = await body_of(request, TryForm)
    return await tried(request, project, judge_id, form.trace_id)


async def _judge_past(request: AnyRequest, project: ProjectContext, judge_id: str) -> PastAnswer:
    form = await body_of(request, PastForm)
    judge = await find_judge(services(request).database, project.project_id, judge_id)
    return await queue_past(request, project, judge, form)
