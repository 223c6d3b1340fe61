"""The routes that take scores in: of programs, of pages, of Langfuse's SDKs."""

from typing import Any, TypeAlias, cast

from litestar import Response, Router, post
from litestar.di import NamedDependency, Provide
from litestar.middleware import DefineMiddleware
from litestar.status_codes import (
    HTTP_200_OK,
    HTTP_201_CREATED,
    HTTP_202_ACCEPTED,
    HTTP_207_MULTI_STATUS,
)

from controlplane.failures import BadRequest
from ingest.app import (
    AnyRequest,
    Project,
    ProjectOf,
    Straight,
    edge_of,
    header_of,
    incoming_of,
)
from ingest.edge import Accepted
from ingest.llm import langfuse_batch, scores
from ingest.llm.score_removals import key_router
from ingest.llm.score_senders import langfuse_sender, public_sender
from schemas.described import describes
from schemas.issues import Issue
from schemas.llm.examples import LANGFUSE_BATCH, LANGFUSE_SCORE, PUBLIC_SCORE, SCORES
from schemas.llm.score_answers import (
    EventRejected,
    EventTaken,
    LangfuseBatchTaken,
    LangfuseListResults,
    LangfuseListTaken,
    LangfuseRejection,
    LangfuseTaken,
    TakenScores,
)
from schemas.llm.scores import (
    LangfuseBatch,
    LangfuseScore,
    PublicScore,
    SentScore,
)
from schemas.open_routes import open_to_pages
from schemas.projects import ProjectContext

ERRORS = (408, 413, 415, 429, 503)
MAX_REQUEST_NAME_CHARS = 200
PAGES = open_to_pages("content-type, x-open-sentry-key", "retry-after")
BATCH = (
    "At most 1000 events. Those of type `score-create` are taken; each is answered for itself, in"
    " `successes` or in `errors`."
)
LANGFUSE = (
    "A list of at most 1000 scores is answered by 202, or by 207 with what was rejected and why."
)
Sender: TypeAlias = NamedDependency[ProjectContext]
SENT = (
    "One score, or an array of at most 1000. One that breaks a rule is rejected by itself, and is"
    " told in `rejected`; where all do, the answer is 400."
)


@post(
    "/scores",
    status_code=HTTP_202_ACCEPTED,
    summary="Send scores of calls, spans, sessions or users",
    description=SENT,
    request_max_body_size=None,
    opt=describes(body=list[SentScore], example=SCORES, errors=ERRORS),
)
async def take_scores(request: AnyRequest, project: Project) -> TakenScores:
    """Accept scores; answers when they are durable."""
    return _taken(await _accept(request, project, scores.MANY))


@post(
    "/scores/public",
    status_code=HTTP_202_ACCEPTED,
    summary="Send what a page's visitor thinks, by DSN key",
    description="One score, or an array of at most 10. The key may also be `?key=`.",
    request_max_body_size=None,
    opt={
        **describes(
            body=list[PublicScore], example=PUBLIC_SCORE, errors=(401, 403, *ERRORS), asks="dsn"
        ),
        **PAGES,
    },
)
async def take_public_scores(request: AnyRequest, sender: Sender) -> TakenScores:
    """Accept scores of a page with a public key; answers when they are durable."""
    return _taken(await _accept(request, sender, scores.PUBLIC))


@post(
    "/scores",
    status_code=HTTP_200_OK,
    summary="Send a score as Langfuse's SDKs do",
    description=LANGFUSE,
    request_max_body_size=None,
    opt=describes(
        body=LangfuseScore,
        example=LANGFUSE_SCORE,
        answer=LangfuseTaken,
        errors=(401, 403, *ERRORS),
        asks="key",
    ),
)
async def take_langfuse_score(
    request: AnyRequest, sender: Sender
) -> Response[LangfuseTaken | LangfuseListTaken | LangfuseListResults]:
    """Accept a score of Langfuse, or a list of them; answers when they are durable."""
    accepted = await _accept(request, sender, scores.LANGFUSE)
    if accepted.answer_id != scores.LIST:
        return Response(LangfuseTaken(scores.score_ids(accepted.items)[0]))
    if not accepted.rejected:
        return Response(LangfuseListTaken(), status_code=HTTP_202_ACCEPTED)
    bad = [cast("scores.Bad", one) for one in accepted.rejected]
    results = LangfuseListResults(
        accepted.total, len(bad), [LangfuseRejection(_told(one)) for one in bad]
    )
    return Response(results, status_code=HTTP_207_MULTI_STATUS)


@post(
    "/ingestion",
    status_code=HTTP_207_MULTI_STATUS,
    summary="Send scores in a batch as Langfuse's SDKs do",
    description=BATCH,
    request_max_body_size=None,
    opt=describes(
        body=LangfuseBatch, example=LANGFUSE_BATCH, errors=(400, 401, 403, *ERRORS), asks="key"
    ),
)
async def take_langfuse_batch(request: AnyRequest, sender: Sender) -> LangfuseBatchTaken:
    """Accept the scores of a batch; answers for each event when they are durable."""
    accepted = await _accept(request, sender, langfuse_batch.BATCH)
    bad = [cast("langfuse_batch.NotTaken", one) for one in accepted.rejected]
    taken = langfuse_batch.taken_ids(accepted.answer_id)
    return LangfuseBatchTaken(
        [EventTaken(one, HTTP_201_CREATED) for one in taken],
        [
            EventRejected(one.event_id, langfuse_batch.BAD, one.message, "Invalid request data")
            for one in bad
        ],
    )


def routers(project_from_key: ProjectOf, project_from_session: ProjectOf) -> list[Router]:
    """Returns the routes, from how a project is found by key and by session."""
    return [
        _straight("/v1", take_scores, project_from_key, "project"),
        _straight("/v1", take_public_scores, public_sender, "sender"),
        Router(  # not straight: its status depends on what was sent
            "/api/public",
            route_handlers=[take_langfuse_score],
            dependencies={"sender": Provide(langfuse_sender)},
            tags=["ingest"],
        ),
        _straight("/api/public", take_langfuse_batch, langfuse_sender, "sender"),
        key_router(project_from_key),
        Router(
            "/dashboard/api",
            route_handlers=[take_scores],
            dependencies={"project": Provide(project_from_session)},
            tags=["dashboard"],
        ),
    ]


def _straight(path: str, handler: Any, sender_of: ProjectOf, name: str) -> Router:
    return Router(
        path,
        route_handlers=[handler],
        dependencies={name: Provide(sender_of)},
        middleware=[DefineMiddleware(Straight, sender_of=sender_of)],
        tags=["ingest"],
    )


async def _accept(request: AnyRequest, project: ProjectContext, form: str) -> Accepted:
    name = header_of(request, b"idempotency-key") or ""
    if len(name) > MAX_REQUEST_NAME_CHARS:
        raise BadRequest(f"Idempotency-Key has at most {MAX_REQUEST_NAME_CHARS} characters")
    incoming = incoming_of(request, {scores.REQUEST: name})
    return await edge_of(request).accept(project, form, incoming)


def _told(bad: scores.Bad) -> str:
    path = ".".join(map(str, (bad.number, *bad.path)))
    return f"{path}: {bad.message}"


def _taken(accepted: Accepted) -> TakenScores:
    bad = [cast("scores.Bad", one) for one in accepted.rejected]
    return TakenScores(
        status="queued",
        count=accepted.total,
        ids=scores.score_ids(accepted.items),
        rejected=[Issue([one.number, *one.path], one.message) for one in bad],
    )
