"""The route that takes in what a person says of an item of an annotation queue."""

import time
from typing import NamedTuple, TypeAlias, cast

import msgspec
from litestar import Router, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath
from litestar.status_codes import HTTP_202_ACCEPTED
from litestar.types import AnyCallable

from controlplane.database import Database
from controlplane.llm.reviews import Person, find_review, mark_done
from ingest.app import AnyRequest, edge_of, incoming_of
from ingest.llm.annotations import ABOUT, ANNOTATED, About
from ingest.llm.scores import score_ids
from schemas.described import describes
from schemas.llm.annotation import Given
from schemas.llm.annotation_answers import TakenAnnotation
from schemas.llm.examples import ANNOTATION
from schemas.projects import ProjectContext, UserId


class Annotator(NamedTuple):
    """Who says it, in which project."""

    project: ProjectContext
    user_id: UserId
    author: str


AnyAnnotator: TypeAlias = NamedDependency[Annotator]


@post(
    "/annotation-queues/{queue_id:str}/items/{queue_item_id:str}/scores",
    status_code=HTTP_202_ACCEPTED,
    summary="Say what you think of an item of an annotation queue",
    request_max_body_size=None,
    opt=describes(
        body=Given, example=ANNOTATION, asks="project", errors=(404, 408, 413, 415, 429, 503)
    ),
)
async def take_annotation(
    request: AnyRequest,
    annotator: AnyAnnotator,
    queue_id: FromPath[str],
    queue_item_id: FromPath[str],
) -> TakenAnnotation:
    """Accept the scores of the person who is signed in; answers when they are durable.

    What they gave before to the same item is replaced; a score that they leave out is taken away.
    """
    project, user_id, author = annotator
    database = cast("Database", request.app.state.database)
    person = Person(project.project_id, queue_id, user_id, time.time_ns() // 1000)
    review = await find_review(database, person, queue_item_id)
    about = About(
        queue_id=review.queue.id,
        item_id=review.item.id,
        user_id=user_id,
        author=author,
        rules=review.queue.scores,
        target={name: one for name, one in review.item.target._asdict().items() if one},
        revision=review.revision,
    )
    incoming = incoming_of(request, {ABOUT: msgspec.json.encode(about).decode()})
    accepted = await edge_of(request).accept(project, ANNOTATED, incoming)
    await mark_done(database, person, review.item.id, review.revision)
    return TakenAnnotation("queued", score_ids(accepted.items))


def router(annotator_from_session: AnyCallable) -> Router:
    """Returns the route, from how the person is found who is signed in."""
    return Router(
        "/dashboard/api",
        route_handlers=[take_annotation],
        dependencies={"annotator": Provide(annotator_from_session)},
        tags=["dashboard"],
    )
