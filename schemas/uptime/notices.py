"""What is told of an incident to one target."""

from typing import Literal, NamedTuple

from msgspec import Struct

from schemas.messages import DeliveryState
from schemas.uptime.incidents import Incident

NoticeKind = Literal["alert", "again", "reminder", "acknowledgement", "recovery", "warning"]
ALERTS: tuple[NoticeKind, ...] = ("alert", "again", "reminder")
RECOVERY_STEP = -1
ACKNOWLEDGEMENT_STEP = -2
STEPS_OF_A_ROUND = 100
"""The number of a step is its round times this, and its place in the policy from 1 on. Step 0 are
the notifications of the monitor itself."""


class Telling(NamedTuple):
    """That somebody is told of an incident."""

    kind: NoticeKind
    incident: Incident
    cause: str = ""
    """Why it is open: what the check saw, or what the person wrote who triggered it."""


class Warned(NamedTuple):
    """That somebody is told of something that is no incident."""

    type: str
    monitor_id: str | None
    monitor_name: str
    text: str
    at_us: int
    project_id: str
    event_id: str


class Notification(Struct, frozen=True, kw_only=True):
    """One message about an incident to one target, and what became of it."""

    message_id: str
    kind: NoticeKind
    step: int
    target: str
    state: DeliveryState
    attempts: int
    last_status: int | None
    last_error: str
    created_us: int
    delivered_us: int | None
