"""What people say of an error or of the application, read: the old form, and the new one.

1. `feedback` is an event whose `contexts.feedback` holds what was said
   (https://develop.sentry.dev/application-architecture/feedback-architecture/).
2. `user_report`, the old form, is `{event_id, name, email, comments}`.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Raw
from msgspec.structs import replace

from processors.errors.events import read_error, repairing
from processors.errors.legible import legible
from processors.errors.parts import MAX_TEXT, decode_any, encode_any, lenient_text, text_of
from schemas.errors.event import ErrorEvent, event_encoder, json_of
from schemas.errors.rows import FeedbackRow
from schemas.errors.sent import SentItem


def read_feedback(sent: SentItem, item_id: str, received_at_us: int) -> FeedbackRow:
    """Reads one of either form. Raises `Unfit` for what is no JSON object."""
    given = repairing(decode_any, legible(bytes(sent.item)))
    is_report = isinstance(given, dict) and "comments" in given and "contexts" not in given
    if is_report:
        sent = replace(sent, item=Raw(encode_any(_as_event(given))))
    event = read_error(sent, item_id, received_at_us)
    return _row(event, "user_report" if is_report else "feedback")


def _as_event(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns an old report as an event. It has no time but that of its arrival."""
    said = {
        "message": report.get("comments"),
        "contact_email": report.get("email"),
        "name": report.get("name"),
        "associated_event_id": report.get("event_id"),
    }
    return {"level": "info", "contexts": {"feedback": said}}


def _row(event: ErrorEvent, source: str) -> FeedbackRow:
    contexts = json_of(event.contexts) or {}
    said = contexts.get("feedback")
    said = said if isinstance(said, dict) else {}
    email = text_of(said.get("contact_email"), "contact_email", [])
    return FeedbackRow(
        event.event_id,
        event.timestamp_us,
        lenient_text(said.get("message"), "message", [], MAX_TEXT) or event.message,
        text_of(said.get("name"), "name", []),
        email,
        text_of(said.get("url"), "url", [], 2_048),
        _id(said.get("associated_event_id")),
        _id(said.get("replay_id")),
        source,
        event.environment,
        event.release,
        event.platform,
        f"{event.sdk_name} {event.sdk_version}".strip(),
        event.user.key or email,
        event.trace_id,
        event.span_id,
        event.tags,
        event_encoder.encode(event),
    )


def _id(value: object) -> str:
    return text_of(value, "id", [], 64).replace("-", "").lower()
