"""Who may run code on the machines of this installation.

The operator's people are those who belong to the first project, which the installation was seeded
with: nobody comes into it but by the operator, or by an invitation of its admins.
"""

from typing import Literal

from sqlalchemy import select

from controlplane.database import Database
from controlplane.failures import Forbidden
from controlplane.models import Installation, Membership, Project
from controlplane.projects import as_role
from controlplane.rules import as_uuid
from schemas.projects import Role, UserId

DeployBy = Literal["anyone", "members", "admins"]
SETTING = "SLUICE_DEPLOY_BY"
WAY_OUT = {
    "members": "members of the first project: its admins invite, `sluice user add` adds one",
    "admins": "admins of the first project: `sluice user add EMAIL --admin --existing` adds one",
}


async def refuse_deploying(database: Database, by: DeployBy, user_id: UserId | None) -> None:
    """Raises `Forbidden` for an account that may run nothing here; `None` is nobody's."""
    if by == "anyone":
        return
    role = None if user_id is None else await _role_in_first(database, user_id)
    if role is None or (by == "admins" and role != "admin"):
        raise Forbidden(
            f"Forbidden: this installation runs code for the operator's people alone"
            f" ({SETTING}={by}): {WAY_OUT[by]}"
        )


async def _role_in_first(database: Database, user_id: UserId) -> Role | None:
    query = (
        select(Membership.role)
        .join(Installation, Installation.initial_project_id == Membership.project_id)
        .join(Project, Project.id == Membership.project_id)
        .where(Membership.user_id == as_uuid(user_id), Project.deleted_at.is_(None))
    )
    async with database.reading() as session:
        found = await session.scalar(query)
    return None if found is None else as_role(found)
