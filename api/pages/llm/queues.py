"""The pages of annotation queues: how far each is, who did what, how far people agree.

Members see them and annotate; admins make, change and remove queues.
"""

import time
from typing import Any

import structlog
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.llm.agreement import agreement_in
from api.pages.forms import Problem, problem_of, ticks_of, typed_word
from api.pages.llm.queue_forms import (
    FIELDS,
    MOST_FIELDS,
    NEW,
    Texts,
    queue_in,
    queue_texts,
    shown_again,
    values_of_rule,
)
from api.pages.render import address_of, page
from api.pages.settings.admins import admins_only
from api.pages.viewer import Viewed, Viewer
from clickhouse.failures import QueryTooExpensive
from controlplane.failures import BadRequest, Conflict
from controlplane.llm.queue_items import list_items
from controlplane.llm.queues import (
    Stand,
    add_queue,
    change_queue,
    find_queue,
    list_queues,
    people_of,
    remove_queue,
)
from controlplane.llm.reviews import Left, Person, left_for
from schemas.llm.annotation_answers import AgreementAnswer

QUEUES = "/llm/annotation"
ONE = f"{QUEUES}/{{queue_id:str}}"
ITEMS_SHOWN = 50

log = structlog.get_logger(__name__)


@get(QUEUES, include_in_schema=False)
async def queues_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the queues with how far they are, and a form to make one."""
    return await _shown(request, viewer)


@post(QUEUES, include_in_schema=False, status_code=200)
async def make_queue(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a queue."""
    admins_only(viewer)
    texts, project_id = await ticks_of(request, MOST_FIELDS), viewer.project.project_id
    try:
        made = await add_queue(services(request).database, project_id, queue_in(texts))
    except (BadRequest, Conflict) as error:
        problem = problem_of(error, FIELDS, texts)
        return await _shown(request, viewer, texts=texts, problem=problem)
    log.info("annotation queue made", project_id=project_id, queue_id=made.id)
    return _to(request, made.id)


@get(ONE, include_in_schema=False)
async def queue_page(request: AnyRequest, viewer: Viewed, queue_id: FromPath[str]) -> Response[str]:
    """Show one queue."""
    return await _one_shown(request, viewer, queue_id)


@post(ONE, include_in_schema=False, status_code=200)
async def alter_queue(
    request: AnyRequest, viewer: Viewed, queue_id: FromPath[str]
) -> Response[Any]:
    """Change a queue to what the form says."""
    admins_only(viewer)
    texts = await ticks_of(request, MOST_FIELDS)
    database, project_id = services(request).database, viewer.project.project_id
    held = (await find_queue(database, project_id, queue_id)).queue
    kept = queue_texts(held.form)
    try:
        if "scores" in kept:
            form = queue_in(texts)
        else:
            form = queue_in({**texts, "scores": [NEW["scores"]]})
            form = type(form)(**{**_fields(form), "scores": held.scores})
        await change_queue(database, project_id, held.id, form)
    except (BadRequest, Conflict) as error:
        problem = problem_of(error, FIELDS, texts)
        return await _one_shown(request, viewer, queue_id, texts=texts, problem=problem)
    return _to(request, held.id)


@post(f"{ONE}/remove", include_in_schema=False, status_code=200)
async def unmake_queue(
    request: AnyRequest, viewer: Viewed, queue_id: FromPath[str]
) -> Response[Any]:
    """Remove a queue, whose name the form repeats."""
    admins_only(viewer)
    database, project_id = services(request).database, viewer.project.project_id
    queue = (await find_queue(database, project_id, queue_id)).queue
    if await typed_word(request) != queue.name:
        problem = Problem(f"Nothing was removed: type the name, {queue.name}, to remove it.")
        return await _one_shown(request, viewer, queue_id, problem=problem)
    await remove_queue(database, project_id, queue.id)
    return _to(request, "")


HANDLERS = (queues_page, make_queue, queue_page, alter_queue, unmake_queue)


def person_of(viewer: Viewer, queue_id: str) -> Person:
    """Return who looks, as reviews know them, now."""
    now_us = time.time_ns() // 1000
    user_id = viewer.session.account.user_id
    return Person(viewer.project.project_id, queue_id, user_id, now_us)


def _to(request: AnyRequest, queue_id: str) -> Redirect:
    path = f"llm/annotation/{queue_id}".rstrip("/")
    return Redirect(address_of(request).page(path), status_code=303)


def _fields(form: Any) -> dict[str, Any]:
    return {name: getattr(form, name) for name in form.__struct_fields__}


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    texts: Texts | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    stands = await list_queues(services(request).database, viewer.project.project_id)
    return await page(
        request,
        "llm/queues.html",
        status_code=400 if problem else 200,
        stands=[(one, await _left(request, viewer, one)) for one in stands],
        fields=NEW if texts is None else shown_again(texts),
        problem=problem,
    )


async def _one_shown(
    request: AnyRequest,
    viewer: Viewer,
    queue_id: str,
    *,
    texts: Texts | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    database, project_id = services(request).database, viewer.project.project_id
    stand = await find_queue(database, project_id, queue_id)
    items = await list_items(database, project_id, queue_id, limit=ITEMS_SHOWN)
    return await page(
        request,
        "llm/queue.html",
        status_code=400 if problem else 200,
        stand=stand,
        left=await _left(request, viewer, stand),
        people=await people_of(database, stand.queue.id),
        items=items,
        agreement=await _agreement(request, viewer, queue_id),
        asked=[(rule, values_of_rule(rule)) for rule in stand.queue.scores],
        fields=queue_texts(stand.queue.form) if texts is None else shown_again(texts),
        problem=problem,
    )


async def _left(request: AnyRequest, viewer: Viewer, stand: Stand) -> Left | None:
    """Returns what is left for the viewer; `None` for one who came by a key."""
    if not viewer.is_person:
        return None
    return await left_for(services(request).database, person_of(viewer, stand.queue.id))


async def _agreement(request: AnyRequest, viewer: Viewer, queue_id: str) -> AgreementAnswer | None:
    """Returns how far people agree; `None` where there is too much to compare."""
    try:
        return await agreement_in(request, viewer.project, queue_id)
    except QueryTooExpensive:
        return None
