"""Test now: one look at what a form or a monitor says, with each phase."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, cast

from msgspec.structs import asdict, replace

from api.auth import AnyRequest
from api.pages.uptime.phases import Segment, segments_of
from controlplane.failures import BadRequest
from schemas.projects import ProjectId
from schemas.uptime.checks import Check
from schemas.uptime.monitors import Monitor, MonitorConfig, target_of
from schemas.uptime.targets import MonitorId, Target

Look = Callable[[Target], Awaitable[Check]]
"""The state's `look_once`."""
LONGEST_MS = 30_000
"""Somebody waits for it."""
UNMADE = MonitorId("mon_00000000")
"""Stands for a monitor that nobody has made yet."""


class Tried(NamedTuple):
    """What one look saw."""

    check: Check
    segments: list[Segment]


async def try_config(request: AnyRequest, project_id: ProjectId, config: MonitorConfig) -> Tried:
    """Looks once at what a configuration names.

    Raises `BadRequest` where there is nothing to look at, `TooManyRequests`.
    """
    if config.type == "heartbeat":
        raise BadRequest("type: a heartbeat comes by itself: there is nothing to look at")
    look = cast("Look", request.app.state.look_once)
    check = await look(target_for(project_id, config))
    return Tried(check, segments_of(asdict(check.phases)))


def target_for(project_id: ProjectId, config: MonitorConfig) -> Target:
    """Returns what a prober would be told of a monitor of this configuration."""
    timeout_ms = min(config.timeout_ms, LONGEST_MS)
    unmade = Monitor(
        monitor_id=UNMADE,
        project_id=project_id,
        config=replace(config, timeout_ms=timeout_ms),
        revision=1,
        paused=False,
        state="unknown",
        since_us=None,
        last_us=None,
        silence_us=0,
        resumed_us=None,
        created_us=0,
        updated_us=0,
    )
    return target_of(unmade)
