"""The page on which a person annotates: one item after the other, by the keyboard.

What they say is sent by the page's script to the edge, which writes it to the log.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.llm.costs import Explain
from api.pages.forms import Problem, fields_of, problem_of
from api.pages.llm.key_names import key_names_for
from api.pages.llm.queue_forms import values_of_rule
from api.pages.llm.queues import ONE, person_of
from api.pages.llm.trace import Opened, open_trace
from api.pages.llm.wanted import wanted_of
from api.pages.render import address_of, page
from api.pages.viewer import NotYours, Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.llm.annotations import SaidBefore, read_own
from clickhouse.llm.last_calls import last_of_session, last_of_trace
from clickhouse.llm.trace_lines import list_lines
from controlplane.failures import BadRequest, Conflict
from controlplane.llm.queue_items import Target, add_items, check_remover, find_item, remove_item
from controlplane.llm.queues import list_queues
from controlplane.llm.reviews import (
    Review,
    find_review,
    item_before,
    left_for,
    next_item,
    return_skipped,
    skip_item,
)
from schemas.llm.annotation import (
    MAX_ADDED,
    MOST_DIGITS,
    Rule,
    SentTarget,
    Value,
    score_id_of,
    sending_prefix,
)
from schemas.llm.targets import call_of

ADDING = "/llm/annotation-items"
FIELDS = {"count": "count", "items": "queue"}
ITEM = f"{ONE}/items/{{queue_item_id:str}}"
LOOKS, LOOK_EVERY_S = 20, 0.1
"""How often, and after which time, what was just saved is looked for."""
KEYS = "1234567890"
MORE_KEYS = (
    ("1 … 9", "choose a value, and go on to the next score"),
    ("↑ ↓", "previous, next score"),
    ("c", "write a comment"),
    ("Enter", "save, and go on to the next item; in a comment Ctrl Enter"),
    ("s", "skip the item"),
    ("u", "back to the one before"),
)


class Choice(NamedTuple):
    """One value of a score that a key chooses."""

    value: str
    """As the field of the form has it."""
    text: str
    key: str
    is_chosen: bool


class Question(NamedTuple):
    """One score that is asked for."""

    rule: Rule
    values: str
    choices: list[Choice]
    typed: str
    """What was given before, where it is typed."""


@post(f"{ONE}/work", include_in_schema=False, status_code=200)
async def work(request: AnyRequest, viewer: Viewed, queue_id: FromPath[str]) -> Redirect:
    """Lead to the next item for the viewer, which nobody else gets for ten minutes.

    Not a GET: browsers and programs follow links ahead of people, and would take items with them.
    """
    _people_only(viewer)
    await fields_of(request)
    return await _onward(request, viewer, queue_id)


@get(f"{ONE}/work", include_in_schema=False)
async def work_page(request: AnyRequest, viewer: Viewed, queue_id: FromPath[str]) -> Response[str]:
    """Show what is left for the viewer. Takes no item."""
    _people_only(viewer)
    database, person = services(request).database, person_of(viewer, queue_id)
    left = await left_for(database, person)
    before = await item_before(database, person, None)
    return await page(request, "llm/queue_done.html", queue_id=queue_id, left=left, before=before)


@get(ITEM, include_in_schema=False)
async def item_page(
    request: AnyRequest, viewer: Viewed, queue_id: FromPath[str], queue_item_id: FromPath[str]
) -> Response[Any]:
    """Show one item as the page of a call does, with what is asked of it."""
    _people_only(viewer)
    database, person = services(request).database, person_of(viewer, queue_id)
    review = await find_review(database, person, queue_item_id)
    before = await item_before(database, person, review.item.id)
    left = await left_for(database, person)
    async with reader_of(request, viewer.project).turn() as store:
        said = await _said(store, viewer, review)
        explain: Explain = request.app.state.explain_cost
        opened = await _opened(store, viewer, review.item.target, explain)
    given = {one.score_id: one for one in said}
    keys = await key_names_for(request, viewer, opened.row) if opened else {}
    return await page(
        request,
        "llm/queue_item.html",
        review=review,
        questions=[_question(viewer, review, rule, given) for rule in review.queue.scores],
        comment=next((one.comment for one in said if one.comment), ""),
        opened=opened,
        keys=keys,
        before=before,
        left=left,
        more_keys=MORE_KEYS,
        saves=address_of(request).url(
            f"/dashboard/api/annotation-queues/{review.queue.id}/items/{review.item.id}/scores"
        ),
    )


@post(f"{ITEM}/skip", include_in_schema=False, status_code=200)
async def skip(
    request: AnyRequest, viewer: Viewed, queue_id: FromPath[str], queue_item_id: FromPath[str]
) -> Redirect:
    """Go past an item."""
    _people_only(viewer)
    await fields_of(request)
    await skip_item(services(request).database, person_of(viewer, queue_id), queue_item_id)
    return await _onward(request, viewer, queue_id)


@post(f"{ONE}/skipped", include_in_schema=False, status_code=200)
async def bring_back(request: AnyRequest, viewer: Viewed, queue_id: FromPath[str]) -> Redirect:
    """Have the viewer meet again what they skipped."""
    _people_only(viewer)
    await fields_of(request)
    await return_skipped(services(request).database, person_of(viewer, queue_id))
    return await _onward(request, viewer, queue_id)


@post(f"{ITEM}/remove", include_in_schema=False, status_code=200)
async def remove(
    request: AnyRequest, viewer: Viewed, queue_id: FromPath[str], queue_item_id: FromPath[str]
) -> Redirect:
    """Remove an item: admins, and who has added it. Twice is once."""
    _people_only(viewer)
    database, project_id = services(request).database, viewer.project.project_id
    only_of = None if viewer.is_admin else viewer.session.account.user_id
    check_remover(await find_item(database, project_id, queue_id, queue_item_id), only_of)
    await fields_of(request)
    await remove_item(database, project_id, queue_id, queue_item_id, only_of=only_of)
    return _to(request, f"llm/annotation/{queue_id}")


@get(ADDING, include_in_schema=False)
async def adding_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Ask to which queue a call is added, or the newest calls of a list."""
    _people_only(viewer)
    return await _adding(request, viewer)


@post(ADDING, include_in_schema=False, status_code=200)
async def add_calls(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Add one call to a queue, or the newest of the list that the address names."""
    _people_only(viewer)
    fields = await fields_of(request)
    queue_id = fields.get("queue", "")
    try:
        sent = await _named(request, viewer, fields)
        database = services(request).database
        by = viewer.session.account.user_id
        await add_items(database, viewer.project.project_id, queue_id, sent, by=by)
    except (BadRequest, Conflict) as error:
        return await _adding(request, viewer, problem_of(error, FIELDS, {}))
    return _to(request, f"llm/annotation/{queue_id}")


HANDLERS = (work, work_page, item_page, skip, bring_back, remove, adding_page, add_calls)


def _people_only(viewer: Viewer) -> None:
    if not viewer.is_person:
        raise NotYours


def _to(request: AnyRequest, path: str) -> Redirect:
    return Redirect(address_of(request).page(path), status_code=303)


async def _onward(request: AnyRequest, viewer: Viewer, queue_id: str) -> Redirect:
    """Takes the next item for the viewer and leads to it, or to the page that says what is left."""
    review = await next_item(services(request).database, person_of(viewer, queue_id))
    end = "work" if review is None else f"items/{review.item.id}"
    return _to(request, f"llm/annotation/{queue_id}/{end}")


async def _adding(
    request: AnyRequest, viewer: Viewer, problem: Problem | None = None
) -> Response[str]:
    trace_id = values_of(request).get("trace_id", "")
    wanted = None if trace_id else wanted_of(request, viewer)
    stands = await list_queues(services(request).database, viewer.project.project_id)
    return await page(
        request,
        "llm/queue_adding.html",
        status_code=400 if problem else 200,
        trace_id=trace_id,
        wanted=wanted,
        most=MAX_ADDED,
        queues=[(one.queue.id, one.queue.name) for one in stands],
        problem=problem,
    )


async def _named(
    request: AnyRequest, viewer: Viewer, fields: Mapping[str, str]
) -> Sequence[SentTarget]:
    if trace_id := fields.get("trace_id"):
        return [SentTarget(trace_id=trace_id)]
    text = fields.get("count", "")
    count = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= count <= MAX_ADDED:
        raise BadRequest(f"count: expected 1 to {MAX_ADDED}")
    wanted = wanted_of(request, viewer)
    async with reader_of(request, wanted.project).turn() as store:
        lines = await list_lines(store, wanted.project, wanted.filter, limit=count)
    if not lines:
        raise BadRequest("Nothing was added: no call fits the filter of the list")
    return [SentTarget(trace_id=line.trace_id) for line in lines]


async def _opened(
    store: Warehouse, viewer: Viewer, target: Target, explain: Explain
) -> Opened | None:
    """Returns the call of an item; of a trace or session its last one, which has what was said."""
    project = viewer.project
    call: str | None = call_of(target.trace_id, target.span_id)
    if target.session_id:
        call = await last_of_session(store, project, target.session_id)
    elif target.trace_id and not call:
        call = await last_of_trace(store, project, target.trace_id)
    return await open_trace(store, project, call, explain) if call else None


async def _said(store: Warehouse, viewer: Viewer, review: Review) -> list[SaidBefore]:
    """Returns what the viewer said before. What they have just saved is stored within a second."""
    if not review.revision:
        return []
    user_id = viewer.session.account.user_id
    queue, item = review.queue, review.item
    ids = [score_id_of(queue.id, item.id, rule.name, user_id) for rule in queue.scores]
    newest = sending_prefix(review.revision - 1)
    found: list[SaidBefore] = []
    for _ in range(LOOKS):
        found = await read_own(store, viewer.project, ids)
        if any(one.sending.startswith(newest) for one in found):
            break
        await asyncio.sleep(LOOK_EVERY_S)
    return found


def _question(
    viewer: Viewer, review: Review, rule: Rule, given: Mapping[str, SaidBefore]
) -> Question:
    user_id = viewer.session.account.user_id
    before = given.get(score_id_of(review.queue.id, review.item.id, rule.name, user_id))
    chosen = None if before is None else before.value
    choices = [
        Choice(_written(one), _in_words(one), _key(rule, number, one), one == chosen)
        for number, one in enumerate(rule.choices)
    ]
    typed = "" if choices or chosen is None else _written(chosen)
    return Question(rule, values_of_rule(rule), choices, typed)


def _key(rule: Rule, number: int, value: Value) -> str:
    """Returns the digit that chooses a value: itself where it is one, or else its place."""
    least, most = rule.min, rule.max
    is_digit = least is not None and most is not None and 0 <= least <= most <= MOST_DIGITS
    if is_digit and not isinstance(value, (str, bool)):
        return f"{value:.0f}"
    return KEYS[number] if number < len(KEYS) else ""


def _in_words(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:g}"


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else f"{value:.17g}"
