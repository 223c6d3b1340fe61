"""The forms of request of the system `otel`, and how one item of the log is checked."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from eventlog.producer import Items
from ingest.forms import Counted, Form, Split
from ingest.otel.frames import MEASURES, RECORDS, SPANS, Frame, Taking
from ingest.rejections import BadItems, BadJson, UnknownMediaType
from schemas.encodings import wrong_encoding
from schemas.issues import Checked, Issue
from schemas.otel.bounds import REASONS, STANDARD, Reason, Rejected, Undecodable
from schemas.otel.items import ItemDecoder
from schemas.otel.json_framing import NoMembers
from schemas.otel.walk import Encoding
from schemas.outcomes import Outcome

CONTENT_TYPE = "content-type"
ENVIRONMENT = "environment"
"""Of what says none: that of the DSN key."""
MEDIA_TYPES: Mapping[str, Encoding] = {
    "application/x-protobuf": "protobuf",
    "application/json": "json",
}
TAKEN: Mapping[str, Taking] = {"traces": SPANS, "logs": RECORDS, "metrics": MEASURES}
"""By the last word of the path."""
_TOO_LARGE: tuple[Reason, ...] = (
    "too_large",
    "too_many_attributes",
    "too_many_events",
    "too_many_links",
    "too_many_buckets",
    "too_many_items",
)
_LEDGER: Mapping[Reason, str] = {"too_large": "item_bytes"}
"""What the ledger calls a reason, where it has had a word for it before."""


def forms() -> dict[str, Form]:
    """Returns them by the name of their kind."""
    return {one.kind.name: Form(one.kind.name, partial(_split, one)) for one in TAKEN.values()}


def checks() -> dict[str, Callable[[bytes, int], Checked]]:
    """Returns how one item, of so many bytes at most, is checked, by the name of its kind."""
    return {one.kind.name: partial(_checked, one) for one in TAKEN.values()}


def encoding_of(content_type: str | None) -> Encoding | None:
    """Returns the encoding that a Content-Type names, `None` for one that is not taken."""
    return MEDIA_TYPES.get((content_type or "").partition(";")[0].strip().lower())


def _split(taking: Taking, body: bytes, told: Mapping[str, str], max_item_bytes: int) -> Split:
    encoding = encoding_of(told.get(CONTENT_TYPE))
    if encoding is None:
        known = " or ".join(MEDIA_TYPES)
        raise UnknownMediaType(
            f"Unsupported Content-Type {told.get(CONTENT_TYPE, '')[:80]!r}: expected {known}"
        )
    environment = told.get(ENVIRONMENT, "")
    frame = Frame(taking, encoding, STANDARD, max_item_bytes, environment=environment)
    try:
        frame.split(body)
    except NoMembers as error:
        raise BadItems(str(error)) from error
    except Undecodable as error:
        raise _undecodable(body, encoding, error) from error
    return Split(
        [Items(taking.kind, frame.bodies, frame.ids)],
        _counted(taking, frame.refused),
        rejected=frame.rejected,
    )


def _undecodable(body: bytes, encoding: Encoding, error: Undecodable) -> BadJson:
    if encoding == "protobuf":
        return BadJson(str(error))
    return BadJson("Invalid JSON body", details=[Issue([], wrong_encoding(body) or str(error))])


def _counted(taking: Taking, refused: Counter[Reason]) -> list[Counted]:
    return [
        Counted(taking.kind.name, _outcome(reason), _LEDGER.get(reason, reason), count)
        for reason, count in sorted(refused.items())
    ]


def _outcome(reason: Reason) -> Outcome:
    return "too_large" if reason in _TOO_LARGE else "invalid"


def _checked(taking: Taking, item: bytes, max_item_bytes: int) -> Checked:
    if len(item) > max_item_bytes:
        return Checked(item, [Issue([], f"Expected at most {max_item_bytes} bytes")])
    decoder: ItemDecoder[Any] = ItemDecoder(taking.signal)
    try:
        decoder.decode(item)
    except Undecodable as error:
        return Checked(item, [Issue([], str(error))])
    except Rejected as rejected:
        return Checked(item, [Issue([], REASONS[rejected.reason])])
    return Checked(item, [])
