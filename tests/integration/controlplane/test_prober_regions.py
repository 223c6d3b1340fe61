"""Leases of probers in a database that many ask at one time."""

import asyncio
from collections import Counter

import pytest

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import Conflict
from controlplane.models import Project
from controlplane.projects import insert_project
from controlplane.rules import as_uuid
from controlplane.uptime.prober_regions import MAX_PROBERS, projects_with_own, take_share
from schemas.projects import ProjectId
from schemas.uptime.probing import SHARDS, TargetsAsk


def ask(
    holder: str = "a-prober", *, holds: tuple[int, ...] = (), leaves: bool = False
) -> TargetsAsk:
    return TargetsAsk(region="eu", holder=holder, holds=list(holds), leaves=leaves)


@pytest.fixture
async def project_id(database: Database, vault: Vault) -> ProjectId:
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
        return ProjectId(str(project.id))


async def test_many_that_ask_at_once_never_have_a_shard_together(database: Database) -> None:
    held: dict[str, tuple[int, ...]] = {f"prober-{number}": () for number in range(8)}

    async def work(name: str) -> None:
        for _ in range(6):
            dealt = await take_share(database, None, ask(name, holds=held[name]))
            held[name] = tuple(dealt.shards)
            # Whoever is told less has stopped by the time that it asks again.
            counted = Counter(shard for shards in held.values() for shard in shards)
            assert max(counted.values(), default=1) == 1

    await asyncio.gather(*(work(name) for name in held))
    for _ in range(3):
        for name in held:
            dealt = await take_share(database, None, ask(name, holds=held[name]))
            held[name] = tuple(dealt.shards)

    assert sorted(map(len, held.values())) == [SHARDS // 8] * 8


async def test_the_installation_and_each_project_share_among_themselves(
    database: Database, project_id: ProjectId
) -> None:
    first = await take_share(database, None, ask())
    second = await take_share(database, project_id, ask("another-prober"))

    assert len(first.shards) == len(second.shards) == SHARDS


async def test_a_project_has_a_prober_of_its_own_until_it_leaves(
    database: Database, project_id: ProjectId
) -> None:
    await take_share(database, None, ask())
    assert await projects_with_own(database, "eu") == set()
    await take_share(database, project_id, ask("another-prober"))

    assert await projects_with_own(database, "eu") == {project_id}
    assert await projects_with_own(database, "us") == set()
    await take_share(database, project_id, ask("another-prober", leaves=True))
    assert await projects_with_own(database, "eu") == set()


async def test_a_region_has_only_so_many(database: Database) -> None:
    for number in range(MAX_PROBERS):
        await take_share(database, None, ask(f"prober-{number}"))

    with pytest.raises(Conflict, match=str(MAX_PROBERS)):
        await take_share(database, None, ask("one-too-many"))


async def test_the_leases_of_a_project_go_with_it(
    database: Database, project_id: ProjectId
) -> None:
    await take_share(database, project_id, ask())
    async with database.session() as session:
        await session.delete(await session.get_one(Project, as_uuid(project_id)))

    assert await projects_with_own(database, "eu") == set()
