"""The forms of request of the system `errors`, and how one item of the log is checked."""

from collections.abc import Callable
from functools import partial

import msgspec

from ingest.errors import open_sentry, sentry, sessions
from ingest.errors.attachments import AttachmentLimits
from ingest.errors.cron import CRON, cron_form
from ingest.errors.log_items import is_record
from ingest.errors.span_streams import check_span
from ingest.forms import Form
from ingest.rejections import Invalid
from schemas.errors.attached import decode_attachment
from schemas.errors.sent import SentItem, encode_sent, sent_decoder
from schemas.issues import Checked, Issue
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


def forms(attachments: AttachmentLimits = sentry.USUAL_LIMITS) -> dict[str, Form]:
    """Returns them by name."""
    sent_by_sentry = sentry.sentry_forms(attachments)
    own = {open_sentry.OPEN_SENTRY: open_sentry.open_sentry_form(), CRON: cron_form()}
    return {**own, **sent_by_sentry}


def checks() -> dict[str, Callable[[bytes, int], Checked]]:
    """Returns how one item, of so many bytes at most, is checked, by the name of its kind.

    An item of the log is what came with what its request said, as `SentItem`.
    """
    events = {kind.name: partial(_checked, kind) for kind in (ERROR, TRANSACTION, LOG, SESSION)}
    beside = {kind.name: partial(_checked, kind) for kind in (FEEDBACK, CHECK_IN, STREAMED_SPAN)}
    return {**events, **beside, ATTACHMENT.name: _checked_attachment}


def _checked_attachment(item: bytes, max_item_bytes: int) -> Checked:
    try:
        _, body = decode_attachment(item)
    except msgspec.DecodeError as error:
        return Checked(item, [Issue([], f"Expected a line of JSON, then the bytes: {error}")])
    if len(body) > max_item_bytes:
        return Checked(item, [Issue([], f"Expected at most {max_item_bytes} bytes")])
    return Checked(item, [])


def _checked(kind: Kind, item: bytes, max_item_bytes: int) -> Checked:
    try:
        sent = sent_decoder.decode(item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Checked(item, [Issue([], str(error))])
    if memoryview(sent.item).nbytes > max_item_bytes:
        return Checked(item, [Issue(["item"], f"Expected at most {max_item_bytes} bytes")])
    if kind is LOG and not is_record(sent.item):
        return Checked(item, [Issue(["item", "body"], "Expected `string`")])
    try:
        if sent.protocol == "open_sentry":
            open_sentry.check_item(bytes(sent.item), kind)
        elif kind is STREAMED_SPAN:
            check_span(bytes(sent.item))
        elif kind is SESSION:
            sessions.check_session(bytes(sent.item))
        else:
            sentry.check_item(bytes(sent.item))
    except Invalid as error:
        within = [Issue(["item", *one.path[1:]], one.message) for one in error.details or ()]
        return Checked(item, within or [Issue(["item"], error.message)])
    except ValueError as error:
        return Checked(item, [Issue(["item"], str(error))])
    return Checked(encode_sent(SentItem(sent.protocol, sent.head, sent.item)), [])
