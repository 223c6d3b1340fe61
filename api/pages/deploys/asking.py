"""What people ask for on the page of an app: make it of a repository, deploy a branch or commit."""

import re
from collections.abc import Mapping
from typing import Any, cast

import structlog
from litestar import Response, post

from api.auth import AnyRequest, services
from api.deploys.deployments import ENVIRONMENT
from api.deploys.detection import wanted_of
from api.deploys.project_forms import is_branch
from api.pages.deploys.allowed import actor_of, changers_only, deployers_only, who_of
from api.pages.deploys.app import APP, app_shown
from api.pages.deploys.fields import COMMANDS, FIRST, FOUND, fields_named
from api.pages.deploys.forms import Typed, again, meant, problem_in, texts_of
from api.pages.deploys.listing import DEPLOYMENTS, to_deployment
from api.pages.forms import Problem, fields_of, ticks_of
from api.pages.viewer import Viewed, Viewer
from controlplane.deploys.apps import change_app
from controlplane.deploys.audit import note_alone
from controlplane.deploys.deployments import Asked, ask_deployment
from controlplane.failures import BadRequest, Conflict, TooManyRequests
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.deployments import Deployment
from schemas.deploys.looking import Detected, DetectForm, Look, Wanted
from schemas.deploys.routing import PRODUCTION

MOST_FIELDS = 40
COMMIT = re.compile(r"([0-9a-fA-F]{4,64})?")

log = structlog.get_logger(__name__)


@post(APP, include_in_schema=False, status_code=200)
async def make_app(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make the app of the project from a repository, and deploy it; or look at it alone."""
    await changers_only(request, viewer)
    typed = await ticks_of(request, MOST_FIELDS)
    if typed.get("act") == ["look"]:
        return await _looked_at(request, viewer, typed)
    typed = as_found(typed)
    among, project_id = fields_named(*FIRST, *COMMANDS), viewer.project.project_id
    allowed = private_allowed(request)

    def change(config: AppConfig, secrets: AppSecrets) -> tuple[AppConfig, AppSecrets]:
        return meant(config, secrets, typed, among=among, private_allowed=allowed)

    known = services(request)
    try:
        actor = actor_of(request, viewer)
        await change_app(known.database, known.vault, actor, project_id, change)
    except (BadRequest, Conflict) as error:
        texts = again(texts_of(AppConfig(), AppSecrets()), typed)
        return await app_shown(request, viewer, problem=problem_in(error, typed), texts=texts)
    log.info("app made", project_id=project_id)
    made = await _ask(request, viewer)
    return to_deployment(request, made.id)


@post(DEPLOYMENTS, include_in_schema=False, status_code=200)
async def deploy(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Ask for a deployment of a branch or a commit."""
    await deployers_only(request, viewer)
    typed = {name: text.strip() for name, text in (await fields_of(request)).items()}
    problem = problem_with(typed)
    if problem is None:
        try:
            made = await _ask(request, viewer, **typed)
        except BadRequest as error:
            problem = Problem(error.message)
        else:
            return to_deployment(request, made.id)
    return await app_shown(request, viewer, problem=problem, asked=typed)


async def _looked_at(
    request: AnyRequest, viewer: Viewer, typed: Mapping[str, list[str]]
) -> Response[Any]:
    """Shows what a look at the repository that was typed finds, in the form."""
    texts = again(texts_of(AppConfig(), AppSecrets()), typed)
    problem: Problem | None = None
    try:
        look = cast("Look", request.app.state.look)
        account = viewer.session.account
        found = await look(account.user_id, _wanted(typed, allowed=private_allowed(request)))
        if isinstance(found, Detected):
            own = as_found(typed)
            # What somebody has typed themselves stays, however often they look.
            texts |= {name: "".join(own.get(name, [])) or getattr(found, name) for name in FOUND}
            return await app_shown(request, viewer, texts=texts, detected=found)
        problem = Problem(found.text, found.field)
    except BadRequest as error:
        problem = problem_in(error, typed)
    except TooManyRequests as error:
        problem = Problem(f"{error.message}.")
    return await app_shown(request, viewer, problem=problem, texts=texts)


def _wanted(typed: Typed, *, allowed: bool) -> Wanted:
    names = ("repo_url", "branch", "git_token", "run_dir")
    said = {name: values[-1].strip() for name, values in typed.items() if name in names}
    return wanted_of(AppConfig(), AppSecrets(), DetectForm(**said), private_allowed=allowed)


def as_found(typed: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Returns a form in which commands that were left as a look had filled them in are empty."""
    kept = {name for name in FOUND if typed.get(name) == typed.get(f"found_{name}")}
    return {name: [""] if name in kept else values for name, values in typed.items()}


def problem_with(typed: dict[str, str]) -> Problem | None:
    """Returns what is wrong with what is to be deployed."""
    branch, environment = typed.get("branch", ""), typed.get("environment", "")
    if branch and not is_branch(branch):
        return Problem("Expected the name of a branch, as main.", "branch")
    if COMMIT.fullmatch(typed.get("commit", "")) is None:
        return Problem("Expected a commit: 4 to 64 digits of 0-9 and a-f.", "commit")
    if environment and ENVIRONMENT.fullmatch(environment) is None:
        return Problem("Expected A-Z, a-z, 0-9, dots, /, - and _, as pr-12.", "environment")
    return None


def private_allowed(request: AnyRequest) -> bool:
    """Tells whether repositories on private addresses may be fetched."""
    return cast("bool", request.app.state.private_repositories)


async def _ask(
    request: AnyRequest,
    viewer: Viewer,
    *,
    branch: str = "",
    commit: str = "",
    environment: str = "",
    **_: str,
) -> Deployment:
    who, database = who_of(viewer), services(request).database
    asked = Asked(
        project_id=viewer.project.project_id,
        user_id=who.reach.user_id,
        author=who.author,
        origin="page",
        environment=environment or PRODUCTION,
        branch=branch,
        commit_sha=commit.lower(),
    )
    made = await ask_deployment(database, asked)
    what = ("deploy", "deployment", made.id)
    await note_alone(database, actor_of(request, viewer), what, project_id=asked.project_id)
    return made


HANDLERS = (make_app, deploy)
