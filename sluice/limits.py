"""Limits of the rooms below, from the settings."""

from ingest.body import BodyLimits
from ingest.edge import EdgeLimits
from schemas.settings import Settings


def edge_limits_of(settings: Settings) -> EdgeLimits:
    """Returns what the edge takes."""
    return EdgeLimits(
        requests_per_minute=settings.rate_limit,
        pace_from_lag_s=settings.pace_lag_ms / 1000,
        max_item_bytes=settings.max_item_bytes,
        body=BodyLimits(
            max_wire_bytes=settings.max_body_bytes,
            max_inflated_bytes=settings.max_inflated_bytes,
            max_total_bytes=settings.max_inflight_bytes,
            grace_s=settings.request_timeout_s,
        ),
    )
