"""The types of item that Sentry's SDKs put into an envelope, and what becomes of each.

To take one in: give it a kind in `KINDS`. What has none is counted as filtered, under its name in
`COUNTED_AS`. Source: https://develop.sentry.dev/sdk/data-model/envelope-items/.
"""

from collections.abc import Mapping

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

KINDS: Mapping[str, Kind] = {
    "event": ERROR,
    "transaction": TRANSACTION,
    "feedback": FEEDBACK,
    "user_report": FEEDBACK,
    "check_in": CHECK_IN,
    "attachment": ATTACHMENT,
}
"""What the log holds, an item each."""
SESSIONS = ("session", "sessions")
"""Updates of one session, and sums over many: each becomes one or several items of the log."""
CLIENT_REPORT = "client_report"
"""What an SDK says that it did not send: it goes to the ledger."""
SPANS = "span"
"""Spans that are streamed, many in an item: each becomes an item of its own."""
LOGS = "log"
"""Log records, many in an item: each becomes an item of its own."""
OTEL_LOG = "otel_log"
"""One log record, in the form of OTLP, as SDKs sent them before `log`."""
UNKNOWN = "sentry_unknown"

_NOT_KEPT = (
    *("otel_span", "trace_metric"),
    *("profile", "profile_chunk", "replay_event", "replay_recording", "replay_video"),
    *("raw_security", "security", "nel", "statsd", "metric_buckets", "form_data"),
)
COUNTED_AS: Mapping[str, str] = {
    **{name: kind.name for name, kind in KINDS.items()},
    LOGS: LOG.name,
    OTEL_LOG: LOG.name,
    **dict.fromkeys(SESSIONS, SESSION.name),
    # Not by its own name: `span` is another kind of ours.
    SPANS: STREAMED_SPAN.name,
    **{name: f"sentry_{name}" for name in (*_NOT_KEPT, CLIENT_REPORT)},
}
"""The words of the ledger; whatever else comes is `UNKNOWN`."""

CATEGORIES: Mapping[str, str] = {
    **COUNTED_AS,
    "error": ERROR.name,
    "default": ERROR.name,
    "security": COUNTED_AS["security"],
    "log_item": COUNTED_AS[LOGS],
    "monitor": CHECK_IN.name,
    "attachment_item": ATTACHMENT.name,
    "replay": COUNTED_AS["replay_event"],
    "internal": COUNTED_AS[CLIENT_REPORT],
}
"""The words of the ledger by data category, in which client reports count."""
SIZES = ("log_byte", "trace_metric_byte")
"""Categories in bytes, of items that have a category of their own."""
REASONS = frozenset(
    {
        *("queue_overflow", "cache_overflow", "buffer_overflow", "ratelimit_backoff"),
        *("network_error", "send_error", "internal_sdk_error", "backpressure"),
        *("sample_rate", "before_send", "event_processor", "insufficient_data"),
        *("ignored", "invalid", "no_parent_span", "missing_data"),
    }
)
"""Why an SDK sends something not; whatever else it says is `OTHER_REASON`."""
OTHER_REASON = "other"
