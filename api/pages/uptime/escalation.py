"""Escalation policies: who is told of incidents and when, each with a test. Admins change them."""

from collections.abc import Mapping
from typing import Any

import structlog
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.forms import Problem, fields_of, typed_word
from api.pages.render import address_of, page
from api.pages.settings.admins import admins_only
from api.pages.uptime.monitors import all_monitors
from api.pages.uptime.policies import (
    count_steps,
    new_policy_texts,
    policy_in,
    policy_texts,
    problem_of_policy,
    targets_of,
)
from api.pages.viewer import NoSuchPage, Viewed, Viewer
from api.uptime.notifications import check_known, shown_of, try_policy, warnings_of
from controlplane.channels import list_channels
from controlplane.failures import BadRequest, Conflict, NotFound, Unavailable
from controlplane.uptime.policies import (
    add_policy,
    get_policy,
    list_policies,
    read_names,
    remove_policy,
    replace_policy,
)
from schemas.uptime.escalation import Policy, PolicyForm
from schemas.uptime.policy_answers import TargetTests

ESCALATION = "/uptime/escalation"
POLICY = f"{ESCALATION}/{{policy_id:str}}"
MOST_FIELDS = 60

log = structlog.get_logger(__name__)


@get(ESCALATION, include_in_schema=False)
async def escalation_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the policies, and who names them."""
    return await _all_shown(request, viewer)


@post(ESCALATION, include_in_schema=False, status_code=200)
async def make_policy(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a policy."""
    admins_only(viewer)
    typed = await fields_of(request, at_most=MOST_FIELDS)
    known, project_id = services(request), viewer.project.project_id
    try:
        form = policy_in(typed)
        await _check(request, form)
        policy = await add_policy(known.database, known.vault, project_id, form)
    except (BadRequest, Conflict) as error:
        problem = problem_of_policy(error, typed)
        return await _all_shown(request, viewer, texts=typed, problem=problem)
    log.info("escalation policy made", project_id=project_id, policy_id=policy.policy_id)
    return _back(request)


@get(POLICY, include_in_schema=False)
async def policy_page(
    request: AnyRequest, viewer: Viewed, policy_id: FromPath[str]
) -> Response[str]:
    """Show one policy, to change and to try."""
    return await _one_shown(request, viewer, await _policy(request, viewer, policy_id))


@post(POLICY, include_in_schema=False, status_code=200)
async def change_policy(
    request: AnyRequest, viewer: Viewed, policy_id: FromPath[str]
) -> Response[Any]:
    """Change a policy to what the form says; targets that it shows by a sign stay."""
    admins_only(viewer)
    typed = await fields_of(request, at_most=MOST_FIELDS)
    policy = await _policy(request, viewer, policy_id)
    known, of = services(request), (viewer.project.project_id, policy.policy_id)
    try:
        form = policy_in(typed, policy.form)
        await _check(request, form)
        await replace_policy(known.database, known.vault, of, form)
    except (BadRequest, Conflict) as error:
        problem = problem_of_policy(error, typed)
        return await _one_shown(request, viewer, policy, texts=typed, problem=problem)
    return _back(request)


@post(f"{POLICY}/test", include_in_schema=False, status_code=200)
async def test_policy(
    request: AnyRequest, viewer: Viewed, policy_id: FromPath[str]
) -> Response[str]:
    """Send a test to each target of a policy, and show what came of it."""
    admins_only(viewer)
    policy = await _policy(request, viewer, policy_id)
    tests = await try_policy(request, viewer.project.project_id, policy.policy_id)
    return await _one_shown(request, viewer, policy, tests=tests)


@post(f"{POLICY}/remove", include_in_schema=False, status_code=200)
async def unmake_policy(
    request: AnyRequest, viewer: Viewed, policy_id: FromPath[str]
) -> Response[Any]:
    """Remove a policy, whose name the form repeats."""
    admins_only(viewer)
    policy = await _policy(request, viewer, policy_id)
    name = policy.form.name
    if await typed_word(request) != name.strip():
        problem = Problem(f"Nothing was removed: type the name, {name}, to remove it.")
        return await _one_shown(request, viewer, policy, problem=problem)
    project_id = viewer.project.project_id
    await remove_policy(services(request).database, project_id, policy.policy_id)
    log.info("escalation policy removed", project_id=project_id, policy_id=policy.policy_id)
    return _back(request)


def _back(request: AnyRequest) -> Redirect:
    return Redirect(address_of(request).page("uptime/escalation"), status_code=303)


async def _check(request: AnyRequest, form: PolicyForm) -> None:
    for number, step in enumerate(form.steps):
        try:
            await check_known(request, step.notifications, f"steps[{number}].notifications")
        except Unavailable as error:
            raise BadRequest(error.message) from error


async def _policy(request: AnyRequest, viewer: Viewer, policy_id: str) -> Policy:
    known = services(request)
    try:
        return await get_policy(known.database, known.vault, viewer.project.project_id, policy_id)
    except NotFound as error:
        raise NoSuchPage from error


async def _all_shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    texts: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    known, project_id = services(request), viewer.project.project_id
    names = await read_names(known.database, project_id)
    policies = await list_policies(known.database, known.vault, project_id)
    users: dict[str, list[tuple[str, str]]] = {}
    for one in await all_monitors(request, viewer):
        name = one.config.escalation_policy
        if name is not None:
            users.setdefault(name, []).append((one.monitor_id, one.config.name))
    given = new_policy_texts() if texts is None else texts
    return await page(
        request,
        "uptime/escalation.html",
        status_code=400 if problem else 200,
        policies=[(one, warnings_of(None, targets_of(one.form), names)) for one in policies],
        users=users,
        missing=sorted(set(users) - names.policies),
        channels=await list_channels(known.database, project_id),
        shown_of=shown_of,
        texts=given,
        steps=count_steps(given),
        problem=problem,
    )


async def _one_shown(
    request: AnyRequest,
    viewer: Viewer,
    policy: Policy,
    *,
    texts: Mapping[str, str] | None = None,
    problem: Problem | None = None,
    tests: TargetTests | None = None,
) -> Response[str]:
    given = policy_texts(policy.form) if texts is None else texts
    return await page(
        request,
        "uptime/policy.html",
        status_code=400 if problem else 200,
        policy=policy,
        texts=given,
        steps=count_steps(given),
        problem=problem,
        tests=tests,
    )


HANDLERS = (escalation_page, make_policy, policy_page, change_policy, test_policy, unmake_policy)
