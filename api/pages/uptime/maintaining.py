"""Forms of a monitor's maintenance windows: add one, remove one. For admins."""

from typing import Any

import msgspec
from litestar import Response, post
from litestar.params import FromPath

from api.auth import AnyRequest, services
from api.pages.forms import fields_of
from api.pages.settings.admins import admins_only
from api.pages.uptime.editing import MONITOR, monitor_of, settings_shown, to_monitor
from api.pages.uptime.windows import problem_of_window, spec_of, window_in
from api.pages.viewer import Viewed
from controlplane.failures import BadRequest
from controlplane.uptime.monitors import change_monitor

PREFIX = "window_"
"""Of the fields of this form: a page has the form of the monitor too."""


@post(f"{MONITOR}/maintenance", include_in_schema=False, status_code=200)
async def add_window(
    request: AnyRequest, viewer: Viewed, monitor_id: FromPath[str]
) -> Response[Any]:
    """Add a maintenance window; it is in force from now on."""
    admins_only(viewer)
    typed = await fields_of(request)
    monitor = await monitor_of(request, viewer, monitor_id)
    own = {name.removeprefix(PREFIX): text for name, text in typed.items()}
    known, of = services(request), (viewer.project.project_id, monitor.monitor_id)
    try:
        windows = [*map(msgspec.to_builtins, monitor.config.maintenance_windows), window_in(own)]
        await change_monitor(known.database, known.vault, of, {"maintenance_windows": windows})
    except BadRequest as error:
        problem = problem_of_window(error)
        return await settings_shown(request, viewer, monitor, problem=problem, window=typed)
    return to_monitor(request, monitor.monitor_id, "/settings")


@post(f"{MONITOR}/maintenance/remove", include_in_schema=False, status_code=200)
async def remove_window(
    request: AnyRequest, viewer: Viewed, monitor_id: FromPath[str]
) -> Response[Any]:
    """Remove a maintenance window; what it has covered stays maintenance."""
    admins_only(viewer)
    spec = (await fields_of(request)).get("spec", "")
    monitor = await monitor_of(request, viewer, monitor_id)
    left = [one for one in monitor.config.maintenance_windows if spec_of(one) != spec]
    known, of = services(request), (viewer.project.project_id, monitor.monitor_id)
    windows = [msgspec.to_builtins(one) for one in left]
    await change_monitor(known.database, known.vault, of, {"maintenance_windows": windows})
    return to_monitor(request, monitor.monitor_id, "/settings")


HANDLERS = (add_window, remove_window)
