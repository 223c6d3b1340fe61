"""One deployment: how it goes and why it failed, what it prints, and what can be done about it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.arriving import page_with
from api.pages.deploys.allowed import (
    actor_of,
    deployers_only,
    may_deploy,
    reach_of,
    who_of,
)
from api.pages.deploys.app import address_in
from api.pages.deploys.listing import DEPLOYMENTS, to_deployment
from api.pages.deploys.live import live_of, number_of
from api.pages.deploys.log import CHOICES, STREAMS, read_log, wanted_in
from api.pages.deploys.phases import TITLES, course_of
from api.pages.forms import Problem, fields_of
from api.pages.live.following import LivePart, Subject, stream_parts
from api.pages.render import address_of, page
from api.pages.viewer import NoSuchPage, Viewed, Viewer
from api.parameters import values_of
from controlplane.database import Database
from controlplane.deploys.audit import note_alone
from controlplane.deploys.deployments import (
    Who,
    cancel_deployment,
    get_deployment,
    get_history,
    promote,
    remove_deployment,
    restart,
    roll_back,
)
from controlplane.deploys.glances import mark_of
from controlplane.failures import BadRequest, Conflict, NotFound
from schemas.deploys.deployments import Deployment
from schemas.deploys.states import ENDED

ONE = f"{DEPLOYMENTS}/{{deployment_id:str}}"
LIVE = "/live"
REST_S = 1.0
Act = Callable[[Database, Who, str], Awaitable[Deployment]]
ACTS: Mapping[str, Act] = {
    "cancel": cancel_deployment,
    "rollback": roll_back,
    "restart": restart,
    "promote": promote,
}


@get(ONE, include_in_schema=False)
async def deployment_page(
    request: AnyRequest, viewer: Viewed, deployment_id: FromPath[str]
) -> Response[Any]:
    """Show one deployment."""
    wanted_in(values_of(request))  # says at once what is wrong with the address
    await deployment_of(request, viewer, deployment_id)
    return await _shown(request, viewer, deployment_id)


@get(f"{ONE}{LIVE}", include_in_schema=False)
async def deployment_live(
    request: AnyRequest, viewer: Viewed, deployment_id: FromPath[str]
) -> Response[Any]:
    """Send the page of a deployment anew as it goes on."""
    await deployment_of(request, viewer, deployment_id)

    async def found(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
        return await _found(request, viewer, deployment_id)

    part = LivePart("figures", REST_S, "deploys/_deployment.html", found)
    subject = _subject(request, viewer, deployment_id)
    may = await may_deploy(request, viewer)
    return stream_parts(request, viewer, subject, part, of=may, ending=LIVE)


@post(ONE, include_in_schema=False, status_code=200)
async def handle_deployment(
    request: AnyRequest, viewer: Viewed, deployment_id: FromPath[str]
) -> Response[Any]:
    """Cancel, restart, promote or remove a deployment, or go back to it."""
    await deployers_only(request, viewer)
    await deployment_of(request, viewer, deployment_id)
    act = (await fields_of(request)).get("act", "")
    database, who = services(request).database, who_of(viewer)
    try:
        if act == "remove":
            await remove_deployment(database, who, deployment_id)
            what = ("delete", "deployment", deployment_id)
            await note_alone(database, actor_of(request, viewer), what)
            return Redirect(address_of(request).page("deploys/deployments"), status_code=303)
        if act not in ACTS:
            raise BadRequest("act: expected what a button of the page says")
        found = await ACTS[act](database, who, deployment_id)
        what = (act, "deployment", found.id)
        await note_alone(database, actor_of(request, viewer), what, project_id=found.project_id)
    except Conflict as error:
        problem = Problem(f"Nothing was changed. {error.message}.")
        return await _shown(request, viewer, deployment_id, problem)
    except NotFound as error:
        raise NoSuchPage from error
    return to_deployment(request, found.id)


async def _shown(
    request: AnyRequest, viewer: Viewer, deployment_id: str, problem: Problem | None = None
) -> Response[Any]:
    one = await deployment_of(request, viewer, deployment_id)
    frame = {
        "title": title_of(one),
        "live": await live_of(request, _subject(request, viewer, deployment_id), LIVE),
        "problem": problem,
    }
    found = _whole(request, viewer, deployment_id)
    if problem is None:
        return await page_with(request, "deploys/deployment.html", found, **frame)
    return await page(request, "deploys/deployment.html", status_code=409, **frame, **await found)


async def _whole(request: AnyRequest, viewer: Viewer, deployment_id: str) -> dict[str, Any]:
    """Returns what the page shows: how it goes, and its log."""
    address, wanted = address_of(request), wanted_in(values_of(request))
    found, log = await asyncio.gather(
        _found(request, viewer, deployment_id),
        read_log(request, viewer, deployment_id, wanted),
    )
    # Where a page of the past is shown, nothing is added at its end.
    goes_on = log["newer"] is None and wanted.after is None and not found["is_over"]
    is_followed = goes_on and address.values.get("live") != "0"
    href = address.url(f"{address.path}/lines.events") if is_followed else None
    shown = {"asked": wanted, "streams": STREAMS, "level_choices": CHOICES, "lines_href": href}
    return found | log | shown


async def _found(request: AnyRequest, viewer: Viewer, deployment_id: str) -> dict[str, Any]:
    database, reach = services(request).database, reach_of(viewer)
    one, events = await asyncio.gather(
        deployment_of(request, viewer, deployment_id),
        get_history(database, reach, deployment_id),
    )
    now_us = time.time_ns() // 1000
    return {
        "one": one,
        "events": events,
        "course": course_of(one, events, now_us),
        "place": address_in(request, one),
        "has_switched": any(event.status == "running" for event in events),
        "is_over": one.status in ENDED,
        "may_deploy": await may_deploy(request, viewer),
        "titles": TITLES,
        "now_us": now_us,
        "zone": viewer.project.time_zone,
        "is_empty": False,
    }


def title_of(one: Deployment) -> str:
    """Returns how a deployment is named: by its commit, else by its branch."""
    first = one.commit_msg.partition("\n")[0].strip()
    return first or (one.commit_sha[:7] if one.commit_sha else f"Deployment of {one.branch}")


async def deployment_of(request: AnyRequest, viewer: Viewer, deployment_id: str) -> Deployment:
    """Returns a deployment of the viewer's project. Raises `NoSuchPage`."""
    try:
        return await get_deployment(services(request).database, reach_of(viewer), deployment_id)
    except NotFound as error:
        raise NoSuchPage from error


def _subject(request: AnyRequest, viewer: Viewer, deployment_id: str) -> Subject:
    database, project_id = services(request).database, viewer.project.project_id

    async def count() -> int:
        return number_of(await mark_of(database, project_id, deployment_id=deployment_id))

    return Subject(("deployment", project_id, deployment_id), count)


HANDLERS = (deployment_page, deployment_live, handle_deployment)
