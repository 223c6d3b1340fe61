"""`/v1/monitors`: made, listed, changed, paused, removed; and their checks."""

import time
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Meta, Raw, Struct
from msgspec.structs import asdict

from api.auth import AnyRequest, services
from api.dates import date_range
from api.declared import takes
from api.parameters import InvalidParameters, read, values_of
from api.reads import reader_of
from api.rows import one
from api.uptime.bodies import asked, fields_of
from api.uptime.cursors import read_cursor, written
from api.uptime.holders import monitored_project
from api.uptime.notifications import check_known, shown_of, warnings_of
from api.uptime.pings import ping_urls
from clickhouse.client import Warehouse
from clickhouse.uptime.checks import CheckLine, CheckPlace, list_checks
from controlplane.uptime.courses import silent_since
from controlplane.uptime.monitors import (
    Place,
    add_monitor,
    change_monitor,
    get_monitor,
    list_monitors,
    pause_monitor,
    remove_monitor,
    resume_monitor,
)
from controlplane.uptime.policies import Names, read_names
from schemas.aims import HIDDEN
from schemas.described import describes
from schemas.times import iso_ms
from schemas.uptime.answers import CheckAnswer, CheckPage, MonitorAnswer, MonitorPage, Removed
from schemas.uptime.examples import MONITOR
from schemas.uptime.monitors import Monitor, MonitorConfig
from schemas.uptime.stretches import Stretch
from schemas.zones import DAY_US

WRITES = (409, 422, 429)
READS = (422, 429)
PHASES = ("dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "transfer_ms", "total_ms")
CHANGE = {"name": "Checkout", "type": "http", "timeout_ms": 2500, "failure_threshold": 3}


class PageQuery(Struct, frozen=True, kw_only=True):
    """Which part of a list."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 100
    cursor: Annotated[str, Meta(max_length=200)] | None = None


class ChecksQuery(PageQuery, frozen=True, kw_only=True):
    """Which checks, by default those of the last 24 hours."""

    date_from: str | None = None
    date_to: str | None = None


@post(
    "/monitors",
    status_code=HTTP_201_CREATED,
    summary="Make a monitor",
    opt=describes(body=MonitorConfig, example=MONITOR, asks="monitor", errors=WRITES),
)
async def post_monitor(request: AnyRequest) -> MonitorAnswer:
    """Make a monitor; it is looked at from now on. Needs the scope `write`."""
    project, _ = await monitored_project(request, needs="write")
    fields = await fields_of(request)
    await check_known(request, fields.get("notifications"), "notifications")
    known = services(request)
    monitor = await add_monitor(known.database, known.vault, project.project_id, fields)
    return await _answer(request, monitor, "Monitor created")


@get("/monitors", summary="List monitors", opt={**takes(PageQuery), **asked(MonitorPage)})
async def get_monitors(request: AnyRequest) -> MonitorPage:
    """Return the monitors of the project, the oldest first."""
    project, _ = await monitored_project(request)
    query = read(values_of(request), PageQuery)
    beyond = None if query.cursor is None else Place(*read_cursor(query.cursor))
    known = services(request)
    found = await list_monitors(
        known.database, known.vault, project.project_id, limit=query.limit + 1, beyond=beyond
    )
    page = found[: query.limit]
    last = page[-1] if len(found) > len(page) else None
    cursor = None if last is None else written(last.created_us, last.monitor_id)
    urls = await ping_urls(request, page)
    names = await read_names(known.database, project.project_id)
    answers = [monitor_answer(one, names, "", urls.get(one.monitor_id)) for one in page]
    return MonitorPage(answers, cursor)


@get("/monitors/{monitor_id:str}", summary="Show a monitor", opt=asked(MonitorAnswer))
async def show_monitor(request: AnyRequest, monitor_id: FromPath[str]) -> MonitorAnswer:
    """Return a monitor with its configuration; secrets in it are left out."""
    project, _ = await monitored_project(request)
    known = services(request)
    monitor = await get_monitor(known.database, known.vault, project.project_id, monitor_id)
    return await _answer(request, monitor, "")


@put(
    "/monitors/{monitor_id:str}/config",
    summary="Change a monitor",
    opt=describes(body=MonitorConfig, example=CHANGE, asks="monitor", errors=WRITES),
)
async def put_config(request: AnyRequest, monitor_id: FromPath[str]) -> MonitorAnswer:
    """Change the fields that are sent; the others stay. Needs the scope `write`."""
    project, _ = await monitored_project(request, needs="write")
    fields = await fields_of(request)
    await check_known(request, fields.get("notifications"), "notifications")
    known = services(request)
    of = (project.project_id, monitor_id)
    monitor = await change_monitor(known.database, known.vault, of, fields)
    return await _answer(request, monitor, "Monitor changed")


@post(
    "/monitors/{monitor_id:str}/pause",
    status_code=HTTP_200_OK,
    summary="Pause a monitor",
    opt=describes(asks="monitor", errors=READS),
)
async def post_pause(request: AnyRequest, monitor_id: FromPath[str]) -> MonitorAnswer:
    """End the checks of a monitor until it is resumed; its open incident is resolved."""
    project, _ = await monitored_project(request, needs="write")
    known = services(request)
    of = (project.project_id, monitor_id)
    monitor = await pause_monitor(known.database, known.vault, of)
    return await _answer(request, monitor, "Monitor paused")


@post(
    "/monitors/{monitor_id:str}/resume",
    status_code=HTTP_200_OK,
    summary="Resume a monitor",
    opt=describes(asks="monitor", errors=READS),
)
async def post_resume(request: AnyRequest, monitor_id: FromPath[str]) -> MonitorAnswer:
    """Have a monitor checked again; it is unknown until its next check."""
    project, _ = await monitored_project(request, needs="write")
    known = services(request)
    of = (project.project_id, monitor_id)
    monitor = await resume_monitor(known.database, known.vault, of)
    return await _answer(request, monitor, "Monitor resumed")


@delete(
    "/monitors/{monitor_id:str}",
    status_code=HTTP_200_OK,
    summary="Remove a monitor",
    opt=describes(asks="monitor", errors=READS),
)
async def delete_monitor(request: AnyRequest, monitor_id: FromPath[str]) -> Removed:
    """Remove a monitor with its history; its incidents and checks stay."""
    project, _ = await monitored_project(request, needs="write")
    await remove_monitor(services(request).database, project.project_id, monitor_id)
    return Removed(monitor_id, "Monitor removed")


@get(
    "/monitors/{monitor_id:str}/checks",
    summary="List checks of a monitor",
    opt={**takes(ChecksQuery), **asked(CheckPage)},
)
async def get_checks(request: AnyRequest, monitor_id: FromPath[str]) -> Response[bytes]:
    """Return the checks of a monitor, the newest first, with the time of each phase."""
    project, _ = await monitored_project(request)
    query = read(values_of(request), ChecksQuery)
    known = services(request)
    monitor = await get_monitor(known.database, known.vault, project.project_id, monitor_id)
    bounds = _bounds(query)
    beyond = None if query.cursor is None else CheckPlace(*read_cursor(query.cursor))

    async def ask(warehouse: Warehouse) -> CheckPage:
        found = await list_checks(
            warehouse,
            project,
            monitor.monitor_id,
            bounds,
            limit=query.limit + 1,
            beyond=beyond,
        )
        page = found[: query.limit]
        last = page[-1] if len(found) > len(page) else None
        cursor = None if last is None else written(last.slot_us, last.check_id)
        return CheckPage([_check(line) for line in page], cursor)

    return await one(reader_of(request, project), ask)


async def _answer(request: AnyRequest, monitor: Monitor, message: str) -> MonitorAnswer:
    urls = await ping_urls(request, [monitor])
    names = await read_names(services(request).database, monitor.project_id)
    return monitor_answer(monitor, names, message, urls.get(monitor.monitor_id))


def monitor_answer(
    monitor: Monitor, names: Names, message: str, ping_url: str | None = None
) -> MonitorAnswer:
    """Return what is told of a monitor; `names` are those of its project."""
    config = monitor.config
    return MonitorAnswer(
        monitor_id=monitor.monitor_id,
        state=shown_state(monitor, time.time_ns() // 1000),
        revision=monitor.revision,
        created_at=iso_ms(monitor.created_us),
        updated_at=iso_ms(monitor.updated_us),
        name=config.name,
        type=config.type,
        config=Raw(msgspec.json.encode(_without_secrets(config))),
        ping_url=ping_url,
        warnings=warnings_of(config.escalation_policy, config.notifications, names),
        message=message,
    )


def shown_state(monitor: Monitor, now_us: int, *, in_maintenance: bool = False) -> str:
    """Return the state that people see."""
    if monitor.paused:
        return "paused"
    if in_maintenance:
        return "maintenance"
    return "unknown" if silent_since(monitor, now_us) is not None else monitor.state


def _without_secrets(config: MonitorConfig) -> dict[str, Any]:
    fields = asdict(config)
    fields["headers"] = dict.fromkeys(config.headers, HIDDEN)
    fields["notifications"] = [shown_of(text) for text in config.notifications]
    return fields


def _bounds(query: ChecksQuery) -> Stretch:
    first, last = date_range(query.date_from, query.date_to)
    end_us = time.time_ns() // 1000 if last is None else last + 1
    start_us = end_us - DAY_US if first is None else first
    if start_us > end_us:
        raise InvalidParameters("date_from is after date_to")
    return Stretch(start_us, end_us)


def _check(line: CheckLine) -> CheckAnswer:
    phases = {name: getattr(line, name) for name in PHASES}
    return CheckAnswer(
        check_id=line.check_id,
        region=line.region,
        slot=iso_ms(line.slot_us),
        attempt=line.attempt,
        started_at=iso_ms(line.started_us),
        outcome=line.outcome,
        reason=line.reason,
        message=line.message,
        # A heartbeat of whose start nobody knows took no time that is known.
        phases={
            name: round(ms, 3)
            for name, ms in phases.items()
            if ms is not None and (ms or name != "total_ms")
        },
        status_code=line.status_code,
        peer=line.peer,
    )


HANDLERS = (
    *(post_monitor, get_monitors, show_monitor, put_config),
    *(post_pause, post_resume, delete_monitor, get_checks),
)
