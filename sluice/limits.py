"""Limits of the packages below, from the settings."""

from ingest.body import BodyLimits
from ingest.edge import EdgeLimits
from ingest.errors.attachments import AttachmentLimits
from schemas.settings import Settings
from sluice.memory import available_bytes

ENGINE_SHARE = 0.4
"""Of the memory, for the embedded engine: inserts, merges, queries and caches."""
BODIES_PART = 16
"""Of the memory, for the bodies in hand, each of which takes some three times its bytes."""
MOST_BODIES_BYTES = 256 << 20


def edge_limits_of(settings: Settings) -> EdgeLimits:
    """Returns what the edge takes."""
    return EdgeLimits(
        requests_per_minute=settings.rate_limit,
        pace_from_lag_s=settings.pace_lag_ms / 1000,
        max_item_bytes=settings.max_item_bytes,
        body=BodyLimits(
            max_wire_bytes=settings.max_body_bytes,
            max_inflated_bytes=settings.max_inflated_bytes,
            max_total_bytes=_inflight_bytes(settings),
            grace_s=settings.request_timeout_s,
        ),
    )


def attachment_limits_of(settings: Settings) -> AttachmentLimits:
    """Returns what is taken of attachments."""
    # What is longer than an item may be, Kafka would not take.
    most = min(settings.max_attachment_bytes, settings.max_item_bytes)
    return AttachmentLimits(most, settings.max_envelope_attachment_bytes)


def engine_bytes_of(settings: Settings) -> int:
    """Returns what the embedded engine may use."""
    return int(_memory_bytes(settings) * ENGINE_SHARE)


def _inflight_bytes(settings: Settings) -> int:
    part = _memory_bytes(settings) // BODIES_PART
    derived = max(settings.max_inflated_bytes, min(MOST_BODIES_BYTES, part))
    return settings.max_inflight_bytes or derived


def _memory_bytes(settings: Settings) -> int:
    return settings.memory_bytes or available_bytes()
