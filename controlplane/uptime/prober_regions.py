"""Leases of probers on the monitors of a region, as the control plane keeps them.

One row for each region of a project, and one for each of the installation. Who asks locks it.
"""

import time
from collections.abc import Set as AbstractSet

import msgspec
from sqlalchemy import Text, cast, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import Conflict
from controlplane.rules import as_uuid
from controlplane.uptime.models import ProberRegion
from controlplane.uptime.sharing import Dealt, Shares, deal, last_end_us
from schemas.projects import ProjectId
from schemas.uptime.probing import TargetsAsk

MAX_REGIONS = 100
"""Regions of one project with probers of its own, of the last day."""
MAX_PROBERS = 64
"""Probers of one region that are alive."""
FORGOTTEN_AFTER_US = 86_400_000_000

read_shares = msgspec.msgpack.Decoder(Shares).decode


async def take_share(database: Database, project_id: ProjectId | None, ask: TargetsAsk) -> Dealt:
    """Gives a prober its share of a region for a while: of a project, or of all of them.

    Time is the database's, so it is one for all processes. Raises `Conflict` where there are too
    many probers or regions.
    """
    row_id = f"{project_id or ''}/{ask.region}"
    async with database.session() as session:
        now_us = await _now_us(session, database)
        row = await _locked(session, row_id)
        if row is None:
            await _make_place(session, project_id, now_us)
            await _insert(session, row_id, project_id, ask.region)
            row = await _locked(session, row_id)
        assert row is not None, "it was inserted, and a project's deletion would have failed us"
        shares, dealt = deal(read_shares(row.shares), ask, now_us)
        if len(shares.members) > MAX_PROBERS:
            raise Conflict(f"A region has at most {MAX_PROBERS} probers: {ask.region} has as many")
        row.shares = msgspec.msgpack.encode(shares)
        row.until_us = last_end_us(shares)
    return dealt


async def projects_with_own(database: Database, region: str) -> AbstractSet[ProjectId]:
    """Returns the projects whose own probers look at a region now."""
    of = ProberRegion
    async with database.reading() as session:
        now_us = await _now_us(session, database)
        query = select(of.project_id).where(
            cast(of.region, Text) == region, of.until_us > now_us, of.project_id.is_not(None)
        )
        return {ProjectId(str(found)) for found in await session.scalars(query)}


async def _now_us(session: AsyncSession, database: Database) -> int:
    if database.is_sqlite:
        return time.time_ns() // 1000
    # Not `now()`: that is when the transaction began, before it waited for the row.
    seconds = await session.scalar(select(func.extract("epoch", func.clock_timestamp())))
    return int((seconds or 0) * 1_000_000)


async def _locked(session: AsyncSession, row_id: str) -> ProberRegion | None:
    return await session.get(ProberRegion, row_id, with_for_update=True, populate_existing=True)


async def _make_place(session: AsyncSession, project_id: ProjectId | None, now_us: int) -> None:
    """Forgets regions without probers. Raises `Conflict`: a key may name any number of them."""
    if project_id is None:
        return
    of = ProberRegion
    own = of.project_id == as_uuid(project_id)
    gone = of.until_us < now_us - FORGOTTEN_AFTER_US
    await session.execute(delete(of).where(own, gone))
    if (await session.scalar(select(func.count()).where(own)) or 0) >= MAX_REGIONS:
        raise Conflict(f"A project has probers in at most {MAX_REGIONS} regions")


async def _insert(
    session: AsyncSession, row_id: str, project_id: ProjectId | None, region: str
) -> None:
    """Makes the row, unless another process has done so meanwhile."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    new = (sqlite.insert if on_sqlite else postgresql.insert)(ProberRegion).values(
        id=row_id,
        project_id=None if project_id is None else as_uuid(project_id),
        region=region,
        until_us=0,
        shares=msgspec.msgpack.encode(Shares()),
    )
    await session.execute(new.on_conflict_do_nothing())
