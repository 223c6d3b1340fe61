"""Annotation queues: how far they are, their items, and how far people agree."""

import re
from typing import Annotated

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from api.auth import AnyRequest, services, user_from_session
from api.bodies import body_of
from api.declared import takes
from api.holders import by_token, project_in
from api.llm.agreement import agreement_in
from api.llm.annotation_answers import details_of, item_answer, queue_answer
from api.parameters import Project, invalid, read, values_of
from controlplane.llm.queue_items import add_items, list_items
from controlplane.llm.queues import find_queue, list_queues, people_of
from schemas.described import describes
from schemas.llm.annotation import SentItems
from schemas.llm.annotation_answers import (
    AddedAnswer,
    AgreementAnswer,
    ItemList,
    QueueDetails,
    QueueList,
)
from schemas.llm.examples import QUEUE_ITEMS
from schemas.projects import ProjectContext, UserId

QUEUES = "/annotation-queues"
ONE = f"{QUEUES}/{{queue_id:str}}"
ITEM = f"{ONE}/items/{{queue_item_id:str}}"
PROJECT = "/projects/{project_id:str}"
NUMBER = re.compile(r"\d{1,9}", re.ASCII)
ITEMS_BYTES = 1 << 20
ADDING = "Calls by `trace_id`, spans by `span_id` too, or sessions: at most 1000 in one request."


class ItemsQuery(Struct, frozen=True, kw_only=True):
    """How many items, and behind which."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    cursor: str | None = None


@get(QUEUES, opt=describes(answer=QueueList))
async def get_queues(request: AnyRequest, project: Project) -> QueueList:
    """Answers the annotation queues, and how far they are."""
    found = await list_queues(services(request).database, project.project_id)
    return QueueList([queue_answer(one) for one in found])


@get(ONE, opt=describes(answer=QueueDetails))
async def get_queue(request: AnyRequest, project: Project, queue_id: FromPath[str]) -> QueueDetails:
    """Answers one annotation queue, how far it is, and who did what."""
    database = services(request).database
    stand = await find_queue(database, project.project_id, queue_id)
    return details_of(stand, await people_of(database, stand.queue.id))


@get(f"{ONE}/items", opt={**takes(ItemsQuery), **describes(answer=ItemList)})
async def get_queue_items(
    request: AnyRequest, project: Project, queue_id: FromPath[str]
) -> ItemList:
    """Answers the items of an annotation queue in their order, in pages."""
    query = read(values_of(request), ItemsQuery)
    if query.cursor is not None and NUMBER.fullmatch(query.cursor) is None:
        raise invalid("cursor", "Expected what a page before has given")
    after = int(query.cursor or 0)
    found = await list_items(
        services(request).database,
        project.project_id,
        queue_id,
        limit=query.limit + 1,
        after=after,
    )
    page = found[: query.limit]
    more = str(page[-1].number) if len(found) > len(page) else None
    return ItemList([item_answer(one) for one in page], more)


@get(f"{ONE}/agreement", opt=describes(answer=AgreementAnswer))
async def get_agreement(
    request: AnyRequest, project: Project, queue_id: FromPath[str]
) -> Response[AgreementAnswer]:
    """Answers how far people agree who looked at the same items, and where they differ most."""
    return Response(await agreement_in(request, project, queue_id))


@post(
    f"{ONE}/items",
    status_code=HTTP_200_OK,
    summary="Add items to an annotation queue",
    description=ADDING,
    request_max_body_size=ITEMS_BYTES,
    opt=describes(body=SentItems, example=QUEUE_ITEMS, answer=AddedAnswer, errors=(404, 409)),
)
async def post_queue_items(
    request: AnyRequest, project: Project, queue_id: FromPath[str]
) -> AddedAnswer:
    """Add calls, spans or sessions to an annotation queue; what is in it already stays once."""
    by = None if project.key_id else (await user_from_session(request)).account.user_id
    return await _add(request, project, queue_id, by=by)


@post(
    f"{PROJECT}{ONE}/items",
    status_code=HTTP_200_OK,
    summary="Add items to an annotation queue",
    description=ADDING,
    request_max_body_size=ITEMS_BYTES,
    opt=describes(
        body=SentItems, example=QUEUE_ITEMS, answer=AddedAnswer, asks="token", errors=(404, 409)
    ),
)
async def add_queue_items(
    request: AnyRequest, project_id: FromPath[str], queue_id: FromPath[str]
) -> AddedAnswer:
    """Add items to an annotation queue, with a token of scope `write`."""
    holder, reached = await project_in(request, project_id, needs="write")
    return await _add(request, reached.access.project, queue_id, by=holder.user_id)


async def _add(
    request: AnyRequest, project: ProjectContext, queue_id: str, *, by: UserId | None
) -> AddedAnswer:
    sent, database = await body_of(request, SentItems), services(request).database
    made = await add_items(database, project.project_id, queue_id, sent.items, by=by)
    return AddedAnswer(*made)


HANDLERS = (get_queues, get_queue, get_queue_items, get_agreement, post_queue_items)
BY_TOKEN = (
    by_token(f"{PROJECT}{QUEUES}", get_queues),
    by_token(f"{PROJECT}{ONE}", get_queue),
    by_token(f"{PROJECT}{ONE}/items", get_queue_items),
    by_token(f"{PROJECT}{ONE}/agreement", get_agreement),
    add_queue_items,
)
