"""`GET /v1/status/{monitor_id}`: how a monitor is, how fast it answers, how much it was up."""

import asyncio
import time
from typing import Annotated

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.auth import AnyRequest, services
from api.declared import takes
from api.parameters import read, values_of
from api.reads import reader_of
from api.rows import one
from api.uptime.bodies import asked
from api.uptime.holders import monitored_project
from api.uptime.lengths import LONGEST_US, read_length_us
from api.uptime.monitors import shown_state
from api.uptime.sla_lines import excluded_s
from clickhouse.client import Warehouse
from clickhouse.uptime.latencies import Latencies, measure_latencies
from controlplane.uptime.courses import Course, read_course
from controlplane.uptime.monitors import get_monitor
from schemas.times import iso_ms
from schemas.uptime.answers import Metrics, StatusAnswer, UptimeAnswer
from schemas.uptime.days import measure_each
from schemas.uptime.flapping import changes_of, is_flapping
from schemas.uptime.measures import SECOND_US, Measured
from schemas.uptime.monitors import Monitor
from schemas.uptime.stretches import Stretch, is_in
from schemas.zones import DAY_US

WINDOWS = {"24h": DAY_US, "7d": 7 * DAY_US, "30d": 30 * DAY_US, "90d": LONGEST_US}


class StatusQuery(Struct, frozen=True, kw_only=True):
    """Over which time."""

    window: Annotated[str, Meta(max_length=10)] = "24h"


@get(
    "/status/{monitor_id:str}",
    summary="Show the status of a monitor",
    opt={**takes(StatusQuery), **asked(StatusAnswer)},
)
async def get_status(request: AnyRequest, monitor_id: FromPath[str]) -> Response[bytes]:
    """Return the state of a monitor, with figures of a window (24h) and uptime of four."""
    project, _ = await monitored_project(request)
    length_us = read_length_us("window", read(values_of(request), StatusQuery).window)
    known = services(request)
    now_us = time.time_ns() // 1000

    async def read_monitor() -> tuple[Monitor, Course]:
        found = await get_monitor(known.database, known.vault, project.project_id, monitor_id)
        longest = Stretch(now_us - LONGEST_US, now_us)
        return found, await read_course(known.database, found, longest)

    async def ask(warehouse: Warehouse) -> StatusAnswer:
        bounds = Stretch(now_us - length_us, now_us)
        (monitor, course), latencies = await asyncio.gather(
            read_monitor(), measure_latencies(warehouse, project, monitor_id, bounds)
        )
        lengths = sorted({length_us, *WINDOWS.values()})
        ranges = [Stretch(now_us - of_us, now_us) for of_us in lengths]
        measures = measure_each(ranges, monitor.created_us, *course)
        measured = dict(zip(lengths, measures, strict=True))
        in_maintenance = is_in(course.overlays.maintenance, now_us - 1)
        state = shown_state(monitor, now_us, in_maintenance=in_maintenance)
        return StatusAnswer(
            monitor_id=monitor.monitor_id,
            name=monitor.config.name,
            state=state,
            since=iso_ms(course.flips[-1].at_us) if course.flips else None,
            flapping=is_flapping(_changes(course), now_us),
            last_probe_at=None if monitor.last_us is None else iso_ms(monitor.last_us),
            metrics=_metrics(measured[length_us], latencies, length_us),
            uptime={name: _uptime(measured[of_us]) for name, of_us in WINDOWS.items()},
            message=f"{monitor.config.name} is {state}",
        )

    return await one(reader_of(request, project), ask)


def _changes(course: Course) -> list[int]:
    left_out = (*course.overlays.maintenance, *course.overlays.paused)
    return changes_of(course.flips, left_out)


def _metrics(found: Measured, latencies: Latencies, length_us: int) -> Metrics:
    checks, passed = latencies.checks, latencies.passed
    return Metrics(
        window_seconds=length_us // SECOND_US,
        p50_latency_ms=latencies.p50_ms,
        p95_latency_ms=latencies.p95_ms,
        p99_latency_ms=latencies.p99_ms,
        uptime_pct=found.uptime_pct,
        coverage_pct=found.coverage_pct,
        downtime_s=found.down_us / SECOND_US,
        outages=found.outages,
        checks=checks,
        check_success_ratio=passed / checks if checks else None,
        excluded_s=excluded_s(found),
    )


def _uptime(found: Measured) -> UptimeAnswer:
    return UptimeAnswer(found.uptime_pct, found.coverage_pct, found.down_us / SECOND_US)


HANDLERS = (get_status,)
