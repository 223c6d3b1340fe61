"""The routes of the dashboard: of the frame, and of each system's pages."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, Router, get
from litestar.di import Provide
from litestar.response.redirect import Redirect

from api.account_forms import MAX_FORM_BYTES
from api.auth import AnyRequest
from api.pages import account, account_tokens, new_project
from api.pages.assets import get_asset
from api.pages.entrance import ENTRANCE, FIRST_PAGE, get_first_page, own_forms_only
from api.pages.finding import find
from api.pages.navigation import NAVIGATION, Section
from api.pages.pipeline import pages as pipeline
from api.pages.problems import page_exception_handlers
from api.pages.render import address_of
from api.pages.settings.section import SECTION
from api.pages.showcase import parts_page
from api.pages.unknown import no_page
from api.pages.viewer import VIEWER, Viewed, viewer_of

PROJECT = "/p/{project_id:str}"
OWN = (*account.HANDLERS, *account_tokens.HANDLERS, *new_project.HANDLERS)
"""Pages of a person, and of no project."""


@get("/", include_in_schema=False)
async def open_project(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Go to the first page of a project."""
    return Redirect(address_of(request).page(FIRST_PAGE), status_code=303)


def page_routers(sections: Sequence[Section]) -> list[Any]:
    """Returns the routes of all pages; what they have in common is said once, here."""
    # Both stand under one title.
    sections = (*sections, pipeline.SECTION, SECTION._replace(title=""))
    shared: dict[str, Any] = {
        "request_max_body_size": MAX_FORM_BYTES,
        "guards": [own_forms_only],
        "exception_handlers": page_exception_handlers(),
        "opt": {NAVIGATION: sections},
    }
    handlers = [
        open_project,
        parts_page,
        find,
        no_page,
        *(one for section in sections for one in section.handlers),
    ]
    return [
        get_asset,
        Router("/", route_handlers=[get_first_page, *ENTRANCE, *OWN], **shared),
        Router(
            PROJECT,
            route_handlers=handlers,
            dependencies={VIEWER: Provide(viewer_of)},
            **shared,
        ),
    ]
