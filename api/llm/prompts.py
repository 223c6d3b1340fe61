"""Prompts that are kept, to read: lists for people, and one version for programs that use it."""

from typing import Annotated, cast

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.auth import AnyRequest, services
from api.declared import takes
from api.holders import by_token
from api.llm.prompt_states import Fetch, Fetched, PromptStates
from api.parameters import Project, invalid, read, values_of
from controlplane.llm.prompts import MAX_VERSIONS, find_version, list_prompts, list_versions
from schemas.described import describes
from schemas.llm.prompts import KeptPrompt, LangfusePrompt, PromptList, PromptVersionList
from schemas.projects import ProjectContext

PROJECT = "/projects/{project_id:str}"
CACHED = "private, max-age=60, stale-while-revalidate=600"
"""A program that goes by it sees a label that was moved after a minute, and answers in between."""
VARIES = "Authorization, X-Api-Key, Cookie, X-Project-Id"
"""All that says whose prompt is asked for: one address is that of every project."""


class PromptQuery(Struct, frozen=True, kw_only=True):
    """Which version: a number, or the one that has a label."""

    version: (
        Annotated[
            int, Meta(ge=1, le=MAX_VERSIONS, description="Number of the version.", examples=[1])
        ]
        | None
    ) = None
    label: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


@get("/prompts", opt=describes(answer=PromptList))
async def get_prompts(request: AnyRequest, project: Project) -> PromptList:
    """Answers the prompts that are kept, by name."""
    return PromptList(await list_prompts(services(request).database, project.project_id))


@get(
    "/prompts/{prompt_name:str}",
    status_code=200,
    opt={**takes(PromptQuery), **describes(answer=KeptPrompt, errors=(404,))},
)
async def get_prompt(
    request: AnyRequest, project: Project, prompt_name: FromPath[str]
) -> Response[bytes]:
    """Answers one version of a prompt: that of `production`, or else the newest."""
    return await _fetched(
        request, _fetch(project, prompt_name, read(values_of(request), PromptQuery))
    )


@get("/prompts/{prompt_name:str}/versions", opt=describes(answer=PromptVersionList, errors=(404,)))
async def get_prompt_versions(
    request: AnyRequest, project: Project, prompt_name: FromPath[str]
) -> PromptVersionList:
    """Answers the versions of a prompt without their texts, the newest first."""
    found = await list_versions(services(request).database, project.project_id, prompt_name)
    return PromptVersionList(prompt_name, found)


@get(
    "/v2/prompts/{prompt_name:str}",
    summary="Fetch a prompt as Langfuse's SDKs do",
    opt=describes(answer=LangfusePrompt, errors=(400, 404), asks="key", takes=(PromptQuery,)),
)
async def get_langfuse_prompt(
    request: AnyRequest, project: Project, prompt_name: FromPath[str]
) -> Response[bytes]:
    """Answers one version of a prompt in the form of Langfuse, whose SDKs ask for more besides."""
    fetch = _fetch(project, prompt_name, read(values_of(request), PromptQuery))
    return await _fetched(request, fetch._replace(is_langfuse=True))


def prompt_states_of(request: AnyRequest) -> PromptStates:
    """Returns what this process knows of prompts: `prompt_states` of the application."""
    state = request.app.state
    if state.get("prompt_states") is None:
        state["prompt_states"] = PromptStates()
    return cast("PromptStates", state["prompt_states"])


HANDLERS = (get_prompts, get_prompt, get_prompt_versions)
BY_TOKEN = (
    by_token(f"{PROJECT}/prompts", get_prompts),
    by_token(f"{PROJECT}/prompts/{{prompt_name:str}}", get_prompt),
    by_token(f"{PROJECT}/prompts/{{prompt_name:str}}/versions", get_prompt_versions),
)


def _fetch(project: ProjectContext, name: str, query: PromptQuery) -> Fetch:
    if query.version is not None and query.label is not None:
        raise invalid("label", "Expected none beside a version")
    return Fetch(project.project_id, name, query.version, query.label)


async def _fetched(request: AnyRequest, fetch: Fetch) -> Response[bytes]:
    async def read_now() -> KeptPrompt:
        return await find_version(
            services(request).database,
            fetch.project_id,
            fetch.name,
            version=fetch.version,
            label=fetch.label,
        )

    fetched = await prompt_states_of(request).of(fetch, read_now)
    headers = {"ETag": fetched.etag, "Cache-Control": CACHED, "Vary": VARIES}
    if _is_known(request, fetched):
        return Response(b"", status_code=304, headers=headers)
    return Response(fetched.body, media_type="application/json", headers=headers)


def _is_known(request: AnyRequest, fetched: Fetched) -> bool:
    """Whether the caller has this answer already (RFC 9110, section 13.1.2)."""
    sent = request.headers.get("if-none-match", "")
    tags = [tag.strip().removeprefix("W/") for tag in sent.split(",")]
    return sent.strip() == "*" or fetched.etag in tags
