"""The routes of monitors and incidents together."""

from litestar import Router

from api.account_forms import MAX_FORM_BYTES
from api.uptime import (
    courses,
    incidents,
    monitors,
    notifications,
    policies,
    probes,
    sla,
    status,
    status_pages,
    webhooks,
)
from api.uptime.failures import uptime_handlers
from api.uptime.public.following import router as following_router
from api.uptime.public.routes import router as public_router


def routers() -> list[Router]:
    """Returns what monitor keys reach, with errors in an envelope of its own; and public pages."""
    return [
        Router(
            "/v1",
            route_handlers=[
                *monitors.HANDLERS,
                *courses.HANDLERS,
                *sla.HANDLERS,
                *status.HANDLERS,
                *incidents.HANDLERS,
                *policies.HANDLERS,
                *notifications.HANDLERS,
                *webhooks.HANDLERS,
                *probes.HANDLERS,
                *status_pages.HANDLERS,
            ],
            request_max_body_size=MAX_FORM_BYTES,
            exception_handlers=uptime_handlers(),
            tags=["monitors"],
        ),
        public_router(),
        following_router(),
    ]
