"""`/dashboard/api/errors/settings`: how errors are masked, grouped, and given up."""

from litestar import get, put
from litestar.types import ControllerRouterHandler

from api.account_forms import read_form
from api.auth import AnyRequest, admin_project_from_session, project_from_session, services
from controlplane.errors.settings import read_settings, write_settings
from schemas.described import describes
from schemas.errors.settings import ProjectErrorsSettings

BAD_SETTINGS = (
    "Invalid settings: expected masking, grouping and autoResolveDays as GET answers them"
)
EXAMPLE = {
    "masking": {
        "emails": True,
        "ownFields": ["customer number"],
        "ownPatterns": [{"name": "staff", "pattern": r"\bE-\d{5}\b"}],
    },
    "grouping": {
        "version": "v2",
        "rules": [{"match": [["type", "Timeout*"]], "fingerprint": ["timeouts"]}],
    },
    "autoResolveDays": 30,
}


@get(
    "/errors/settings",
    summary="How errors are masked and grouped",
    opt=describes(answer=ProjectErrorsSettings, asks="project"),
)
async def show_error_settings(request: AnyRequest) -> ProjectErrorsSettings:
    """Return the settings of the project in `X-Project-Id`, for its members."""
    project = await project_from_session(request)
    return await read_settings(services(request).database, project.project_id)


@put(
    "/errors/settings",
    summary="Set how errors are masked and grouped",
    opt=describes(
        body=ProjectErrorsSettings, example=EXAMPLE, answer=ProjectErrorsSettings, asks="project"
    ),
)
async def put_error_settings(request: AnyRequest) -> ProjectErrorsSettings:
    """Set all of it, for admins: what is left out is as it is by default. Counts within 2 s."""
    project = await admin_project_from_session(request)
    form = await read_form(request, ProjectErrorsSettings, otherwise=BAD_SETTINGS)
    return await write_settings(services(request).database, project.project_id, form)


HANDLERS: tuple[ControllerRouterHandler, ...] = (show_error_settings, put_error_settings)
