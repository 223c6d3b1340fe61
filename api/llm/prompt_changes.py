"""Prompts are written, labelled and removed by admins: signed in, or with a token of `admin`.

An API key does not: it stands in programs, which use prompts.
"""

from litestar import delete, post, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from api.auth import AnyRequest, entered_as_admin, services
from api.bodies import body_of
from api.holders import project_in
from api.llm.prompts import PROJECT, prompt_states_of
from api.sessions import Done
from controlplane.llm.prompts import add_version, remove_label, remove_prompt, set_label
from schemas.described import describes
from schemas.llm.prompts import PROMPT, KeptPrompt, LabelForm, PromptForm
from schemas.projects import ProjectContext

LABEL = "/prompts/{prompt_name:str}/labels/{label:str}"
EXAMPLE = {"version": 1}


@post(
    "/prompts",
    status_code=HTTP_201_CREATED,
    summary="Keep a version of a prompt",
    opt=describes(body=PromptForm, example=PROMPT, asks="project", errors=(409,)),
)
async def post_prompt(request: AnyRequest) -> KeptPrompt:
    """Keep a new version of a prompt, the first of which makes it, for admins."""
    session, access = await entered_as_admin(request)
    return await _make(request, access.project, session.account.email)


@put(
    LABEL,
    summary="Move a label of a prompt",
    opt=describes(body=LabelForm, example=EXAMPLE, asks="project", errors=(404,)),
)
async def put_prompt_label(
    request: AnyRequest, prompt_name: FromPath[str], label: FromPath[str]
) -> KeptPrompt:
    """Move a label to a version, for admins."""
    return await _move(
        request, (await entered_as_admin(request)).access.project, prompt_name, label
    )


@delete(
    LABEL,
    status_code=HTTP_200_OK,
    summary="Take a label away",
    opt=describes(asks="project", errors=(404,)),
)
async def delete_prompt_label(
    request: AnyRequest, prompt_name: FromPath[str], label: FromPath[str]
) -> Done:
    """Take a label away, for admins."""
    return await _unlabel(
        request, (await entered_as_admin(request)).access.project, prompt_name, label
    )


@delete(
    "/prompts/{prompt_name:str}",
    status_code=HTTP_200_OK,
    summary="Remove a prompt",
    opt=describes(asks="project", errors=(404,)),
)
async def delete_prompt(request: AnyRequest, prompt_name: FromPath[str]) -> Done:
    """Remove a prompt with all its versions, for admins."""
    return await _remove(request, (await entered_as_admin(request)).access.project, prompt_name)


@post(
    f"{PROJECT}/prompts",
    status_code=HTTP_201_CREATED,
    opt=describes(body=PromptForm, example=PROMPT, asks="token", errors=(409,)),
)
async def make_prompt(request: AnyRequest, project_id: FromPath[str]) -> KeptPrompt:
    """Keep a new version of a prompt, with a token of scope `admin`."""
    holder, reached = await project_in(request, project_id, needs="admin")
    return await _make(request, reached.access.project, holder.name)


@put(
    f"{PROJECT}{LABEL}",
    opt=describes(body=LabelForm, example=EXAMPLE, asks="token", errors=(404,)),
)
async def move_prompt_label(
    request: AnyRequest, project_id: FromPath[str], prompt_name: FromPath[str], label: FromPath[str]
) -> KeptPrompt:
    """Move a label to a version, with a token of scope `admin`."""
    return await _move(request, await _by_token(request, project_id), prompt_name, label)


@delete(
    f"{PROJECT}{LABEL}",
    status_code=HTTP_200_OK,
    opt=describes(asks="token", errors=(404,)),
)
async def drop_prompt_label(
    request: AnyRequest, project_id: FromPath[str], prompt_name: FromPath[str], label: FromPath[str]
) -> Done:
    """Take a label away, with a token of scope `admin`."""
    return await _unlabel(request, await _by_token(request, project_id), prompt_name, label)


@delete(
    f"{PROJECT}/prompts/{{prompt_name:str}}",
    status_code=HTTP_200_OK,
    opt=describes(asks="token", errors=(404,)),
)
async def drop_prompt(
    request: AnyRequest, project_id: FromPath[str], prompt_name: FromPath[str]
) -> Done:
    """Remove a prompt with all its versions, with a token of scope `admin`."""
    return await _remove(request, await _by_token(request, project_id), prompt_name)


CONTROLS = (post_prompt, put_prompt_label, delete_prompt_label, delete_prompt)
AGENTS = (make_prompt, move_prompt_label, drop_prompt_label, drop_prompt)


async def _by_token(request: AnyRequest, project_id: str) -> ProjectContext:
    _, reached = await project_in(request, project_id, needs="admin")
    return reached.access.project


async def _make(request: AnyRequest, project: ProjectContext, author: str) -> KeptPrompt:
    form = await body_of(request, PromptForm)
    database = services(request).database
    made = await add_version(database, project.project_id, form, author=author)
    prompt_states_of(request).forget(project.project_id)
    return made


async def _move(request: AnyRequest, project: ProjectContext, name: str, label: str) -> KeptPrompt:
    version = (await body_of(request, LabelForm)).version
    database = services(request).database
    moved = await set_label(database, project.project_id, name, label, version)
    prompt_states_of(request).forget(project.project_id)
    return moved


async def _unlabel(request: AnyRequest, project: ProjectContext, name: str, label: str) -> Done:
    await remove_label(services(request).database, project.project_id, name, label)
    prompt_states_of(request).forget(project.project_id)
    return Done()


async def _remove(request: AnyRequest, project: ProjectContext, name: str) -> Done:
    await remove_prompt(services(request).database, project.project_id, name)
    prompt_states_of(request).forget(project.project_id)
    return Done()
