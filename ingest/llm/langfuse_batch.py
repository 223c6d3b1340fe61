"""The form of `/api/public/ingestion`, by which Langfuse's SDKs send scores: a batch of events.

After Langfuse's OpenAPI document (https://cloud.langfuse.com/generated/api/openapi.yml,
`ingestion_batch`):
    1. an event has an `id`, a `type`, a `timestamp` and a `body`
    2. each event is answered for itself, by its `id`, whatever becomes of the others
    3. the same event, by its `id`, is processed once
Of the types `score-create` alone is taken: spans come over OTLP.
"""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Raw, Struct

from eventlog.producer import Items
from ingest.forms import Counted, Form, Split
from ingest.json_texts import check_utf8
from ingest.llm.scores import Named, of_langfuse, sending_of
from ingest.rejections import BadItems, BadJson, ItemTooLarge
from schemas.issues import Issue, RuleBroken, issue_of
from schemas.kinds import SCORE
from schemas.llm.scores import MAX_SCORES, LangfuseScore

BATCH = "langfuse_batch"
TAKEN_TYPE = "score-create"
BAD = 400
MOST_ID_CHARS = 200
_encode = msgspec.json.Encoder().encode


class NotTaken(NamedTuple):
    """Why an event was not taken."""

    number: int
    event_id: str
    message: str


class _Event(Struct, frozen=True):
    type: Annotated[str, Meta(max_length=64)]
    id: Annotated[str, Meta(max_length=MOST_ID_CHARS)] = ""
    timestamp: Annotated[str, Meta(max_length=64)] | None = None
    body: Raw = Raw(b"null")


class _Identified(Struct, frozen=True):
    id: str = ""


class _Batch(Struct, frozen=True):
    batch: list[Raw]


def forms() -> dict[str, Form]:
    """Returns it by name."""
    return {BATCH: Form(SCORE.name, _split)}


def taken_ids(answer_id: str) -> list[str]:
    """Returns the ids of the events that were taken, from what the form has left."""
    return msgspec.json.decode(answer_id, type=list[str])


def _split(body: bytes, _: Mapping[str, str], max_item_bytes: int) -> Split:
    raws = _raws(body)
    if len(raws) > MAX_SCORES:
        rule = f"Expected at most {MAX_SCORES} events in one request; send the others in another"
        raise BadItems("Validation failed", items=len(raws), details=[Issue(["batch"], rule)])
    bodies, ids, taken, bad = [], [], [], []
    for number, raw in enumerate(raws):
        event = _event(raw)
        named = _named(event) if isinstance(event, _Event) else event
        if isinstance(named, str):
            bad.append(NotTaken(number, _id_in(raw), named))
            continue
        if len(named.body) > max_item_bytes:
            raise ItemTooLarge(f"Request body too large: event {number}", items=len(raws))
        event_id = getattr(event, "id", "")
        bodies.append(named.body)
        ids.append(f"{named.score_id}:{sending_of(named, event_id, number)}")
        taken.append(event_id)
    counted = [Counted(SCORE.name, "invalid", BadItems.reason, len(bad))] if bad else []
    return Split(
        [Items(SCORE, bodies, ids)],
        counted,
        answer_id=_encode(taken).decode(),
        rejected=dict.fromkeys(bad, 1),
    )


def _raws(body: bytes) -> list[Raw]:
    try:
        check_utf8(body)
        return msgspec.json.decode(body, type=_Batch).batch
    except msgspec.ValidationError as error:
        details = [issue_of(error, _Batch)]
        raise BadItems("Validation failed", details=details) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadJson("Invalid JSON body") from error


def _event(raw: Raw) -> _Event | str:
    try:
        return msgspec.json.decode(raw, type=_Event)
    except (msgspec.DecodeError, RecursionError) as error:
        return _told(issue_of(error, _Event))


def _id_in(raw: Raw) -> str:
    """Returns the id of what may be no event otherwise; empty where it has none."""
    try:
        return msgspec.json.decode(raw, type=_Identified).id[:MOST_ID_CHARS]
    except (msgspec.DecodeError, RecursionError):
        return ""


def _named(event: _Event) -> Named | str:
    if event.type != TAKEN_TYPE:
        return f"type: Expected {TAKEN_TYPE}; spans are taken over OTLP"
    try:
        return of_langfuse(event.body, event.id, event.timestamp)
    except (msgspec.DecodeError, RuleBroken, RecursionError) as error:
        return _told(issue_of(error, LangfuseScore))


def _told(issue: Issue) -> str:
    path = ".".join(map(str, issue.path))
    return f"{path}: {issue.message}" if path else issue.message
