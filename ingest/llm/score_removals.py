"""Scores are taken away: by programs with a key, and by people who are signed in.

What somebody said in an annotation queue is taken away by this person, or by an admin.
"""

import re
from typing import NamedTuple, TypeAlias, cast

from litestar import Router, delete
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath
from litestar.status_codes import HTTP_202_ACCEPTED
from litestar.types import AnyCallable

from controlplane.database import Database
from controlplane.failures import BadRequest, Forbidden, NotFound
from controlplane.llm.queues import find_queue
from ingest.app import AnyRequest, Project, ProjectOf, edge_of, incoming_of
from ingest.llm import scores
from schemas.described import describes
from schemas.llm.annotation import is_score_of, queue_of_score
from schemas.llm.score_answers import DeletedScore
from schemas.llm.scores import ID_PATTERN, ID_RULE, OWN_IDS
from schemas.projects import ProjectContext, UserId

PATH = "/scores/{score_id:str}"
SUMMARY = "Take a score away"
IDS = re.compile(ID_PATTERN)


class Remover(NamedTuple):
    """Who takes a score away, in which project."""

    project: ProjectContext
    user_id: UserId
    is_admin: bool


AnyRemover: TypeAlias = NamedDependency[Remover]


@delete(
    PATH,
    status_code=HTTP_202_ACCEPTED,
    summary=SUMMARY,
    opt=describes(errors=(400, 503)),
)
async def delete_score(
    request: AnyRequest, project: Project, score_id: FromPath[str]
) -> DeletedScore:
    """Take a score away; answers when that is durable. One that nobody has sent is no error."""
    return await _take_away(request, project, score_id)


@delete(
    PATH,
    status_code=HTTP_202_ACCEPTED,
    summary=SUMMARY,
    opt=describes(asks="project", errors=(400, 403, 503)),
)
async def delete_score_by_person(
    request: AnyRequest, remover: AnyRemover, score_id: FromPath[str]
) -> DeletedScore:
    """Take a score away; what somebody said in an annotation queue, they themselves or an admin."""
    if score_id.startswith(OWN_IDS) and not remover.is_admin:
        database = cast("Database", request.app.state.database)
        if remover.project.key_id is None and not await _is_own(database, remover, score_id):
            raise Forbidden("Forbidden: admins take this score away, and who has given it")
    return await _take_away(request, remover.project, score_id)


def key_router(project_from_key: ProjectOf) -> Router:
    """Returns the route of programs, from how a project is found by key."""
    return Router(
        "/v1",
        route_handlers=[delete_score],
        dependencies={"project": Provide(project_from_key)},
        tags=["ingest"],
    )


def person_router(remover_from_session: AnyCallable) -> Router:
    """Returns the route of people, from how the person is found who is signed in."""
    return Router(
        "/dashboard/api",
        route_handlers=[delete_score_by_person],
        dependencies={"remover": Provide(remover_from_session)},
        tags=["dashboard"],
    )


async def _is_own(database: Database, remover: Remover, score_id: str) -> bool:
    """Tells whether this person gave it to a queue that is there, which asks for it still."""
    try:
        found = await find_queue(database, remover.project.project_id, queue_of_score(score_id))
    except NotFound:
        return False
    return any(is_score_of(score_id, rule.name, remover.user_id) for rule in found.queue.scores)


async def _take_away(request: AnyRequest, project: ProjectContext, score_id: str) -> DeletedScore:
    if IDS.match(score_id) is None:
        raise BadRequest(f"Not the id of a score: expected {ID_RULE}")
    if project.key_id is not None and score_id.startswith(OWN_IDS):
        raise BadRequest("What people say in an annotation queue is not taken away by a key")
    incoming = incoming_of(request, {scores.SCORE_ID: score_id})
    await edge_of(request).accept(project, scores.TAKEN_AWAY, incoming)
    return DeletedScore("queued", score_id)
