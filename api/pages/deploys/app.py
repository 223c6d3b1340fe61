"""The app of a project: what serves, what was deployed, what can be gone back to; live."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from litestar import Response, get
from msgspec.structs import asdict

from api.auth import AnyRequest, services
from api.deploys.shown import place_of
from api.pages.arriving import page_with
from api.pages.deploys.allowed import may_deploy, reach_of, refusal_of
from api.pages.deploys.fields import COMMANDS, FIRST, FOUND, fields_named
from api.pages.deploys.forms import texts_of
from api.pages.deploys.live import live_of, of_app
from api.pages.deploys.phases import TITLES, took_ms
from api.pages.forms import Problem
from api.pages.live.following import EVENTS, LivePart, stream_parts
from api.pages.parts.snippets import url_of
from api.pages.render import is_fragment, page
from api.pages.viewer import Viewed, Viewer
from controlplane.deploys.apps import open_app
from controlplane.deploys.deployments import list_deployments
from controlplane.deploys.glances import list_running, list_serving
from controlplane.deploys.instances import list_releases
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.deployments import Deployment, Instance, Release
from schemas.deploys.looking import Detected
from schemas.deploys.routing import PRODUCTION

APP = "/deploys/app"
LAST = 8
REST_S = 1.0


class Serving(NamedTuple):
    """An environment with what serves it."""

    deployment: Deployment
    instance: Instance | None
    address: str
    driver: str
    """In which it runs; empty where its release is gone."""


class Line(NamedTuple):
    """A deployment as lists show it."""

    one: Deployment
    took_ms: float | None


class Kept(NamedTuple):
    """A release that can be started again."""

    release: Release
    serves: str
    """The environment that it serves now; empty for none."""


@get(APP, include_in_schema=False)
async def app_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the app of the project; where there is none, the form that makes one."""
    return await app_shown(request, viewer)


@get(f"{APP}{EVENTS}", include_in_schema=False)
async def app_events(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Send the page of the app anew as something of it changes."""
    part = LivePart("figures", REST_S, "deploys/_app.html", _found)
    may = await may_deploy(request, viewer)
    return stream_parts(request, viewer, of_app(request, viewer), part, of=may)


async def app_shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    problem: Problem | None = None,
    texts: Mapping[str, str] | None = None,
    asked: Mapping[str, str] | None = None,
    detected: Detected | None = None,
) -> Response[Any]:
    """Returns the page of the app; `texts` and `asked` are what its two forms were sent with."""
    form = _form(problem, texts, detected)
    if is_fragment(request) and asked is None and texts is not None:
        return await page(request, "deploys/_first.html", **form)
    frame = {
        **form,
        "live": await live_of(request, of_app(request, viewer)),
        "asked": asked,
        "refusal": await refusal_of(request, viewer),
    }
    if problem is None:
        return await page_with(request, "deploys/app.html", _found(request, viewer), **frame)
    found = await _found(request, viewer)
    return await page(request, "deploys/app.html", status_code=400, **frame, **found)


def _form(
    problem: Problem | None, texts: Mapping[str, str] | None, detected: Detected | None
) -> dict[str, Any]:
    """Returns what the form of a new app shows."""
    return {
        "problem": problem,
        "texts": texts or texts_of(AppConfig(), AppSecrets()),
        "fields": fields_named(*FIRST),
        "commands": fields_named(*COMMANDS),
        "detected": None if detected is None else asdict(detected),
        "found_names": FOUND,
    }


async def _found(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
    database, project_id = services(request).database, viewer.project.project_id
    now_us = time.time_ns() // 1000
    (config, _), last, running, instances, releases = await asyncio.gather(
        open_app(database, services(request).vault, project_id),
        list_deployments(database, reach_of(viewer), limit=LAST),
        list_running(database, project_id),
        list_serving(database, project_id),
        list_releases(database, project_id),
    )
    by_deployment = {one.deployment_id: one for one in instances}
    drivers = {one.id: one.driver for one in releases}
    serving = [
        Serving(
            one,
            by_deployment.get(one.id),
            address_in(request, one),
            drivers.get(one.release_id or "", ""),
        )
        for one in running
    ]
    is_served = {one.release_id: one.environment for one in running if one.release_id}
    newest = next((one for one in last if one.environment == PRODUCTION), None)
    return {
        "config": config,
        "serving": next((one for one in serving if one.deployment.is_default), None),
        "previews": [one for one in serving if one.deployment.environment != PRODUCTION],
        "newest": newest,
        "last": [Line(one, took_ms(one, now_us)) for one in last],
        "releases": [Kept(one, is_served.get(one.id, "")) for one in releases],
        "may_deploy": await may_deploy(request, viewer),
        "titles": TITLES,
        "now_us": now_us,
        "zone": viewer.project.time_zone,
        "is_empty": not config.repo_url and not last,
    }


def address_in(request: AnyRequest, one: Deployment) -> str:
    """Returns where what a deployment serves is reached."""
    return f"{place_of(one, url_of(request))}/"


HANDLERS = (app_page, app_events)
