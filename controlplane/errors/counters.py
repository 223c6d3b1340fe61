"""The numbers of issues, and the lock of what belongs to which issue."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.errors.models import IssueCounter
from controlplane.many_rows import insert_new, parts, table_of


async def lock_counters(session: AsyncSession, project_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Returns the last numbers of projects.

    Until the transaction ends nobody else makes issues of these projects, merges or splits them.
    """
    ordered = sorted(project_ids)  # for all the same, or two wait for each other
    await insert_new(session, IssueCounter, [{"project_id": p, "last_number": 0} for p in ordered])
    found: dict[UUID, int] = {}
    for some in parts(ordered):
        query = (
            select(IssueCounter.project_id, IssueCounter.last_number)
            .where(IssueCounter.project_id.in_(some))
            .order_by(IssueCounter.project_id)
            .with_for_update()
        )
        found |= {row.project_id: row.last_number for row in (await session.execute(query)).all()}
    return found


async def set_counters(session: AsyncSession, last: Mapping[UUID, int]) -> None:
    """Writes the last numbers of projects that are locked."""
    table = table_of(IssueCounter)
    statement = (
        update(table)
        .where(table.c.project_id == bindparam("b_id", type_=table.c.project_id.type))
        .values(last_number=bindparam("b_last", type_=table.c.last_number.type))
    )
    connection = await session.connection()
    await connection.execute(
        statement, [{"b_id": project_id, "b_last": number} for project_id, number in last.items()]
    )
