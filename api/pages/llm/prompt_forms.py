"""Forms of prompts: a new version, a label that moves, a prompt that goes. For admins."""

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from litestar import Response, post
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.llm.prompts import prompt_states_of
from api.pages.forms import Problem, fields_of, problem_of
from api.pages.llm.prompt_list import PROMPTS, shown_prompt
from api.pages.render import address_of
from api.pages.settings.admins import admins_only
from api.pages.viewer import Viewed, Viewer
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.llm.prompts import add_version, remove_label, remove_prompt, set_label
from schemas.llm.prompts import PromptForm, PromptMessage

FIELDS = {name: name for name in ("name", "prompt", "config", "labels", "message")}
"""By how a message of what is wrong begins, the field of the form."""

log = structlog.get_logger(__name__)


@post(PROMPTS, include_in_schema=False, status_code=200)
async def keep_prompt(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Keep a version of a prompt."""
    admins_only(viewer)
    texts, project_id = await fields_of(request), viewer.project.project_id
    author = viewer.session.account.email
    try:
        form = form_in(texts)
        made = await add_version(services(request).database, project_id, form, author=author)
    except (BadRequest, Conflict) as error:
        given = {name: [text] for name, text in texts.items()}
        return await _again(request, viewer, texts, problem_of(error, FIELDS, given))
    log.info("prompt kept", project_id=project_id, version=made.version)
    return _back(request, viewer, made.name)


@post(f"{PROMPTS}/label", include_in_schema=False, status_code=200)
async def label_prompt(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Move a label to a version; to none, take it away."""
    admins_only(viewer)
    texts, project_id = await fields_of(request), viewer.project.project_id
    name, label, version = (texts.get(one, "").strip() for one in ("name", "label", "version"))
    database = services(request).database
    try:
        if not version:
            await remove_label(database, project_id, name, label)
        elif version.isascii() and version.isdecimal() and len(version) < 6:
            await set_label(database, project_id, name, label, int(version))
        else:
            raise NotFound("There is no such version")
    except (BadRequest, NotFound) as error:
        return await _again(request, viewer, {"name": name}, Problem(error.message))
    return _back(request, viewer, name)


@post(f"{PROMPTS}/remove", include_in_schema=False, status_code=200)
async def unkeep_prompt(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Remove a prompt, whose name the form repeats."""
    admins_only(viewer)
    texts, project_id = await fields_of(request), viewer.project.project_id
    name = texts.get("name", "")
    if texts.get("confirm", "").strip() != name:
        problem = Problem(f"Nothing was removed: type the name, {name}, to remove it.")
        return await _again(request, viewer, {"name": name}, problem)
    await remove_prompt(services(request).database, project_id, name)
    return _back(request, viewer, None)


HANDLERS = (keep_prompt, label_prompt, unkeep_prompt)


def form_in(texts: Mapping[str, str]) -> PromptForm:
    """Returns the version that a form means; raises `BadRequest`.

    A text that is a JSON array is the messages of a chat.
    """
    text = texts.get("prompt", "").replace("\r\n", "\n")
    prompt: str | tuple[PromptMessage, ...] = text
    try:
        if text.lstrip().startswith("[{"):
            prompt = msgspec.json.decode(text, type=tuple[PromptMessage, ...])
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"prompt: expected a text, or JSON messages: {error}") from error
    try:
        config = msgspec.json.decode(texts.get("config", "") or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"config: expected a JSON object: {error}") from error
    return PromptForm(
        name=texts.get("name", ""),
        prompt=prompt,
        config=config,
        labels=tuple(one.strip() for one in texts.get("labels", "").split(",") if one.strip()),
        message=texts.get("message", ""),
    )


async def _again(
    request: AnyRequest, viewer: Viewer, texts: Mapping[str, str], problem: Problem
) -> Response[Any]:
    name = texts.get("name", "") or "(new)"
    return await shown_prompt(request, viewer, name, problem=problem, fields=dict(texts))


def _back(request: AnyRequest, viewer: Viewer, name: str | None) -> Redirect:
    prompt_states_of(request).forget(viewer.project.project_id)
    values = {} if name is None else {"name": name}
    return Redirect(address_of(request).page("llm/prompts", **values), status_code=303)
