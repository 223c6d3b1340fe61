"""`/v1/escalation-policies`: who is told of incidents, one after the other."""

from typing import Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from api.auth import AnyRequest, services
from api.uptime.bodies import asked, body_of, fields_of
from api.uptime.holders import monitored_project
from api.uptime.notifications import check_known, shown_of, warnings_of
from controlplane.failures import BadRequest
from controlplane.uptime.monitors import MAX_MONITORS, list_monitors
from controlplane.uptime.policies import (
    Names,
    add_policy,
    get_policy,
    list_policies,
    read_names,
    remove_policy,
    replace_policy,
)
from schemas.described import describes
from schemas.times import iso_ms
from schemas.uptime.escalation import Policy, PolicyForm
from schemas.uptime.examples import POLICY, POLICY_CHANGE
from schemas.uptime.policy_answers import (
    PolicyAnswer,
    PolicyList,
    PolicyRemoved,
    PolicyStepAnswer,
)

WRITES = (409, 422, 429)


@post(
    "/escalation-policies",
    status_code=HTTP_201_CREATED,
    summary="Make an escalation policy",
    opt=describes(body=PolicyForm, example=POLICY, asks="monitor", errors=WRITES),
)
async def post_policy(request: AnyRequest) -> PolicyAnswer:
    """Make a policy; monitors name it as `escalation_policy`. Needs the scope `write`."""
    project, _ = await monitored_project(request, needs="write")
    form = await body_of(request, PolicyForm)
    await _check(request, form)
    known = services(request)
    policy = await add_policy(known.database, known.vault, project.project_id, form)
    names = await read_names(known.database, project.project_id)
    return policy_answer(policy, names, "Escalation policy created")


@get("/escalation-policies", summary="List escalation policies", opt=asked(PolicyList))
async def get_policies(request: AnyRequest) -> PolicyList:
    """Return the policies of the project by name; secrets in them are left out."""
    project, _ = await monitored_project(request)
    known = services(request)
    names = await read_names(known.database, project.project_id)
    found = await list_policies(known.database, known.vault, project.project_id)
    return PolicyList([policy_answer(one, names, "") for one in found])


@get(
    "/escalation-policies/{policy_id:str}",
    summary="Show an escalation policy",
    opt=asked(PolicyAnswer),
)
async def show_policy(request: AnyRequest, policy_id: FromPath[str]) -> PolicyAnswer:
    """Return a policy; secrets in it are left out."""
    project, _ = await monitored_project(request)
    known = services(request)
    names = await read_names(known.database, project.project_id)
    policy = await get_policy(known.database, known.vault, project.project_id, policy_id)
    return policy_answer(policy, names, "")


@put(
    "/escalation-policies/{policy_id:str}",
    summary="Change an escalation policy",
    opt=describes(body=PolicyForm, example=POLICY_CHANGE, asks="monitor", errors=WRITES),
)
async def put_policy(request: AnyRequest, policy_id: FromPath[str]) -> PolicyAnswer:
    """Change the fields that are sent; the others stay. Open incidents follow it from then on."""
    project, _ = await monitored_project(request, needs="write")
    fields = await fields_of(request)
    known = services(request)
    held = await get_policy(known.database, known.vault, project.project_id, policy_id)
    form = _changed(held.form, fields)
    if "steps" in fields:
        await _check(request, form)
    of = (project.project_id, policy_id)
    policy = await replace_policy(known.database, known.vault, of, form)
    names = await read_names(known.database, project.project_id)
    return policy_answer(policy, names, "Escalation policy changed")


@delete(
    "/escalation-policies/{policy_id:str}",
    status_code=HTTP_200_OK,
    summary="Remove an escalation policy",
    opt=describes(asks="monitor", errors=(422, 429)),
)
async def delete_policy(request: AnyRequest, policy_id: FromPath[str]) -> PolicyRemoved:
    """Remove a policy; monitors that name it go on with their own notifications."""
    project, _ = await monitored_project(request, needs="write")
    known = services(request)
    name = await remove_policy(known.database, project.project_id, policy_id)
    monitors = await list_monitors(
        known.database, known.vault, project.project_id, limit=MAX_MONITORS
    )
    users = [one.config.name for one in monitors if one.config.escalation_policy == name]
    warnings = [f"{one!r} names it still: its notifications alone are told" for one in users[:20]]
    return PolicyRemoved(policy_id, warnings, "Escalation policy removed")


def policy_answer(policy: Policy, names: Names, message: str) -> PolicyAnswer:
    """Return what is told of a policy."""
    form = policy.form
    texts = [text for step in form.steps for text in step.notifications]
    return PolicyAnswer(
        policy_id=policy.policy_id,
        name=form.name,
        steps=[
            PolicyStepAnswer(step.after_seconds, [shown_of(one) for one in step.notifications])
            for step in form.steps
        ],
        repeat_count=form.repeat_count,
        remind_after_seconds=form.remind_after_seconds,
        created_at=iso_ms(policy.created_us),
        updated_at=iso_ms(policy.updated_us),
        warnings=warnings_of(None, texts, names),
        message=message,
    )


def _changed(form: PolicyForm, fields: dict[str, Any]) -> PolicyForm:
    try:
        return msgspec.convert({**msgspec.to_builtins(form), **fields}, PolicyForm)
    except msgspec.ValidationError as error:
        raise BadRequest(str(error)) from error


async def _check(request: AnyRequest, form: PolicyForm) -> None:
    for number, step in enumerate(form.steps):
        await check_known(request, step.notifications, f"steps[{number}].notifications")


HANDLERS = (post_policy, get_policies, show_policy, put_policy, delete_policy)
