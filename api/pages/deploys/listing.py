"""All deployments of a project, in pages; live."""

import time
from typing import Any

from litestar import Response, get
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.arriving import page_with
from api.pages.deploys.allowed import may_deploy, reach_of
from api.pages.deploys.app import Line
from api.pages.deploys.live import live_of, of_app
from api.pages.deploys.phases import TITLES, took_ms
from api.pages.live.following import EVENTS, LivePart, stream_parts
from api.pages.render import address_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import invalid, values_of
from controlplane.deploys.deployments import list_deployments

DEPLOYMENTS = "/deploys/deployments"
PAGE_ROWS = 50
MOST_PAGES = 2000
REST_S = 1.0


@get(DEPLOYMENTS, include_in_schema=False)
async def deployments_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the deployments of the project, the newest first."""
    _place(request)
    live = await live_of(request, of_app(request, viewer))
    return await page_with(request, "deploys/deployments.html", _found(request, viewer), live=live)


@get(f"{DEPLOYMENTS}{EVENTS}", include_in_schema=False)
async def deployments_events(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Send the list anew as something of it changes."""
    _place(request)  # says at once what is wrong with the address
    part = LivePart("figures", REST_S, "deploys/_deployments.html", _found)
    return stream_parts(request, viewer, of_app(request, viewer), part)


def to_deployment(request: AnyRequest, deployment_id: str) -> Redirect:
    """Sends the browser to the page of a deployment."""
    target = address_of(request).thing("deploys/deployments", deployment_id)
    return Redirect(target, status_code=303)


def _place(request: AnyRequest) -> int:
    text = values_of(request).get("page", "1")
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST_PAGES):
        raise invalid("page", f"Expected a number from 1 to {MOST_PAGES}")
    return int(text)


async def _found(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
    number, now_us = _place(request), time.time_ns() // 1000
    values = values_of(request)
    rows = await list_deployments(
        services(request).database,
        reach_of(viewer),
        environment=values.get("environment") or None,
        limit=PAGE_ROWS + 1,
        offset=(number - 1) * PAGE_ROWS,
    )
    return {
        "lines": [Line(one, took_ms(one, now_us)) for one in rows[:PAGE_ROWS]],
        "number": number,
        "further": number + 1 if len(rows) > PAGE_ROWS else None,
        "environment": values.get("environment", ""),
        "may_deploy": await may_deploy(request, viewer),
        "titles": TITLES,
        "now_us": now_us,
        "zone": viewer.project.time_zone,
        "is_empty": False,
    }


HANDLERS = (deployments_page, deployments_events)
