"""`/api/v1/detect`: how a repository would be built and started, before it is deployed."""

from typing import cast

from litestar import post
from litestar.status_codes import HTTP_200_OK
from msgspec import UNSET

from api.auth import AnyRequest, services
from api.deploys.bodies import body_of
from api.deploys.callers import Caller, caller_in, deploying, refuse_strangers
from api.deploys.described import by_login
from api.deploys.project_forms import changed
from controlplane.deploys.apps import open_app
from controlplane.failures import BadRequest
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.examples import DETECT
from schemas.deploys.forms import ProjectChangeForm
from schemas.deploys.looking import Detected, DetectForm, Look, NotDetected, Wanted


@post(
    "/detect",
    status_code=HTTP_200_OK,
    summary="Look at a repository before deploying",
    opt=by_login(body=DetectForm, example=DETECT, errors=(404,)),
)
async def detect_commands(request: AnyRequest) -> Detected:
    """Fetch a branch for a moment and tell how it would be built and started; nothing is run.

    With a `project_id`, for its admins, what the body leaves out is as the project has it.
    """
    caller = await caller_in(request, needs="write")
    form = await body_of(request, DetectForm)
    config, secrets = await _known(request, caller, form.project_id)
    allowed = cast("bool", request.app.state.private_repositories)
    wanted = wanted_of(config, secrets, form, private_allowed=allowed)
    look = cast("Look", request.app.state.look)
    whose = caller.user_id or (caller.holder.token_id if caller.holder is not None else "")
    found = await look(whose, wanted)
    if isinstance(found, NotDetected):
        raise BadRequest(f"{found.field}: {found.text}")
    return found


HANDLERS = (detect_commands,)


def wanted_of(
    config: AppConfig, secrets: AppSecrets, form: DetectForm, *, private_allowed: bool
) -> Wanted:
    """Returns where to look; checks what a form says as an app's is. Raises `BadRequest`."""
    is_elsewhere = form.repo_url not in ("", config.repo_url)
    fields = ProjectChangeForm(
        repo_url=form.repo_url or UNSET,
        branch=form.branch or UNSET,
        run_dir=form.run_dir or UNSET,
        # A kept token goes where it is kept for, and nowhere else.
        git_token=form.git_token or ("" if is_elsewhere else UNSET),
    )
    config, secrets = changed(config, secrets, fields, private_allowed=private_allowed)
    if not config.repo_url:
        raise BadRequest("repo_url: is required")
    return Wanted(
        repo_url=config.repo_url,
        branch=config.branch,
        git_token=secrets.git_token,
        run_dir=config.run_dir,
    )


async def _known(
    request: AnyRequest, caller: Caller, project_id: str
) -> tuple[AppConfig, AppSecrets]:
    if not project_id:
        await refuse_strangers(request, caller)
        return AppConfig(), AppSecrets()
    owner, state = await deploying(request, caller, project_id, needs="admin"), services(request)
    return await open_app(state.database, state.vault, owner)
