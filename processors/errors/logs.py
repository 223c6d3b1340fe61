"""Log records of Sentry's SDKs: masked, then read to rows.

A record is made plain before it is masked: `{"value": 7, "type": "integer"}` becomes 7, so that the
rules for names see the values that stand under them, as in an event.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from processors.errors.events import repairing
from processors.errors.legible import legible
from processors.errors.moments import moment_us, settle
from processors.errors.parts import (
    Problems,
    decode_any,
    encode_any,
    is_absent,
    lenient_text,
    mapping_of,
    note,
    text_of,
)
from schemas.errors.event import EMPTY
from schemas.errors.rows import LogRow
from schemas.errors.sent import Head, SentItem
from schemas.errors.severities import MOST, WORDS

MAX_BODY = 32_768
MAX_ATTRIBUTES = 200
MAX_KEY = 200
MAX_VALUE = 8_192
MAX_VALUES = 65_536
"""Of all attributes of a record together. Bounds count characters."""
MAX_ID = 128
TEMPLATE = "sentry.message.template"
PARAMETER = "sentry.message.parameter."
PERSON = ("user.id", "user.email", "user.name", "user.ip_address")
"""What people are counted by: the first that is known, as `Person.key` has it."""
NUMBERED = tuple(f"{PARAMETER}{number}" for number in range(MAX_ATTRIBUTES))
Mask = Callable[[bytes], bytes]
"""JSON in, JSON out; the same object where nothing was found."""


class SentLog(Struct, gc=False):
    """A record as it came: each part may be anything."""

    timestamp: Any = None
    trace_id: Any = None
    span_id: Any = None
    level: Any = None
    severity_number: Any = None
    body: Any = None
    attributes: Raw = EMPTY


class SentAttribute(Struct, gc=False):
    """An attribute with its type, which the value says as well."""

    value: Any = None


class PlainLog(Struct, gc=False, omit_defaults=True):
    """The same with plain attributes: what is masked."""

    timestamp: Any = None
    trace_id: Any = None
    span_id: Any = None
    level: Any = None
    severity_number: Any = None
    body: Any = None
    attributes: dict[str, Any] = {}


_decode_sent = msgspec.json.Decoder(SentLog).decode
_decode_plain = msgspec.json.Decoder(PlainLog).decode
_attributes = msgspec.json.Decoder(
    dict[str, SentAttribute | str | int | float | bool | list[Any] | None]
)


def read_log(sent: SentItem, mask: Mask, record_id: str, received_at_us: int) -> LogRow:
    """Reads a record to its row. Raises `Unfit` for what is none, and nothing else."""

    def work(item: bytes) -> LogRow:
        problems: Problems = []
        plain = mask_log(_plain(_decode_sent(item), problems), mask)
        return _row(plain, sent.head, record_id, received_at_us, problems)

    return repairing(work, legible(bytes(sent.item)))


def severity_of(number: object, text: str) -> int:
    """Returns the number of OpenTelemetry: as it was sent, else by the word; 0 for neither."""
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number <= MOST:
        return number
    return WORDS.get(text.strip().lower(), 0)


def _plain(sent: SentLog, problems: Problems) -> PlainLog:
    return PlainLog(
        sent.timestamp,
        sent.trace_id,
        sent.span_id,
        sent.level,
        sent.severity_number,
        sent.body,
        _plain_attributes(sent.attributes, problems),
    )


def _plain_attributes(raw: Raw, problems: Problems) -> dict[str, Any]:
    if is_absent(raw):
        return {}
    try:
        sent: Mapping[str, Any] = _attributes.decode(raw)
    except msgspec.ValidationError:
        sent = mapping_of(decode_any(raw), "attributes", problems)
    return {key: _value_of(one) for key, one in sent.items()}


def _value_of(sent: Any) -> Any:
    if isinstance(sent, SentAttribute):
        return sent.value
    return sent["value"] if isinstance(sent, dict) and "value" in sent else sent


def mask_log(plain: PlainLog, mask: Mask) -> PlainLog:
    """Returns a record without personal data."""
    text = encode_any(plain)
    masked = mask(text)
    if masked is not text:
        plain = _decode_plain(masked)
    template = plain.attributes.get(TEMPLATE)
    # Where nothing was found in the filled text, the template asks for nothing.
    if template is None or (masked is text and template != plain.body):
        return plain
    return _with_masked_parameters(plain, mask)


def _with_masked_parameters(plain: PlainLog, mask: Mask) -> PlainLog:
    """Masks what a template such as `token=%s` asks for, which stands beside it by number."""
    numbered = [name for name in NUMBERED if name in plain.attributes]
    if not numbered:
        return plain
    values = [plain.attributes[name] for name in numbered]
    text = encode_any({"message": plain.attributes[TEMPLATE], "params": values})
    masked = mask(text)
    if masked is text:
        return plain
    parameters = decode_any(masked)["params"]
    found = dict(zip(numbered, parameters, strict=True))
    return replace(plain, attributes={**plain.attributes, **found})


def _row(
    plain: PlainLog, head: Head, record_id: str, received_at_us: int, problems: Problems
) -> LogRow:
    sent = plain.attributes
    attributes = bounded(sent, problems)

    def said(name: str) -> str:
        return text_of(attributes.get(name), name, problems)

    text = text_of(plain.level, "level", problems, 64) or said("sentry.severity_text")
    number = plain.severity_number
    number = attributes.get("sentry.severity_number") if number is None else number
    sdk = f"{said('sentry.sdk.name')} {said('sentry.sdk.version')}".strip() or head.sdk
    # By position: naming so many fields takes 3 us.
    return LogRow(
        record_id,
        settle(plain.timestamp, head.sent_at, received_at_us, problems).at_us,
        _sequence(attributes.get("sentry.timestamp.sequence")),
        _observed_us(attributes.get("sentry.observed_timestamp_nanos")) or received_at_us,
        severity_of(number, text),
        text,
        lenient_text(plain.body, "body", problems, MAX_BODY) or "",
        _id(plain.trace_id, "trace_id", problems),
        _id(plain.span_id, "span_id", problems),
        said("logger.name"),
        said("sentry.environment") or head.environment,
        said("sentry.release"),
        said("service.name"),
        said("server.address"),
        _platform_of(sdk),
        sdk,
        next(filter(None, map(said, PERSON)), head.client_ip),
        attributes,
        problems,
    )


def bounded(sent: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Returns the attributes within the bounds, the first ones where there are too many."""
    found: dict[str, Any] = {}
    size = 0
    for key, value in sent.items():
        if value is None:
            continue
        if len(found) == MAX_ATTRIBUTES:
            note(problems, f"attributes: {MAX_ATTRIBUTES} kept, of {len(sent)}")
            break
        if isinstance(value, str):
            if len(value) > MAX_VALUE:
                note(problems, f"attributes.{key[:MAX_KEY]}: cut at {MAX_VALUE:,} characters")
                value = value[:MAX_VALUE]
            size += len(value)
        elif isinstance(value, list | dict):
            length = len(encode_any(value))
            if length > MAX_VALUE:
                note(problems, f"attributes.{key[:MAX_KEY]}: over {MAX_VALUE:,} bytes, left out")
                continue
            size += length
        if len(key) > MAX_KEY:
            note(problems, f"attributes: a name of over {MAX_KEY} characters, left out")
            continue
        size += len(key)
        if size > MAX_VALUES:
            note(problems, f"attributes: {MAX_VALUES:,} characters kept in all")
            break
        found[key] = value
    return found


def _sequence(value: object) -> int:
    return value if type(value) is int and 0 <= value < 1 << 32 else 0


def _observed_us(value: object) -> int | None:
    text = value if isinstance(value, str) else str(value)
    return moment_us(int(text) / 1e9) if text.isascii() and text.isdigit() else None


def _id(value: object, name: str, problems: Problems) -> str:
    """Returns an id of a trace or span: hex digits without dashes, in lower case."""
    return text_of(value, name, problems, MAX_ID).replace("-", "").lower()


def _platform_of(sdk: str) -> str:
    """Returns `python` for `sentry.python.django 2.0`."""
    parts = sdk.partition(" ")[0].split(".")
    return parts[1] if parts[0] == "sentry" and len(parts) > 1 else ""
