"""The settings of an app, for admins who may deploy; and the end of being deployed."""

from typing import Any

import structlog
from litestar import Response, get, post
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.deploys.allowed import actor_of, changers_only, refusal_of
from api.pages.deploys.asking import MOST_FIELDS, private_allowed
from api.pages.deploys.fields import FIELDS, GROUPS
from api.pages.deploys.forms import Typed, again, meant, problem_in, texts_of
from api.pages.forms import Problem, ticks_of, typed_word
from api.pages.render import address_of, page
from api.pages.viewer import Viewed, Viewer
from controlplane.deploys.apps import change_app, open_app
from controlplane.deploys.ending import forget_app
from controlplane.failures import BadRequest, Conflict
from schemas.deploys.apps import AppConfig, AppSecrets

SETTINGS = "/deploys/settings"

log = structlog.get_logger(__name__)


@get(SETTINGS, include_in_schema=False)
async def app_settings(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show how the app is fetched, built and run, to change."""
    return await _shown(request, viewer)


@post(SETTINGS, include_in_schema=False, status_code=200)
async def change_app_settings(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Change an app to what the form says; its next deployment goes by it."""
    await changers_only(request, viewer)
    typed = await ticks_of(request, MOST_FIELDS)
    allowed, known = private_allowed(request), services(request)

    def change(config: AppConfig, secrets: AppSecrets) -> tuple[AppConfig, AppSecrets]:
        return meant(config, secrets, typed, among=FIELDS, private_allowed=allowed)

    try:
        actor = actor_of(request, viewer)
        project_id = viewer.project.project_id
        await change_app(known.database, known.vault, actor, project_id, change)
    except (BadRequest, Conflict) as error:
        return await _shown(request, viewer, typed=typed, problem=problem_in(error, typed))
    log.info("app changed", project_id=project_id)
    return Redirect(address_of(request).page("deploys/settings", done=1), status_code=303)


@post(f"{SETTINGS}/end", include_in_schema=False, status_code=200)
async def end_app(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Have the project be deployed no more, whose name the form repeats; what runs is stopped."""
    await changers_only(request, viewer)
    if await typed_word(request) != viewer.project_name.strip():
        text = f"Nothing was changed: type the name, {viewer.project_name}, to end its deployments."
        return await _shown(request, viewer, problem=Problem(text))
    known, project_id = services(request), viewer.project.project_id
    await forget_app(known.database, actor_of(request, viewer), project_id)
    log.info("app ended", project_id=project_id)
    return Redirect(address_of(request).page("deploys/app"), status_code=303)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    typed: Typed | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    known, address = services(request), address_of(request)
    config, secrets = await open_app(known.database, known.vault, viewer.project.project_id)
    texts = texts_of(config, secrets)
    return await page(
        request,
        "deploys/settings.html",
        status_code=400 if problem else 200,
        config=config,
        has_token=bool(secrets.git_token),
        texts=texts if typed is None else again(texts, typed),
        problem=problem,
        fields=FIELDS,
        groups=GROUPS,
        is_done=address.values.get("done") == "1",
        refusal=await refusal_of(request, viewer),
    )


HANDLERS = (app_settings, change_app_settings, end_app)
