"""The routes of monitors and incidents together."""

from litestar import Router

from api.account_forms import MAX_FORM_BYTES
from api.uptime import exclusions, incidents, monitors, status
from api.uptime.failures import uptime_handlers


def routers() -> list[Router]:
    """Returns what monitor keys reach, with errors in an envelope of its own."""
    return [
        Router(
            "/v1",
            route_handlers=[
                *(*monitors.HANDLERS, *exclusions.HANDLERS),
                *(*status.HANDLERS, *incidents.HANDLERS),
            ],
            request_max_body_size=MAX_FORM_BYTES,
            exception_handlers=uptime_handlers(),
            tags=["monitors"],
        )
    ]
