"""What the palette finds of `otel`: traces by their id or that of a span, services by name."""

import re
import time

from api.auth import AnyRequest
from api.pages.finding import Finder, Hit
from api.pages.parts.texts import duration
from api.pages.render import address_of
from api.pages.viewer import Viewer
from api.reads import reader_of
from clickhouse.otel.services import hours_around, list_services
from clickhouse.otel.summaries import summarise
from clickhouse.otel.trace_places import find_trace
from schemas.zones import DAY_US

ID = re.compile(r"([0-9a-fA-F]{32})(-[0-9a-fA-F]{16})?")
LEAST_CHARS = 2
"""Of a name: one character would find everything."""
SHOWN = 6
MOST_SERVICES = 200
RANGE_US = 7 * DAY_US
"""In which services are looked for."""


async def _by_id(request: AnyRequest, viewer: Viewer, text: str) -> list[Hit]:
    match = ID.fullmatch(text)
    if match is None:
        return []
    async with reader_of(request, viewer.project).turn() as store:
        place = await find_trace(store, viewer.project, match[1])
        if place is None:
            return []
        found = await summarise(
            store, viewer.project, place.ids, first_us=place.first_us, last_us=place.last_us
        )
    address = address_of(request)
    return [
        Hit(
            "distributed trace",
            one.name or one.trace_id,
            duration(one.latency_ms),
            address.thing("otel/traces", one.trace_id),
        )
        for one in found[:SHOWN]
    ]


async def _by_name(request: AnyRequest, viewer: Viewer, text: str) -> list[Hit]:
    if len(text) < LEAST_CHARS:
        return []
    now_us, project = time.time_ns() // 1000, viewer.project
    hours = hours_around(now_us - RANGE_US, now_us)
    async with reader_of(request, project).turn() as store:
        services = await list_services(store, project, hours, limit=MOST_SERVICES)
    address = address_of(request)
    found = [one for one in services if one.service and text.lower() in one.service.lower()]
    return [
        Hit(
            "service",
            one.service,
            f"{one.spans:,} spans",
            address.thing("otel/services", one.service),
        )
        for one in found[:SHOWN]
    ]


FINDER = Finder(_by_id, _by_name)
