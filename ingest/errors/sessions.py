"""Sessions as Sentry's SDKs send them: updates of one, and sums over many. Pure.

Sources: https://develop.sentry.dev/sdk/telemetry/sessions/ and Sentry Relay
(relay-event-schema, `session.rs`), read in November 2026. Rules:

1. An update says all that is known of a session. It goes into the log as it came.
2. A sum (`sessions`) is cut into its groups: each goes into the log in the form of a sum of one.
3. Without a release that can be one, it is counted as invalid: nothing can be said of it.
4. An update that is sent again has the same `seq`; SDKs that send none say the moment of it. By
   that it gets its id. A group of a sum has nothing that tells it from another: its id is new.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
from msgspec import Raw, Struct

from ingest.errors.envelope import ABSENT, text_of
from ingest.errors.item_types import COUNTED_AS
from ingest.forms import Counted
from ingest.json_texts import check_utf8, decode_repaired
from schemas.errors.session import COUNTED
from schemas.errors.versions import release_fault
from schemas.kinds import SESSION

SUMS = "sessions"
MAX_GROUPS = 1_000
"""Of one sum. An SDK groups by minute and by user, and sends once a minute."""
WITHOUT_RELEASE = "without_release"
TOO_MANY = "too_many_groups"
_encode = msgspec.json.Encoder().encode


class _Attributes(Struct, frozen=True, gc=False):
    release: Raw = ABSENT


class _Update(Struct, frozen=True, gc=False):
    started: Raw
    attrs: _Attributes
    sid: Raw = ABSENT
    seq: Raw = ABSENT
    timestamp: Raw = ABSENT
    status: Raw = ABSENT
    errors: Raw = ABSENT


class _Sum(Struct, frozen=True, gc=False):
    attrs: Raw
    aggregates: list[Raw]


class _Group(Struct, frozen=True, gc=False):
    started: Raw
    exited: Any = 0
    errored: Any = 0
    unhandled: Any = 0
    abnormal: Any = 0
    crashed: Any = 0


class Told(NamedTuple):
    """One item for the log."""

    item_id: str
    text: bytes


class Sessions(NamedTuple):
    """What an item of an envelope brought."""

    told: Sequence[Told]
    counted: Sequence[Counted]


_decode_update = msgspec.json.Decoder(_Update).decode
_decode_sum = msgspec.json.Decoder(_Sum).decode
_decode_group = msgspec.json.Decoder(_Group).decode
_decode_attributes = msgspec.json.Decoder(_Attributes).decode
_UNREADABLE = (ValueError, RecursionError)


def read_sessions(item_type: str, payload: memoryview, records: int) -> Sessions:
    """Returns what of an item goes into the log; what is broken or says no release is counted."""
    body = bytes(payload)
    try:
        check_utf8(body)
        return _sums(body) if item_type == SUMS else _update(body)
    except _UNREADABLE:
        return Sessions((), _counted("bad_items", records))


def check_session(item: bytes) -> None:
    """Raises `ValueError` where an item of the log is no session that ingest would take."""
    for item_type in ("session", SUMS):
        found = read_sessions(item_type, memoryview(item), 1)
        if len(found.told) == 1 and not found.counted:
            return
    raise ValueError("Expected an update of a session, or a sum of one group, with a release")


def is_release(text: str) -> bool:
    """Tells whether a release may have this name, by the rules of Sentry."""
    return release_fault(text.strip()) is None


def _update(body: bytes) -> Sessions:
    update = decode_repaired(_decode_update, body)
    if not is_release(text_of(update.attrs.release)):
        return Sessions((), _counted(WITHOUT_RELEASE, 1))
    sid = text_of(update.sid).replace("-", "").lower()
    parts = [update.seq] if _is_there(update.seq) else [update.timestamp, update.status]
    if not sid or (len(parts) > 1 and not _is_there(update.timestamp)):
        return Sessions([Told(uuid4().hex, body)], ())
    if len(parts) > 1:
        parts.append(update.errors)
    named = b"\0".join([sid.encode(), *map(bytes, parts)])
    return Sessions([Told(sha256(named).hexdigest()[:32], body)], ())


def _sums(body: bytes) -> Sessions:
    whole = decode_repaired(_decode_sum, body)
    groups, beyond = whole.aggregates[:MAX_GROUPS], len(whole.aggregates[MAX_GROUPS:])
    counted = _counted(TOO_MANY, beyond)
    if not is_release(text_of(_decode_attributes(whole.attrs).release)):
        return Sessions((), [*counted, *_counted(WITHOUT_RELEASE, max(len(groups), 1))])
    told, broken = [], 0
    for group in groups:
        if _is_group(group):
            text = _encode({"aggregates": [group], "attrs": whole.attrs})
            told.append(Told(uuid4().hex, text))
        else:
            broken += 1
    return Sessions(told, [*counted, *_counted("bad_items", broken)])


def _is_group(raw: Raw) -> bool:
    """Tells whether it says when, and counts anything."""
    try:
        group = _decode_group(raw)
    except _UNREADABLE:
        return False
    counts = [getattr(group, name) for name in COUNTED]
    return all(type(count) is int and count >= 0 for count in counts) and sum(counts) > 0


def _is_there(value: Raw) -> bool:
    return value is not ABSENT and value != Raw(b"null")


def _counted(reason: str, items: int) -> list[Counted]:
    return [Counted(COUNTED_AS[SESSION.name], "invalid", reason, items)] if items else []
