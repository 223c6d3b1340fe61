"""Variables of an app's environment: set, replaced, removed, pasted; no value is shown again."""

import io
from typing import Any

from dotenv.parser import parse_stream
from litestar import Response, get, post
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.deploys.allowed import actor_of, changers_only, refusal_of
from api.pages.forms import Problem, fields_of
from api.pages.render import address_of, page
from api.pages.viewer import Viewed, Viewer
from controlplane.deploys.env import KEY, MAX_VARIABLES, list_variables, remove_variable
from controlplane.deploys.env import set_variable as put_variable
from controlplane.failures import BadRequest, Conflict

ENVIRONMENT = "/deploys/environment"
MAX_VALUE_CHARS = 32_768
"""As the API of deployments has it."""


@get(ENVIRONMENT, include_in_schema=False)
async def environment_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the names of an app's variables."""
    return await _shown(request, viewer)


@post(ENVIRONMENT, include_in_schema=False, status_code=200)
async def set_variables(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Set one variable, or all of a file that was pasted."""
    await changers_only(request, viewer)
    typed = await fields_of(request)
    try:
        found = read_file(typed["file"]) if "file" in typed else _one(typed)
        known, actor = services(request), actor_of(request, viewer)
        for key, value in found.items():
            of = (viewer.project.project_id, key)
            await put_variable(known.database, known.vault, actor, of, value)
    except (BadRequest, Conflict) as error:
        return await _shown(request, viewer, typed=typed, problem=_problem(error.message, typed))
    target = address_of(request).page("deploys/environment", done="set", n=len(found))
    return Redirect(target, status_code=303)


@post(f"{ENVIRONMENT}/remove", include_in_schema=False, status_code=200)
async def unset_variable(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Remove a variable."""
    await changers_only(request, viewer)
    key = (await fields_of(request)).get("key", "")
    database, project_id = services(request).database, viewer.project.project_id
    await remove_variable(database, actor_of(request, viewer), project_id, key)
    target = address_of(request).page("deploys/environment", done="removed", n=1)
    return Redirect(target, status_code=303)


def read_file(text: str) -> dict[str, str]:
    """Returns the variables of a `.env` file; raises `BadRequest`, which names the line."""
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text.replace("\r\n", "\n"))):
        if binding.error or (binding.key is not None and not binding.value):
            raise BadRequest(f"file: line {binding.original.line} is no KEY=value")
        if binding.key is None:
            continue
        _check(binding.key, binding.value or "", f"file: line {binding.original.line}")
        found[binding.key] = binding.value or ""
    if not found:
        raise BadRequest("file: expected lines of KEY=value")
    if len(found) > MAX_VARIABLES:
        raise BadRequest(f"file: expected at most {MAX_VARIABLES} variables")
    return found


def _one(typed: dict[str, str]) -> dict[str, str]:
    key, value = typed.get("key", "").strip(), typed.get("value", "").replace("\r\n", "\n")
    if not value:
        raise BadRequest("value: expected a text")
    _check(key, value, "key")
    return {key: value}


def _check(key: str, value: str, where: str) -> None:
    """Refuses before the first one is set what would be refused in the middle."""
    if KEY.fullmatch(key) is None:
        raise BadRequest(f"{where}: expected A-Z, a-z, 0-9 and _, not beginning with a digit")
    if len(value) > MAX_VALUE_CHARS or "\0" in value:
        raise BadRequest(f"{where}: a value has at most {MAX_VALUE_CHARS:,} characters and no NUL")


def _problem(message: str, typed: dict[str, str]) -> Problem:
    """Returns what is wrong, at its field; no value is told."""
    name, colon, rule = message.partition(": ")
    if not colon or name not in ("key", "value", "file"):
        return Problem(message)
    return Problem(f"{rule[:1].upper()}{rule[1:]}.", name)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    typed: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    values = address_of(request).values
    variables = await list_variables(services(request).database, viewer.project.project_id)
    return await page(
        request,
        "deploys/environment.html",
        status_code=400 if problem else 200,
        variables=variables,
        typed=typed or {},
        problem=problem,
        done=values.get("done", ""),
        number=values.get("n", ""),
        zone=viewer.project.time_zone,
        refusal=await refusal_of(request, viewer),
    )


HANDLERS = (environment_page, set_variables, unset_variable)
