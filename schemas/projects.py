"""Who is asking, and for which project: what authentication hands to every handler."""

from typing import Literal, NewType

from msgspec import Struct

ProjectId = NewType("ProjectId", str)
UserId = NewType("UserId", str)
KeyId = NewType("KeyId", str)

Role = Literal["admin", "user"]
TokenScope = Literal["read", "write", "admin"]
"""What an API token may do; each scope includes those before it."""
CostPreference = Literal["reported", "computed"]


class ProjectContext(Struct, frozen=True):
    """The one project that a request may touch, with the settings that shape its answers."""

    project_id: ProjectId
    cost_preference: CostPreference = "reported"
    """Which cost `costCents` means where a trace has both; the other stays readable beside it."""
    time_zone: str = "UTC"
    """The IANA name of the zone whose days, weeks and months an answer counts by."""
    key_id: KeyId | None = None
    """The API key that authenticated the request, `None` for a dashboard session."""
    rows_from_us: int | None = None
    """Before this moment sums count calls and agent spans whose rows retention has deleted."""
