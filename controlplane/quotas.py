"""How many projects, members and keys there may be: more would cost every other tenant."""

from msgspec import Struct

from controlplane.failures import Conflict


class Quotas(Struct, frozen=True):
    """What one person or project may have at most; the settings of the same names say how many."""

    max_projects_per_user: int
    max_members_per_project: int
    max_keys_per_project: int


def refuse_beyond(at_most: int | None, found: int, *, what: str, setting: str) -> None:
    """Raise `Conflict` when there are as many as there may be; `None` is no limit."""
    if at_most is not None and found >= at_most:
        raise Conflict(f"{what}: {at_most} is the most that SLUICE_{setting.upper()} allows")
