"""The forms of request of the system `errors`, and how one item of the log is checked."""

from collections.abc import Callable
from functools import partial

import msgspec

from ingest.errors import open_sentry, sentry, sessions
from ingest.errors.log_items import is_record
from ingest.forms import Form
from ingest.rejections import Invalid
from schemas.errors.sent import SentItem, encode_sent, sent_decoder
from schemas.issues import Checked, Issue
from schemas.kinds import ERROR, LOG, SESSION, TRANSACTION, Kind


def forms() -> dict[str, Form]:
    """Returns them by name."""
    return {open_sentry.OPEN_SENTRY: open_sentry.open_sentry_form(), **sentry.sentry_forms()}


def checks() -> dict[str, Callable[[bytes, int], Checked]]:
    """Returns how one item, of so many bytes at most, is checked, by the name of its kind.

    An item of the log is what came with what its request said, as `SentItem`.
    """
    kept = (ERROR, TRANSACTION, LOG, SESSION)
    return {kind.name: partial(_checked, kind) for kind in kept}


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
