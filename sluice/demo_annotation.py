"""The annotation queue of the demo: calls that two people have looked at in part. Made once."""

import hashlib
import time
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import httpx
import msgspec

from controlplane.database import Database
from controlplane.llm.queue_items import Item, add_items, list_items
from controlplane.llm.queues import add_queue, list_queues
from controlplane.llm.reviews import Person, mark_done
from eventlog.bulk import BulkLog
from eventlog.producer import Items, chunks_of
from schemas.kinds import SCORE
from schemas.llm.annotation import (
    Queue,
    QueueForm,
    Rule,
    SentTarget,
    score_id_of,
    sending_prefix,
)
from schemas.projects import ProjectId, UserId
from sluice.demo_requests import read

FORM = QueueForm(
    name="Answers of the support chat",
    description="Forty calls of the last days, each for two people.",
    instructions="Would you send this answer to a customer? Mark what it says, not how long it is.",
    reviewers=2,
    scores=(
        Rule(name="quality", type="numeric", min=1, max=5, description="1 is useless"),
        Rule(name="tone", type="categorical", categories=("friendly", "neutral", "curt")),
        Rule(name="correct", type="boolean"),
    ),
)
PEOPLE = ("Reviewer 1 of the demo", "Reviewer 2 of the demo")
"""They have no accounts: nobody can sign in as one of them."""
CALLS = 40
BY_BOTH, BY_ONE = 20, 30
"""Of the items: the first are done by both, those after them by the first person alone."""


class _Said(NamedTuple):
    user_id: UserId
    item: Item
    scores: list[dict[str, Any]]


async def set_queue(
    database: Database, project_id: ProjectId, client: httpx.Client, log: BulkLog
) -> str:
    """Makes the queue where it is not there; returns what there is to see of it.

    What the two say goes into the log itself: no key may speak for people. Raises `LogError`.
    """
    if any(one.queue.name == FORM.name for one in await list_queues(database, project_id)):
        return f"the queue {FORM.name} is there already"
    asked = {"limit": str(CALLS), "status": "success", "score": "helpfulness"}
    calls = read(client, "/v1/traces", asked)["traces"]
    if not calls:
        return "no call to annotate"
    queue = await add_queue(database, project_id, FORM)
    sent = [SentTarget(trace_id=one["traceId"]) for one in calls]
    await add_items(database, project_id, queue.id, sent, by=None)
    items = await list_items(database, project_id, queue.id, limit=CALLS)
    every = [one for number in range(len(PEOPLE)) for one in _said(queue, items, number)]
    scores = [score for one in every for score in one.scores]
    ids = [f"{score['id']}:{sending_prefix(0)}" for score in scores]
    items_of = Items(SCORE, [msgspec.json.encode(score) for score in scores], ids)
    log.append(chunks_of(log, project_id, items_of, time.time_ns()))
    for one in every:
        now_us = time.time_ns() // 1000
        person = Person(project_id, queue.id, one.user_id, now_us, one.scores[0]["author"])
        await mark_done(database, person, one.item.id, 0)
    return f"{len(items)} calls to annotate, {len(every)} times done"


def _said(queue: Queue, items: Sequence[Item], number: int) -> list[_Said]:
    author = PEOPLE[number]
    user_id = UserId(str(uuid.uuid5(uuid.NAMESPACE_OID, author)))
    found = []
    for item in items[: (BY_ONE, BY_BOTH)[number]]:
        shared = {
            "trace_id": item.target.trace_id,
            **({"span_id": item.target.span_id} if item.target.span_id else {}),
            **{"source": "annotation", "author": author},
            "metadata": {"queue": queue.id, "item": item.id},
        }
        values = _values(item.target.trace_id, number)
        scores = [
            {"id": score_id_of(queue.id, item.id, name, user_id), "name": name, "value": one}
            | shared
            for name, one in values.items()
        ]
        found.append(_Said(user_id, item, scores))
    return found


def _values(trace_id: str, number: int) -> dict[str, Any]:
    """Returns what a person thinks of a call: the second mostly as the first, and stricter."""
    digest = hashlib.sha256(f"annotation {trace_id}".encode()).digest()
    quality = 2 + digest[0] % 4
    tone = FORM.scores[1].categories[digest[1] % 3]
    if number and digest[2] % 3 == 0:
        quality = max(1, quality - 1 - digest[3] % 2)
    if number and digest[4] % 5 == 0:
        tone = "neutral"
    is_correct = quality > 2 if digest[5] % 4 or not number else False
    return {"quality": quality, "tone": tone, "correct": is_correct}
