"""What a deployment changed: the verdict, each measure before and after, and both times drawn."""

import asyncio
import time
from typing import Any, cast

from litestar import Response, get
from litestar.params import FromPath

from api.auth import AnyRequest, services
from api.deploys.impact import ReadImpact
from api.pages.arriving import page_with
from api.pages.deploys.allowed import reach_of
from api.pages.deploys.courses import courses_of
from api.pages.deploys.deployment import deployment_of, title_of
from api.pages.deploys.listing import DEPLOYMENTS
from api.pages.parts.ranges import TimeRange
from api.pages.viewer import Viewed, Viewer
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from clickhouse.deploys.impact import read_around
from controlplane.deploys.impact import Setting, read_setting
from schemas.deploys.windows import DEFAULT_MINUTES, LEAST_MINUTES, MOST_MINUTES, Windows

WINDOWS = ((15, "15 minutes"), (60, "1 hour"), (240, "4 hours"), (1440, "1 day"))
TITLES = {
    "error_rate": "Errors",
    "failure_rate": "Failed transactions",
    "new_issues": "New issues",
    "latency_p95": "p95 of transactions",
    "llm_failure_rate": "Failed LLM calls",
    "cost_per_request": "LLM cost of a request",
    "cost_per_call": "Cost of an LLM call",
    "uptime": "Uptime",
}


@get(f"{DEPLOYMENTS}/{{deployment_id:str}}/impact", include_in_schema=False)
async def impact_page(
    request: AnyRequest, viewer: Viewed, deployment_id: FromPath[str]
) -> Response[Any]:
    """Show what a deployment changed."""
    minutes = _minutes(values_of(request))
    one = await deployment_of(request, viewer, deployment_id)
    return await page_with(
        request,
        "deploys/impact.html",
        _found(request, viewer, deployment_id, minutes),
        one=one,
        title=title_of(one),
        minutes=minutes,
        windows=WINDOWS,
    )


async def _found(
    request: AnyRequest, viewer: Viewer, deployment_id: str, minutes: int
) -> dict[str, Any]:
    now_us, reach, database = time.time_ns() // 1000, reach_of(viewer), services(request).database
    read = cast("ReadImpact", request.app.state.read_impact)
    setting = await read_setting(database, reach, deployment_id, minutes=minutes, now_us=now_us)
    async with reader_of(request, viewer.project).turn() as store:
        if setting.windows is None:
            impact, charts = await read(store, reach, deployment_id, minutes), []
        else:
            environment = setting.deployment.environment
            impact, around = await asyncio.gather(
                read(store, reach, deployment_id, minutes),
                read_around(store, viewer.project, environment, setting.windows),
            )
            shown = _range(viewer, setting.windows, now_us)
            charts = courses_of(around, setting.windows, shown, _name(setting))
    return {
        "impact": impact,
        "charts": charts,
        "measure_titles": TITLES,
        "around": None if setting.windows is None else _times(setting.windows),
        "zone": viewer.project.time_zone,
    }


def _range(viewer: Viewer, windows: Windows, now_us: int) -> TimeRange:
    first_us, last_us = windows.before.start_us, windows.after.end_us - 1
    return TimeRange(first_us, last_us, None, viewer.project.time_zone, now_us)


def _name(setting: Setting) -> str:
    one = setting.deployment
    return f"deployment {one.commit_sha[:7] or one.id[:8]}"


def _times(windows: Windows) -> dict[str, int]:
    """Returns the ends of the time after, in milliseconds, as addresses have them."""
    return {
        "from_ms": windows.after.start_us // 1000,
        "to_ms": max(windows.after.end_us, windows.after.start_us + 1000) // 1000,
    }


def _minutes(values: Values) -> int:
    text = values.get("window", str(DEFAULT_MINUTES))
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise invalid("window", "Expected a number of minutes")
    if not LEAST_MINUTES <= int(text) <= MOST_MINUTES:
        raise invalid("window", f"Expected {LEAST_MINUTES} to {MOST_MINUTES} minutes")
    return int(text)


HANDLERS = (impact_page,)
