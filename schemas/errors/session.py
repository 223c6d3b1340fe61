"""Sessions of Sentry's SDKs: one run of an application, or one request, and how it ended."""

from typing import Literal, get_args

from msgspec import Struct

SessionStatus = Literal["ok", "exited", "errored", "unhandled", "abnormal", "crashed"]
STATUSES: tuple[SessionStatus, ...] = get_args(SessionStatus)
ENDED_BADLY: tuple[SessionStatus, ...] = ("unhandled", "abnormal", "crashed")
"""Each counts under its own name, and not as errored."""
COUNTED: tuple[SessionStatus, ...] = ("exited", "errored", "unhandled", "abnormal", "crashed")
"""What sums over many sessions tell of."""
MAX_RELEASE_CHARS = 250


class SessionRow(Struct, frozen=True, gc=False):
    """A row of table `session_updates`: an update of one session, or sums over many."""

    update_id: str
    session_id: str
    """32 hex digits; empty for sums."""
    seq: int
    started_us: int
    timestamp_us: int
    status: SessionStatus
    has_errors: bool
    duration_s: float | None
    release: str
    environment: str
    sdk: str
    person: int
    """Of whom it was: eight bytes that nobody can turn back; 0 where nobody is named."""
    exited: int = 0
    errored: int = 0
    unhandled: int = 0
    abnormal: int = 0
    crashed: int = 0
