"""The row of a score, as the pure steps make it: without what every table has."""

from msgspec import Struct


class ScoreRow(Struct, gc=False):
    """One time that a score was sent. Times are microseconds since 1970 UTC."""

    item_id: str
    score_id: str
    timestamp_us: int
    version_us: int
    deleted: bool
    name: str
    data_type: str
    value: float | None
    text: str
    source: str
    author: str
    environment: str
    trace_id: str
    span_id: str
    session_id: str
    user_id: str
    comment: str
    metadata: bytes
