"""Reads an envelope of Sentry's SDKs: one line of headers, then items. Pure.

Source: https://develop.sentry.dev/sdk/data-model/envelopes/, read in November 2026. Its rules:

1. The first line holds the envelope's headers: a JSON object, which may be empty.
2. An item is a line with its headers, a JSON object with a `type`, then its payload.
3. With `length`, the payload has so many bytes; then comes a line feed, or the end.
4. Without, the payload goes on to the next line feed, or the end.
5. A line feed is the only end of a line. Empty lines between items are stepped over.

What is in a payload is not looked at here.
"""

import re
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from ingest.json_texts import decode_repaired
from ingest.rejections import BadItems, BadJson
from schemas.encodings import without_mark
from schemas.issues import Issue

MAX_LINE_BYTES = 8 << 10
"""Of a line of headers. Those of SDKs have 500 bytes."""
MAX_ITEMS = 1_000
"""SDKs send up to 100."""
MAX_COUNTED = 10_000
"""Of the records that one item says it holds."""
INVALID_ENVELOPE = "Invalid envelope"
ABSENT = Raw(b"")
LINE_FEED = b"\n"
_BLANK_LINES = re.compile(rb"\n*")
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")


class _Sdk(Struct, frozen=True, gc=False):
    name: Raw = ABSENT
    version: Raw = ABSENT


class _Headers(Struct, frozen=True, gc=False):
    event_id: Raw = ABSENT
    dsn: Raw = ABSENT
    sent_at: Raw = ABSENT
    sdk: Raw = ABSENT


class _UsualSdk(Struct, frozen=True, gc=False):
    name: str = ""
    version: str = ""


class _UsualHeaders(Struct, frozen=True, gc=False):
    """As nearly all SDKs write them: texts, or nothing."""

    event_id: str = ""
    dsn: str = ""
    sent_at: str = ""
    sdk: _UsualSdk = _UsualSdk()


class _ItemHeaders(Struct, frozen=True, gc=False):
    type: str
    length: int | None = None
    item_count: Raw = ABSENT
    filename: Raw = ABSENT
    content_type: Raw = ABSENT
    attachment_type: Raw = ABSENT


class EnvelopeHeaders(NamedTuple):
    """What the first line says; empty where it does not, or says something else than a text."""

    event_id: str = ""
    dsn: str = ""
    sent_at: str = ""
    sdk: str = ""
    """Name and version, with a blank between."""


class File(NamedTuple):
    """What an item says of the file that it is; empty where it does not, or no text."""

    name: str = ""
    content_type: str = ""
    type: str = ""


class EnvelopeItem(NamedTuple):
    """One item, as it came."""

    type: str
    payload: memoryview
    records: int
    """How many records it says it holds; 1 where it does not say."""
    file: File = File()
    """Of an attachment."""


class Envelope(NamedTuple):
    """What one request brought."""

    headers: EnvelopeHeaders
    items: list[EnvelopeItem]


_decode_usual = msgspec.json.Decoder(_UsualHeaders).decode
_decode_headers = msgspec.json.Decoder(_Headers).decode
_decode_item = msgspec.json.Decoder(_ItemHeaders).decode
_decode_sdk = msgspec.json.Decoder(_Sdk).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_count = msgspec.json.Decoder(int).decode


def parse_envelope(body: bytes) -> Envelope:
    """Splits an envelope. Raises `BadJson` and `BadItems`, which say what is wrong where."""
    body = without_mark(body) or body
    line, position = _line(body, 0, 0)
    headers = parse_headers(line)
    items: list[EnvelopeItem] = []
    while (position := _after_blanks(body, position)) < len(body):
        if len(items) == MAX_ITEMS:
            raise _broken(f"Expected at most {MAX_ITEMS} items", len(items))
        item, position = _item(body, position, len(items))
        items.append(item)
    return Envelope(headers, items)


def parse_headers(line: bytes) -> EnvelopeHeaders:
    """Reads the first line. Raises `BadJson` where it is no JSON, `BadItems` where no object."""
    try:
        usual = _decode_usual(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_any_headers(line)
    sdk = f"{usual.sdk.name} {usual.sdk.version}".strip()
    return EnvelopeHeaders(usual.event_id, usual.dsn, usual.sent_at, sdk)


def _parse_any_headers(line: bytes) -> EnvelopeHeaders:
    try:
        sent = decode_repaired(_decode_headers, line)
    except msgspec.ValidationError as error:
        raise _broken("Expected headers as `object`", 0) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadJson(
            INVALID_ENVELOPE, details=[Issue([0], "The first line is no JSON")]
        ) from error
    return EnvelopeHeaders(
        text_of(sent.event_id), text_of(sent.dsn), text_of(sent.sent_at), _sdk_of(sent.sdk)
    )


def text_of(value: Raw) -> str:
    """Returns a text of JSON; empty for anything else, and for one that no header could hold."""
    if memoryview(value).nbytes > MAX_LINE_BYTES:
        return ""
    try:
        return _decode_text(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _sdk_of(value: Raw) -> str:
    try:
        sdk = _decode_sdk(value)
    except (msgspec.DecodeError, RecursionError):
        return ""
    return f"{text_of(sdk.name)} {text_of(sdk.version)}".strip()


def _item(body: bytes, position: int, number: int) -> tuple[EnvelopeItem, int]:
    line, position = _line(body, position, number)
    try:
        headers = decode_repaired(_decode_item, line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _broken("Expected item headers as `object` with a `type`", number) from error
    end = _end_of_payload(body, position, headers.length, number)
    if end < len(body) and body[end : end + 1] != LINE_FEED:
        raise _broken(f"Expected a line feed after {headers.length} bytes of payload", number)
    kind = headers.type if _TYPE.match(headers.type) else ""
    payload = memoryview(body)[position:end]
    file = _file_of(headers) if kind == "attachment" else File()
    return EnvelopeItem(kind, payload, _count_of(headers.item_count), file), end + 1


def _file_of(headers: _ItemHeaders) -> File:
    return File(
        text_of(headers.filename), text_of(headers.content_type), text_of(headers.attachment_type)
    )


def _end_of_payload(body: bytes, position: int, length: int | None, number: int) -> int:
    if length is None:
        end = body.find(LINE_FEED, position)
        return len(body) if end < 0 else end
    left = max(len(body) - position, 0)
    if not 0 <= length <= left:
        raise _broken(f"Expected {length} bytes of payload, found {left}", number)
    return position + length


def _count_of(value: Raw) -> int:
    try:
        return min(max(_decode_count(value), 1), MAX_COUNTED)
    except msgspec.DecodeError:
        return 1


def _line(body: bytes, position: int, number: int) -> tuple[bytes, int]:
    """Returns the line at a position, and where the next one begins."""
    end = body.find(LINE_FEED, position, position + MAX_LINE_BYTES + 1)
    if end < 0:
        end = len(body)
        if end - position > MAX_LINE_BYTES:
            raise _broken(f"Expected at most {MAX_LINE_BYTES} bytes of headers in a line", number)
    return body[position:end], end + 1


def _after_blanks(body: bytes, position: int) -> int:
    blanks = _BLANK_LINES.match(body, position)
    return len(body) if blanks is None else blanks.end()


def _broken(rule: str, number: int) -> BadItems:
    return BadItems(INVALID_ENVELOPE, items=max(number, 1), details=[Issue([number], rule)])
