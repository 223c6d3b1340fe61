"""What nobody took of an incident is sent again when a person asks for it; on both databases."""

import pytest
from sqlalchemy import update

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import NotFound
from controlplane.outbox_models import AlertOutbox
from controlplane.projects import insert_project
from controlplane.uptime.tried import tell_again
from schemas.projects import ProjectId
from tests.integration.uptime.paged import A, B, World


async def new_world(database: Database, vault: Vault) -> World:
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
        return World(database, vault, ProjectId(str(project.id)))


@pytest.fixture
async def world(database: Database, vault: Vault) -> World:
    return await new_world(database, vault)


async def become(world: World, state: str) -> None:
    """Has all messages be in a state, after attempts."""
    async with world.database.session() as session:
        await session.execute(update(AlertOutbox).values(state=state, attempts=6))


async def states(world: World) -> list[tuple[str, int]]:
    return [(row.state, row.attempts) for row in await world.messages()]


@pytest.mark.parametrize("state", ["dead", "failed"])
async def test_alerts_that_nobody_took_are_tried_from_the_beginning(
    world: World, state: str
) -> None:
    await world.see(await world.monitor(notifications=[A, B]), "fail")
    await world.page()
    await become(world, state)
    incident = await world.incident()

    assert await tell_again(world.database, world.project_id, incident.id) == 2
    assert await states(world) == [("pending", 0), ("pending", 0)]
    assert await tell_again(world.database, world.project_id, incident.id) == 0


async def test_what_was_delivered_is_not_sent_again(world: World) -> None:
    await world.see(await world.monitor(), "fail")
    await world.page()
    await become(world, "delivered")
    incident = await world.incident()

    assert await tell_again(world.database, world.project_id, incident.id) == 0
    assert await states(world) == [("delivered", 6)]


async def test_of_an_incident_that_is_over_the_end_alone_is_told(world: World) -> None:
    monitor = await world.monitor()
    await world.see(monitor, "fail")
    await world.page()
    await world.see(monitor, "ok")
    await world.page()
    await become(world, "dead")
    incident = await world.incident()

    assert await tell_again(world.database, world.project_id, incident.id) == 1
    assert await states(world) == [("dead", 6), ("pending", 0)]


async def test_another_projects_incident_is_not_found(
    world: World, database: Database, vault: Vault
) -> None:
    await world.see(await world.monitor(), "fail")
    await world.page()
    await become(world, "dead")
    incident, other = await world.incident(), await new_world(database, vault)

    for incident_id in (incident.id, "none", "\0"):
        with pytest.raises(NotFound):
            await tell_again(database, other.project_id, incident_id)
    assert await states(world) == [("dead", 6)]
