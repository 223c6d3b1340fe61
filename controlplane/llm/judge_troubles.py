"""Judges that fail: for how long, and whether people were told. Each trouble is told once.

That it was told is kept in the transaction that puts the messages out, under a lock of the judge:
whoever looks again, after a crash or in another process, finds it.
"""

import uuid
from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.llm.judge_messages import State, Trouble, trouble_message
from controlplane.llm.judge_models import JudgeRow
from controlplane.models import Project
from controlplane.outbox import Outgoing, new_message_id, put_out
from controlplane.outbox_models import AlertChannel
from schemas.messages import Message
from schemas.projects import ProjectId

FAILED_CALLS = 20
"""So many calls in a row that failed are a trouble,"""
FAILING_US = 15 * 60 * 1_000_000
"""and so is a judge whose rounds have failed for so long."""


def note_round(row: JudgeRow, has_failed: bool | None, failed: int, now_us: int) -> None:
    """Note on a judge what came of a round; `None` says nothing of whether it works."""
    if has_failed is None:
        return
    if not has_failed:
        row.failed_calls, row.failing_us, row.failed_us = 0, None, None
        return
    row.failed_calls += failed
    row.failing_us = now_us if row.failing_us is None else row.failing_us
    row.failed_us = now_us


def begin_anew(row: JudgeRow) -> None:
    """Forget how a judge failed that somebody has changed; what people were told stays true."""
    if row.told_us is None:
        row.failed_calls, row.failing_us, row.failed_us = 0, None, None


async def tell_troubles(database: Database, now_us: int) -> list[Trouble]:
    """Tell the channels of projects which judges fail, and of which that is over, each once.

    Of a project without a channel nothing is told of a judge that fails. Returns what was told.
    """
    async with database.reading() as session:  # nearly always there is none: lock nothing
        found = list(await session.scalars(select(JudgeRow.id).where(_is_news())))
    told = []
    for judge_id in found:
        async with database.session() as session:
            trouble = await _tell(session, judge_id, now_us)
        if trouble is not None:
            told.append(trouble)
    return told


async def tell_removed(session: AsyncSession, row: JudgeRow, now_us: int) -> None:
    """Tell that it is over with a judge that is about to be removed, where people know it.

    The row is locked, so that nobody tells anything of it meanwhile.
    """
    if row.told_us is not None:
        await _put_out(session, row, "removed", now_us)


async def _tell(session: AsyncSession, judge_id: UUID, now_us: int) -> Trouble | None:
    query = select(JudgeRow).where(JudgeRow.id == judge_id, _is_news())
    row = await session.scalar(query.with_for_update(of=JudgeRow))
    if row is None:
        return None
    if row.told_us is None:
        trouble = await _put_out(session, row, "fails", now_us)
        row.told_us = now_us
        return trouble
    lives = await session.scalar(select(_lives(row.project_id)))
    trouble = await _put_out(session, row, _ending(row, bool(lives)), now_us)
    row.told_us = None
    begin_anew(row)
    return trouble


def _ending(row: JudgeRow, lives: bool) -> State:
    if not lives:
        return "removed"
    return "works" if row.enabled else "off"


def _is_news() -> ColumnElement[bool]:
    has_channel = select(AlertChannel.id).where(AlertChannel.project_id == JudgeRow.project_id)
    lives = _lives(JudgeRow.project_id)
    fails = and_(
        lives,
        JudgeRow.enabled,
        JudgeRow.told_us.is_(None),
        or_(
            JudgeRow.failed_calls >= FAILED_CALLS,
            JudgeRow.failed_us - JudgeRow.failing_us >= FAILING_US,
        ),
        has_channel.exists(),
    )
    ends = or_(JudgeRow.failing_us.is_(None), JudgeRow.enabled.is_(False), not_(lives))
    return or_(fails, and_(JudgeRow.told_us.is_not(None), ends))


def _lives(project_id: Any) -> ColumnElement[bool]:
    found = select(Project.id).where(Project.id == project_id, Project.deleted_at.is_(None))
    return found.exists()


async def _put_out(session: AsyncSession, row: JudgeRow, state: State, now_us: int) -> Trouble:
    since_us = row.failing_us if state == "fails" else row.told_us
    trouble = Trouble(
        ProjectId(str(row.project_id)),
        str(row.id),
        row.name,
        state,
        row.failed_calls,
        now_us if since_us is None else since_us,
        row.stopped or row.error,
    )
    of_project = AlertChannel.project_id == row.project_id
    channels = list(await session.scalars(select(AlertChannel.id).where(of_project)))
    await put_out(session, _messages(row, channels, trouble_message(trouble, now_us)), now_us)
    return trouble


def _messages(row: JudgeRow, channels: Collection[UUID], message: Message) -> list[Outgoing]:
    said = uuid.uuid4()
    return [
        Outgoing(
            id=new_message_id(),
            project_id=row.project_id,
            source="judges",
            key=f"judge/{said}/{channel_id}",
            message=message,
            channel_id=channel_id,
        )
        for channel_id in channels
    ]
