"""Addresses that git servers tell of pushes: made with a secret that is shown once, removed."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.deploys.project_forms import is_branch
from api.deploys.shown import base_of
from api.pages.deploys.allowed import actor_of, changers_only, reach_of, refusal_of
from api.pages.forms import Problem, fields_of
from api.pages.once import show_once, shown_once
from api.pages.render import address_of, page
from api.pages.viewer import NoSuchPage, Viewed, Viewer
from controlplane.deploys.apps import open_app
from controlplane.deploys.git_webhooks import (
    add_git_webhook,
    list_git_webhooks,
    remove_git_webhook,
)
from controlplane.deploys.reaching import project_of_webhook
from controlplane.failures import BadRequest, Conflict, NotFound
from schemas.deploys.states import Provider

WEBHOOKS = "/deploys/webhooks"
PROVIDERS: Mapping[str, str] = {"github": "GitHub", "gitlab": "GitLab", "gitea": "Gitea"}
STEPS: Mapping[Provider, tuple[str, ...]] = {
    "github": (
        "In the repository: Settings, Webhooks, Add webhook.",
        "Payload URL: the address. Content type: application/json. Secret: the secret.",
        "Which events: pushes, and pull requests where previews are wanted.",
    ),
    "gitlab": (
        "In the project: Settings, Webhooks, Add new webhook.",
        "URL: the address. Secret token: the secret.",
        "Trigger: push events, and merge request events where previews are wanted.",
    ),
    "gitea": (
        "In the repository: Settings, Webhooks, Add webhook, Gitea.",
        "Target URL: the address. Content type: application/json. Secret: the secret.",
        "Trigger on: push events, and pull request events where previews are wanted.",
    ),
}


@get(WEBHOOKS, include_in_schema=False)
async def webhooks_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the git webhooks of the project; a new one with its secret, once."""
    return await _shown(request, viewer)


@post(WEBHOOKS, include_in_schema=False, status_code=200)
async def make_webhook(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a git webhook, whose secret the page shows once."""
    await changers_only(request, viewer)
    typed = await fields_of(request)
    provider, branch = typed.get("provider", ""), typed.get("branch", "").strip()
    problem = None
    if provider not in STEPS:
        problem = Problem("Expected one of the list.", "provider")
    elif branch and not is_branch(branch):
        problem = Problem("Expected the name of a branch, as main.", "branch")
    if problem is not None:
        return await _shown(request, viewer, typed=typed, problem=problem)
    known, project_id = services(request), viewer.project.project_id
    try:
        actor, new = actor_of(request, viewer), (_provider(provider), branch)
        made, secret = await add_git_webhook(known.database, known.vault, actor, project_id, new)
    except (BadRequest, Conflict) as error:
        return await _shown(request, viewer, typed=typed, problem=Problem(error.message))
    path = f"/p/{project_id}{WEBHOOKS}"
    return show_once(request, viewer.session, path, secret, query=f"of={made.id}")


@post(f"{WEBHOOKS}/{{git_webhook_id:str}}/remove", include_in_schema=False, status_code=200)
async def remove_webhook(
    request: AnyRequest, viewer: Viewed, git_webhook_id: FromPath[str]
) -> Response[Any]:
    """Remove a git webhook."""
    await changers_only(request, viewer)
    database = services(request).database
    try:
        await project_of_webhook(database, reach_of(viewer), git_webhook_id)
        await remove_git_webhook(database, actor_of(request, viewer), git_webhook_id)
    except NotFound as error:
        raise NoSuchPage from error
    return Redirect(address_of(request).page("deploys/webhooks"), status_code=303)


def _provider(name: str) -> Provider:
    return next(one for one in STEPS if one == name)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    typed: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    known, project_id = services(request), viewer.project.project_id
    webhooks = await list_git_webhooks(known.database, reach_of(viewer))
    config, _ = await open_app(known.database, known.vault, project_id)
    once = shown_once(request, viewer.session)
    made = address_of(request).values.get("of")
    answer = await page(
        request,
        "deploys/webhooks.html",
        status_code=400 if problem else 200,
        webhooks=webhooks,
        base=base_of(request),
        branch=config.branch,
        fresh=next((one for one in webhooks if one.id == made), None) if once.text else None,
        secret=once.text,
        steps=STEPS,
        providers=PROVIDERS,
        typed=typed or {},
        problem=problem,
        zone=viewer.project.time_zone,
        refusal=await refusal_of(request, viewer),
    )
    return once.taken_from(answer)


HANDLERS = (webhooks_page, make_webhook, remove_webhook)
