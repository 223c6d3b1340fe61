"""The scheduled export of a project over HTTP: shown, set and ended by admins.

A project has one plan at most. Where files go the operator says: a request names a place, never a
path.
"""

import time

import msgspec
import structlog
from litestar import delete, get, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK

from api.account_forms import read_form
from api.auth import AnyRequest, admin_project_from_session, services
from api.holders import project_in
from api.sessions import Done
from controlplane.exports import find_schedule, remove_schedule, set_schedule
from controlplane.failures import BadRequest, NotFound
from schemas.described import describes
from schemas.exports import Plan, Schedule, ScheduleAnswer, ScheduleList
from schemas.projects import ProjectContext
from schemas.times import iso_ms

SCHEDULES = "/exports/schedules"
OF_PROJECT = f"/projects/{{project_id:str}}{SCHEDULES}"
EXAMPLE = {"every": "day", "format": "parquet", "place": "folder"}
BAD_PLAN = "expected every (day, hour), format (parquet, jsonl, csv) and place (folder, s3)"

log = structlog.get_logger(__name__)


@get(SCHEDULES, opt=describes(answer=ScheduleList, asks="project"))
async def list_schedules(request: AnyRequest) -> ScheduleList:
    """Answer the schedule of the project, if there is one, and the places there are; for admins."""
    return await _shown(request, await admin_project_from_session(request))


@put(
    SCHEDULES,
    summary="Set the schedule",
    opt=describes(body=Plan, example=EXAMPLE, asks="project"),
)
async def put_schedule(request: AnyRequest) -> ScheduleList:
    """Make or change the schedule, for admins. A new plan begins with the first row."""
    return await _set(request, await admin_project_from_session(request))


@delete(
    SCHEDULES,
    status_code=HTTP_200_OK,
    summary="End the schedule",
    opt=describes(asks="project"),
)
async def delete_schedule(request: AnyRequest) -> Done:
    """End the schedule, for admins. What is written stays."""
    return await _end(request, await admin_project_from_session(request))


@get(OF_PROJECT, opt=describes(answer=ScheduleList, asks="token"))
async def show_schedules(request: AnyRequest, project_id: FromPath[str]) -> ScheduleList:
    """Answer the same, with a token of scope `admin`."""
    return await _shown(request, await _by_token(request, project_id))


@put(OF_PROJECT, opt=describes(body=Plan, example=EXAMPLE, asks="token"))
async def change_schedule(request: AnyRequest, project_id: FromPath[str]) -> ScheduleList:
    """Make or change the schedule, with a token of scope `admin`."""
    return await _set(request, await _by_token(request, project_id))


@delete(OF_PROJECT, status_code=HTTP_200_OK, opt=describes(asks="token"))
async def end_schedule(request: AnyRequest, project_id: FromPath[str]) -> Done:
    """End the schedule, with a token of scope `admin`."""
    return await _end(request, await _by_token(request, project_id))


CONTROLS = (list_schedules, put_schedule, delete_schedule)
BY_TOKEN = (show_schedules, change_schedule, end_schedule)


async def _by_token(request: AnyRequest, project_id: str) -> ProjectContext:
    _, reached = await project_in(request, project_id, needs="admin")
    return reached.access.project


async def _shown(request: AnyRequest, project: ProjectContext) -> ScheduleList:
    found = await find_schedule(services(request).database, project.project_id)
    return ScheduleList([] if found is None else [_answer(found)], list(_places(request)))


async def _set(request: AnyRequest, project: ProjectContext) -> ScheduleList:
    plan = await read_form(request, Plan, otherwise=BAD_PLAN)
    if plan.place not in _places(request):
        raise BadRequest("place: the operator of this server has named no such place")
    now_us = time.time_ns() // 1000
    await set_schedule(services(request).database, project.project_id, plan, now_us=now_us)
    log.info("export scheduled", project_id=project.project_id)
    return await _shown(request, project)


async def _end(request: AnyRequest, project: ProjectContext) -> Done:
    database = services(request).database
    if await find_schedule(database, project.project_id) is None:
        raise NotFound("This project is not exported by a schedule")
    await remove_schedule(database, project.project_id)
    log.info("export ended", project_id=project.project_id)
    return Done()


def _places(request: AnyRequest) -> tuple[str, ...]:
    found: tuple[str, ...] = request.app.state.get("export_places") or ()
    return found


def _answer(found: Schedule) -> ScheduleAnswer:
    return ScheduleAnswer(
        **msgspec.structs.asdict(found.plan),
        is_running=found.is_running,
        next_run=iso_ms(found.next_us),
        done_before=iso_ms(found.done_before_us) if found.done_before_us else None,
        last_started=None if found.started_us is None else iso_ms(found.started_us),
        last_ended=None if found.ended_us is None else iso_ms(found.ended_us),
        rows=found.rows,
        bytes=found.bytes,
        failures=found.failures,
        error=found.error,
    )
