"""Forms of monitors: make, change, pause, resume, remove, and test now. For admins."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.forms import Problem, ticks_of, typed_word
from api.pages.render import address_of, is_fragment, page
from api.pages.settings.admins import admins_only
from api.pages.uptime.fields import TYPE_TITLES, TYPES, fields_of
from api.pages.uptime.forms import config_fields, new_texts, problem_in, texts_of
from api.pages.uptime.standing import now_us
from api.pages.uptime.trying import Tried, try_config
from api.pages.uptime.windows import REPEATS, lines_of
from api.pages.viewer import NoSuchPage, Viewed, Viewer
from api.parameters import values_of
from api.uptime.notifications import check_known, shown_of, try_monitor, warnings_of
from controlplane.failures import BadRequest, Conflict, NotFound, RetryLater
from controlplane.uptime.checked import changed, read_config
from controlplane.uptime.monitors import (
    add_monitor,
    change_monitor,
    get_monitor,
    pause_monitor,
    remove_monitor,
    resume_monitor,
)
from controlplane.uptime.policies import read_names
from schemas.uptime.monitors import Monitor
from schemas.uptime.policy_answers import TargetTests

MONITORS = "/uptime/monitors"
MONITOR = f"{MONITORS}/{{monitor_id:str}}"
MOST_FIELDS = 60
USUAL_TYPE = "http"
Typed = Mapping[str, Sequence[str]]

log = structlog.get_logger(__name__)


@get(f"{MONITORS}/new", include_in_schema=False)
async def new_monitor(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the form of a new monitor of a type."""
    type = values_of(request).get("type") or USUAL_TYPE
    if type not in TYPE_TITLES:
        raise NoSuchPage
    return await _new_shown(request, type, new_texts(type))


@post(MONITORS, include_in_schema=False, status_code=200)
async def make_monitor(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a monitor, or look once at what the form says."""
    admins_only(viewer)
    typed = await ticks_of(request, MOST_FIELDS)
    type, project_id = _last(typed, "type"), viewer.project.project_id
    if type not in TYPE_TITLES:
        raise BadRequest("type: expected one of the list")
    known = services(request)
    tried = problem = None
    try:
        fields = config_fields(type, typed)
        if _last(typed, "act") == "test":
            tried = await try_config(request, project_id, read_config(fields))
        else:
            await check_known(request, fields.get("notifications"), "notifications")
            monitor = await add_monitor(known.database, known.vault, project_id, fields)
            log.info("monitor made", project_id=project_id, monitor_id=monitor.monitor_id)
            return to_monitor(request, monitor.monitor_id)
    except (BadRequest, Conflict, RetryLater) as error:
        problem = problem_in(error, type, typed)
    if is_fragment(request):
        return await _tried(request, tried, problem)
    return await _new_shown(request, type, _again(type, typed), problem=problem, tried=tried)


@get(f"{MONITOR}/settings", include_in_schema=False)
async def monitor_settings(
    request: AnyRequest, viewer: Viewed, monitor_id: FromPath[str]
) -> Response[str]:
    """Show the configuration of a monitor, to change."""
    monitor = await monitor_of(request, viewer, monitor_id)
    return await settings_shown(request, viewer, monitor)


@post(f"{MONITOR}/settings", include_in_schema=False, status_code=200)
async def change_settings(
    request: AnyRequest, viewer: Viewed, monitor_id: FromPath[str]
) -> Response[Any]:
    """Change a monitor to what the form says, or look once at that."""
    admins_only(viewer)
    typed = await ticks_of(request, MOST_FIELDS)
    monitor = await monitor_of(request, viewer, monitor_id)
    type, project_id = monitor.config.type, viewer.project.project_id
    known = services(request)
    tried = problem = None
    try:
        fields = config_fields(type, typed, monitor.config)
        if _last(typed, "act") == "test":
            tried = await try_config(request, project_id, changed(monitor.config, fields))
        else:
            await check_known(request, fields.get("notifications"), "notifications")
            of = (project_id, monitor.monitor_id)
            await change_monitor(known.database, known.vault, of, fields)
            return to_monitor(request, monitor.monitor_id)
    except (BadRequest, RetryLater) as error:
        problem = problem_in(error, type, typed)
    if is_fragment(request):
        return await _tried(request, tried, problem)
    texts = _again(type, typed)
    return await settings_shown(request, viewer, monitor, texts=texts, problem=problem, tried=tried)


@post(f"{MONITOR}/test", include_in_schema=False, status_code=200)
async def test_monitor(
    request: AnyRequest, viewer: Viewed, monitor_id: FromPath[str]
) -> Response[str]:
    """Look once at a monitor as it is, and show each phase."""
    admins_only(viewer)
    monitor = await monitor_of(request, viewer, monitor_id)
    tried = problem = None
    try:
        tried = await try_config(request, viewer.project.project_id, monitor.config)
    except (BadRequest, RetryLater) as error:
        problem = Problem(error.message)
    if is_fragment(request):
        return await _tried(request, tried, problem)
    return await settings_shown(request, viewer, monitor, problem=problem, tried=tried)


@post(f"{MONITOR}/notifications", include_in_schema=False, status_code=200)
async def test_notifications(
    request: AnyRequest, viewer: Viewed, monitor_id: FromPath[str]
) -> Response[str]:
    """Send a test to each notification of a monitor, and show what came of it."""
    admins_only(viewer)
    monitor = await monitor_of(request, viewer, monitor_id)
    tests = await try_monitor(request, viewer.project.project_id, monitor.monitor_id)
    return await settings_shown(request, viewer, monitor, tests=tests)


@post([f"{MONITOR}/pause", f"{MONITOR}/resume"], include_in_schema=False, status_code=200)
async def pause_or_resume(
    request: AnyRequest, viewer: Viewed, monitor_id: FromPath[str]
) -> Response[Any]:
    """End the checks of a monitor until it is resumed, or begin them again."""
    admins_only(viewer)
    typed = await ticks_of(request, MOST_FIELDS)
    monitor = await monitor_of(request, viewer, monitor_id)
    known, of = services(request), (viewer.project.project_id, monitor.monitor_id)
    act = pause_monitor if request.url.path.endswith("/pause") else resume_monitor
    await act(known.database, known.vault, of)
    if _last(typed, "back") == "list":
        return Redirect(address_of(request).page("uptime/monitors"), status_code=303)
    return to_monitor(request, monitor.monitor_id)


@post(f"{MONITOR}/remove", include_in_schema=False, status_code=200)
async def unmake_monitor(
    request: AnyRequest, viewer: Viewed, monitor_id: FromPath[str]
) -> Response[Any]:
    """Remove a monitor, whose name the form repeats."""
    admins_only(viewer)
    monitor = await monitor_of(request, viewer, monitor_id)
    name = monitor.config.name
    if await typed_word(request) != name.strip():
        problem = Problem(f"Nothing was removed: type the name, {name}, to remove it.")
        return await settings_shown(request, viewer, monitor, problem=problem)
    project_id = viewer.project.project_id
    await remove_monitor(services(request).database, project_id, monitor.monitor_id)
    log.info("monitor removed", project_id=project_id, monitor_id=monitor.monitor_id)
    return Redirect(address_of(request).page("uptime/monitors"), status_code=303)


async def monitor_of(request: AnyRequest, viewer: Viewer, monitor_id: str) -> Monitor:
    """Returns a monitor of the viewer's project. Raises `NoSuchPage`."""
    known = services(request)
    try:
        return await get_monitor(known.database, known.vault, viewer.project.project_id, monitor_id)
    except NotFound as error:
        raise NoSuchPage from error


def to_monitor(request: AnyRequest, monitor_id: str, rest: str = "") -> Redirect:
    """Sends the browser to the page of a monitor."""
    target = address_of(request).thing("uptime/monitors", monitor_id, rest)
    return Redirect(target, status_code=303)


async def settings_shown(
    request: AnyRequest,
    viewer: Viewer,
    monitor: Monitor,
    *,
    texts: Mapping[str, str] | None = None,
    problem: Problem | None = None,
    tried: Tried | None = None,
    window: Mapping[str, str] | None = None,
    tests: TargetTests | None = None,
) -> Response[str]:
    """Returns the page with a monitor's form; `window` is a maintenance window as it was typed."""
    config = monitor.config
    names = await read_names(services(request).database, viewer.project.project_id)
    return await page(
        request,
        "uptime/settings.html",
        status_code=400 if problem else 200,
        monitor=monitor,
        windows=lines_of(config.maintenance_windows, now_us()),
        window=window or {},
        tests=tests,
        targets=[shown_of(text) for text in config.notifications],
        warnings=warnings_of(config.escalation_policy, config.notifications, names),
        repeats=REPEATS,
        zone=viewer.project.time_zone,
        **_form(config.type, texts_of(config) if texts is None else texts, problem, tried),
    )


async def _new_shown(
    request: AnyRequest,
    type: str,
    texts: Mapping[str, str],
    *,
    problem: Problem | None = None,
    tried: Tried | None = None,
) -> Response[str]:
    return await page(
        request,
        "uptime/new.html",
        status_code=400 if problem else 200,
        types=TYPES,
        **_form(type, texts, problem, tried),
    )


def _form(
    type: str, texts: Mapping[str, str], problem: Problem | None, tried: Tried | None
) -> dict[str, Any]:
    return {
        "type": type,
        "type_title": TYPE_TITLES[type],
        "fields": fields_of(type),
        "texts": texts,
        "problem": problem,
        "tried": tried,
    }


async def _tried(
    request: AnyRequest, tried: Tried | None, problem: Problem | None
) -> Response[str]:
    return await page(request, "uptime/tried.html", tried=tried, problem=problem)


def _again(type: str, typed: Typed) -> dict[str, str]:
    """Returns what a form shows that was sent and not taken."""
    texts = {field.name: "" for field in fields_of(type)}
    return texts | {name: values[-1] for name, values in typed.items()}


def _last(typed: Typed, name: str) -> str:
    return typed[name][-1] if typed.get(name) else ""


HANDLERS = (
    *(new_monitor, make_monitor, monitor_settings, change_settings, test_monitor),
    *(test_notifications, pause_or_resume, unmake_monitor),
)
