"""Checks what Open Sentry's SDK sends: one item or an array of 1 to 20, of three types.

The rules are those of docs/errors.md, "Open Sentry". One item that breaks a rule rejects the
request. Errors and transactions stay the bytes that came; a call of an LLM becomes a trace.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
from msgspec import Raw, Struct

from eventlog.producer import Items
from ingest.errors.generations import trace_of
from ingest.forms import Form, Split
from ingest.json_texts import check_utf8, repaired_json
from ingest.rejections import BadItems, BadJson, ItemTooLarge
from schemas.encodings import wrong_encoding
from schemas.errors.open_sentry import (
    ABSENT,
    MAX_BODY_BYTES,
    MAX_ITEMS,
    ItemType,
    SentError,
    SentGeneration,
    SentTransaction,
)
from schemas.errors.sent import Head, SentItem, encode_sent
from schemas.issues import Issue, RuleBroken, issue_of
from schemas.kinds import ERROR, TRACE, TRANSACTION, Kind

OPEN_SENTRY = "open_sentry"
ENVIRONMENT = "environment"
"""Under which the form is told the environment of the key."""
INVALID_JSON = "Invalid JSON"
INVALID_PAYLOAD = "Invalid payload"

_SHAPES: Mapping[str, type[Struct]] = {
    "error": SentError,
    "transaction": SentTransaction,
    "ai_generation": SentGeneration,
}
_decode_type = msgspec.json.Decoder(ItemType).decode
_DECODERS = {name: msgspec.json.Decoder(shape) for name, shape in _SHAPES.items()}
# One field more than there may be items, so that a million items are counted and not held.
_ITEMS = msgspec.json.Decoder(
    msgspec.defstruct(
        "Items", [(f"i{n}", Raw, ABSENT) for n in range(MAX_ITEMS + 1)], array_like=True
    )
)
_STEP = re.compile(r"[^.\[\]]+")
_ONE = msgspec.json.Decoder(Raw)


class _Logged(NamedTuple):
    """One item as the log holds it."""

    kind: Kind
    body: bytes
    item_id: str


def open_sentry_form() -> Form:
    """Returns the form of `POST /v1/ingest`."""
    return Form(ERROR.name, split, MAX_BODY_BYTES)


def split(body: bytes, told: Mapping[str, str], max_item_bytes: int) -> Split:
    """Splits a body to items of three kinds, each with an id of ours.

    Raises `BadJson`, `BadItems` and `ItemTooLarge`.
    """
    raws = _items_of(body)
    if any(memoryview(raw).nbytes > max_item_bytes for raw in raws):
        raise ItemTooLarge(f"An item has more than {max_item_bytes} bytes", items=len(raws))
    head = Head(environment=told.get(ENVIRONMENT, ""))
    logged, issues = [], []
    for index, raw in enumerate(raws):
        try:
            logged.append(_as_logged(_checked(raw), raw, head))
        except (msgspec.ValidationError, RuleBroken, RecursionError) as error:
            issues.append(_issue(error, raw, index))
    if issues:
        raise _bad_payload(len(raws), issues)
    return Split([_items(kind, logged) for kind in (ERROR, TRANSACTION, TRACE)])


def check_item(item: bytes, kind: Kind) -> None:
    """Raises `BadJson` or `BadItems` where ingest would not take it as one item of this kind."""
    raws = _items_of(item)
    if item.lstrip()[:1] == b"[":
        raise _bad_payload(1, [Issue([], "Expected `object`")])
    (raw,) = raws
    try:
        found = _checked(raw)
        if not isinstance(found, SentError if kind is ERROR else SentTransaction):
            raise RuleBroken(f"Expected {kind.name}", "type")
    except (msgspec.ValidationError, RuleBroken, RecursionError) as error:
        raise _bad_payload(1, [_issue(error, raw, 0)]) from error


def _items_of(body: bytes) -> list[Raw]:
    try:
        check_utf8(body)
        raw = _ONE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        repaired = repaired_json(body, error)
        if repaired is not None:
            return _items_of(repaired)
        rule = wrong_encoding(body)
        raise BadJson(INVALID_JSON, details=rule and [Issue([], rule)] or None) from error
    begins = bytes(memoryview(raw)[:1])
    if begins == b"{":
        return [raw]
    if begins != b"[":
        raise _bad_payload(1, [Issue([], "Expected `object` or `array`")])
    raws = [one for one in msgspec.structs.astuple(_ITEMS.decode(raw)) if one is not ABSENT]
    if not 1 <= len(raws) <= MAX_ITEMS:
        raise _bad_payload(len(raws), [Issue([], f"Expected `array` of 1 to {MAX_ITEMS} items")])
    return raws


def _checked(raw: Raw) -> Any:
    return _DECODERS[_decode_type(raw).type].decode(raw)


def _items(kind: Kind, logged: Sequence[_Logged]) -> Items:
    own = [one for one in logged if one.kind is kind]
    return Items(kind, [one.body for one in own], [one.item_id for one in own])


def _as_logged(item: Any, raw: Raw, head: Head) -> _Logged:
    if isinstance(item, SentGeneration):
        trace_id = str(uuid4())
        return _Logged(TRACE, trace_of(item, trace_id), trace_id)
    kind = ERROR if isinstance(item, SentError) else TRANSACTION
    return _Logged(kind, encode_sent(SentItem("open_sentry", head, raw)), uuid4().hex)


def _issue(error: Exception, raw: Raw, index: int) -> Issue:
    try:
        shape = _SHAPES[_decode_type(raw).type]
    except msgspec.MsgspecError:
        shape = ItemType
    issue = issue_of(error, shape, index)
    path = [step for one in issue.path[1:] for step in _steps(one)]
    return Issue([index, *path], issue.message)


def _steps(place: str | int) -> Iterator[str | int]:
    """Yields `frames`, 0 and `lineno` for `frames[0].lineno`."""
    if isinstance(place, int):
        yield place
        return
    for step in _STEP.findall(place):
        yield int(step) if step.isdigit() else step


def _bad_payload(count: int, details: Sequence[Issue]) -> BadItems:
    return BadItems(INVALID_PAYLOAD, items=max(count, 1), details=list(details))
