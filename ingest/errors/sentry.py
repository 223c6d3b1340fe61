"""Turns what Sentry's SDKs send into items: envelopes, and the single events of old SDKs.

The rules are those of docs/errors.md, "Sentry". Events and transactions stay the bytes that came;
only their ids are looked at. What is not kept is counted.
"""

import base64
import binascii
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple
from uuid import uuid4

import msgspec
from msgspec import Raw, Struct, field

from eventlog.producer import Items
from ingest.errors.attachments import Attached, AttachmentLimits, frame_attachments
from ingest.errors.beside_events import OWN_IDS
from ingest.errors.client_reports import read_report
from ingest.errors.envelope import ABSENT, EnvelopeItem, parse_envelope, text_of
from ingest.errors.item_types import (
    CLIENT_REPORT,
    COUNTED_AS,
    KINDS,
    LOGS,
    OTEL_LOG,
    SESSIONS,
    SPANS,
    UNKNOWN,
)
from ingest.errors.log_items import SplitRecords, split_records
from ingest.errors.otel_logs import read_otel_logs
from ingest.errors.sessions import Sessions, read_sessions
from ingest.errors.span_streams import Streamed, read_spans
from ingest.forms import Counted, Form, Split
from ingest.json_texts import check_utf8, repaired_json
from ingest.rejections import BadItems, BadJson, ItemTooLarge, Rejected
from schemas.encodings import wrong_encoding
from schemas.errors.sent import Head, SentItem, encode_sent
from schemas.issues import Issue
from schemas.kinds import (
    ATTACHMENT,
    CHECK_IN,
    ERROR,
    FEEDBACK,
    LOG,
    SESSION,
    STREAMED_SPAN,
    TRANSACTION,
    Kind,
)

ENVELOPE = "sentry_envelope"
STORE = "sentry_store"
ENVIRONMENT, CLIENT, CLIENT_IP = "environment", "client", "client_ip"
"""Under which the forms are told of the key's environment, the SDK and its address."""
UNSUPPORTED = "unsupported_item"
MAX_STORED_BYTES = 16 << 20
"""Of an event that an old SDK compressed by itself."""
ASKS_FOR_ADDRESS = (b"{{auto}}", b'"infer_ip":"auto"', b'"infer_ip": "auto"')
_HEX_ID = re.compile(r"[0-9a-f]{32}\Z")


class _Event(Struct, frozen=True, gc=False):
    event_id: Raw = ABSENT
    type: Raw = ABSENT
    user: Raw = ABSENT
    old_user: Raw = field(default=ABSENT, name="sentry.interfaces.User")
    sdk: Raw = ABSENT

    @property
    def asking(self) -> bytes:
        """The parts that may ask for the address of the client."""
        # Raw is a buffer: to look through all of an event of 11 KB takes 7 us.
        return b"\n".join((self.user, self.old_user, self.sdk))


class _Logged(NamedTuple):
    kind: Kind
    body: bytes
    item_id: str


LOGGED = (ERROR, TRANSACTION, STREAMED_SPAN, SESSION, FEEDBACK, CHECK_IN, ATTACHMENT, LOG)
"""The kinds of which the log holds items, in their order there."""
EVENTS = (ERROR, TRANSACTION, FEEDBACK)
"""Those whose ids are their senders'."""
EVENT_TYPES = frozenset(KINDS) - {"attachment"}
"""What an item of the log is made of as it is: nearly all envelopes have nothing else."""
USUAL_LIMITS = AttachmentLimits()
_decode_event = msgspec.json.Decoder(_Event).decode


def sentry_forms(limits: AttachmentLimits = USUAL_LIMITS) -> dict[str, Form]:
    """Returns the forms of both routes, by name."""
    split = partial(split_envelope, limits=limits)
    return {ENVELOPE: Form(ERROR.name, split), STORE: Form(ERROR.name, split_stored)}


def split_envelope(
    body: bytes,
    told: Mapping[str, str],
    max_item_bytes: int,
    *,
    limits: AttachmentLimits = USUAL_LIMITS,
) -> Split:
    """Splits an envelope to what the log holds; what else it has is counted.

    Raises `BadJson`, `BadItems` and `ItemTooLarge`, with the kinds of all that it brought.
    """
    headers, items = parse_envelope(body)
    head = Head(
        event_id=id_of(headers.event_id),
        sent_at=headers.sent_at,
        sdk=headers.sdk or _sdk_of(told),
        environment=told.get(ENVIRONMENT, ""),
    )
    try:
        events = _logged(items, head, told, max_item_bytes)
        answer_id = head.event_id or _first_id(events)
        if all(item.type in EVENT_TYPES for item in items):
            return Split(_by_kind(events), (), answer_id)
        streamed = _streamed(items, max_item_bytes)
        sessions = _sessions(items, max_item_bytes)
    except Rejected as rejected:
        rejected.by_kind = Counter(COUNTED_AS.get(item.type, UNKNOWN) for item in items)
        raise
    own = msgspec.structs.replace(head, event_id="")
    records = _records(items, own, told, max_item_bytes)
    attached = frame_attachments(items, answer_id, limits)
    logged = [*events, *_traced(streamed, own, told), *_updates(sessions, own)]
    counted = [one for item in items for one in _counted(item)]
    counted += [one for some in streamed for one in some.counted]
    counted += [one for some in records for one in some.counted]
    counted += [one for some in sessions for one in some.counted]
    logs = _logs(records)
    by_kind = _by_kind([*logged, *_attached(attached)])
    return Split([*by_kind, *logs], [*counted, *attached.counted], answer_id)


def _first_id(events: Sequence[_Logged]) -> str:
    return next((one.item_id for one in events if one.kind in EVENTS), "")


def _traced(streamed: Sequence[Streamed], head: Head, told: Mapping[str, str]) -> Iterator[_Logged]:
    for some in streamed:
        for one in some.transactions:
            sent = _sent(_told(head, told, one.text), one.text)
            yield _Logged(TRANSACTION, sent, one.item_id)
        for one in some.spans:
            sent = encode_sent(SentItem("sentry", head, Raw(one.text)))
            yield _Logged(STREAMED_SPAN, sent, one.item_id)


def _updates(sessions: Sequence[Sessions], head: Head) -> Iterator[_Logged]:
    for some in sessions:
        for one in some.told:
            sent = encode_sent(SentItem("sentry", head, Raw(one.text)))
            yield _Logged(SESSION, sent, one.item_id)


def split_stored(body: bytes, told: Mapping[str, str], max_item_bytes: int) -> Split:
    """Takes one event or transaction; an old SDK may have compressed it by itself."""
    event, text = _read(_plain(body), max_item_bytes)
    kind = TRANSACTION if text_of(event.type) == "transaction" else ERROR
    head = Head(sdk=_sdk_of(told), environment=told.get(ENVIRONMENT, ""))
    item_id = id_of(text_of(event.event_id)) or uuid4().hex
    sent = _sent(_told(head, told, event.asking), text)
    return Split(_by_kind([_Logged(kind, sent, item_id)]), (), item_id)


def id_of(text: str) -> str:
    """Returns an id as 32 hex digits in lower case; empty for a text that is none."""
    digits = text.replace("-", "").lower() if len(text) <= 36 else ""
    return digits if _HEX_ID.match(digits) else ""


def check_item(item: bytes) -> None:
    """Raises `BadJson` or `BadItems` where ingest would not take this event."""
    _read(item, len(item))


def _logged(
    items: Sequence[EnvelopeItem], head: Head, told: Mapping[str, str], max_item_bytes: int
) -> list[_Logged]:
    logged: list[_Logged] = []
    own, others = head, msgspec.structs.replace(head, event_id="")
    for item in items:
        kind = KINDS.get(item.type)
        if kind is None or kind is ATTACHMENT:
            continue
        event, text = _read(bytes(item.payload), max_item_bytes)
        if item.type in OWN_IDS:
            item_id = OWN_IDS[item.type](text)
            sent = _sent(_told(others, told, event.asking), text)
            logged.append(_Logged(kind, sent, item_id))
            continue
        item_id = own.event_id or id_of(text_of(event.event_id)) or uuid4().hex
        kind = FEEDBACK if kind is ERROR and _is_feedback(event) else kind
        logged.append(_Logged(kind, _sent(_told(own, told, event.asking), text), item_id))
        # The envelope's id is that of its one event; what comes behind has its own.
        own = others
    return logged


def _is_feedback(event: _Event) -> bool:
    # So the SDK for Python sends what `capture_event` is given as feedback.
    return event.type is not ABSENT and text_of(event.type) == FEEDBACK.name


def _attached(attached: Attached) -> list[_Logged]:
    pairs = zip(attached.bodies, attached.ids, strict=True)
    return [_Logged(ATTACHMENT, body, item_id) for body, item_id in pairs]


def _streamed(items: Sequence[EnvelopeItem], max_item_bytes: int) -> list[Streamed]:
    spans = [item for item in items if item.type == SPANS]
    for item in spans:
        _check_size(item.payload.nbytes, max_item_bytes)
    return [read_spans(item.payload, item.records) for item in spans]


def _records(
    items: Sequence[EnvelopeItem], head: Head, told: Mapping[str, str], max_item_bytes: int
) -> list[SplitRecords]:
    address = told.get(CLIENT_IP, "")
    split = [
        split_records(
            item.payload, item.records, head, client_ip=address, max_record_bytes=max_item_bytes
        )
        for item in items
        if item.type == LOGS
    ]
    older = [item for item in items if item.type == OTEL_LOG]
    return [*split, read_otel_logs(older, head, max_item_bytes)] if older else split


def _logs(some: Sequence[SplitRecords]) -> list[Items]:
    records = [one for split in some for one in split.records]
    if not records:
        return []
    return [Items(LOG, [one.body for one in records], [one.record_id for one in records])]


def _sessions(items: Sequence[EnvelopeItem], max_item_bytes: int) -> list[Sessions]:
    found = [item for item in items if item.type in SESSIONS]
    for item in found:
        _check_size(item.payload.nbytes, max_item_bytes)
    return [read_sessions(item.type, item.payload, item.records) for item in found]


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise ItemTooLarge(f"An item has {size} bytes, at most {most}")


def _read(payload: bytes, max_item_bytes: int) -> tuple[_Event, bytes]:
    """Returns what is looked at of an event, and its text as it is kept."""
    _check_size(len(payload), max_item_bytes)
    try:
        check_utf8(payload)
        return _decode_event(payload), payload
    except msgspec.ValidationError as error:
        raise BadItems("Invalid event", details=[Issue([], "Expected `object`")]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        repaired = repaired_json(payload, error)
        if repaired is not None:
            return _read(repaired, max_item_bytes)
        rule = wrong_encoding(payload) or "Not JSON, or nested too deeply"
        raise BadJson("Invalid event", details=[Issue([], rule)]) from error


def _told(head: Head, told: Mapping[str, str], asking: bytes) -> Head:
    """Puts the address of the client in where a part of the event asks for it."""
    if b"auto" in asking and any(asked in asking for asked in ASKS_FOR_ADDRESS):
        return msgspec.structs.replace(head, client_ip=told.get(CLIENT_IP, ""))
    return head


def _sent(head: Head, text: bytes) -> bytes:
    return encode_sent(SentItem("sentry", head, Raw(text)))


def _sdk_of(told: Mapping[str, str]) -> str:
    """Returns `sentry.python 2.75.0` for `sentry.python/2.75.0`, as SDKs name themselves."""
    return told.get(CLIENT, "").replace("/", " ", 1)


def _counted(item: EnvelopeItem) -> Sequence[Counted]:
    if item.type in KINDS or item.type in (SPANS, LOGS, OTEL_LOG, *SESSIONS):
        return ()
    if item.type == CLIENT_REPORT:
        return read_report(item.payload)
    kind = COUNTED_AS.get(item.type, UNKNOWN)
    return [Counted(kind, "filtered", UNSUPPORTED, item.records)]


def _by_kind(logged: Sequence[_Logged]) -> list[Items]:
    found: dict[str, list[_Logged]] = {}
    for one in logged:
        found.setdefault(one.kind.name, []).append(one)
    return [
        Items(kind, [one.body for one in own], [one.item_id for one in own])
        for kind in LOGGED
        if (own := found.get(kind.name))
    ]


def _plain(body: bytes) -> bytes:
    """Returns the JSON of an event; old SDKs send it as base64 of zlib."""
    if body.lstrip()[:1] in (b"{", b"[", b"", b"\xef"):
        return body
    try:
        packed = base64.b64decode(body, validate=False)
        codec = zlib.decompressobj()
        text = codec.decompress(packed, MAX_STORED_BYTES)
    except (binascii.Error, zlib.error, ValueError):
        return body
    if codec.unconsumed_tail:
        raise ItemTooLarge(f"An event has more than {MAX_STORED_BYTES} bytes when inflated")
    return text
