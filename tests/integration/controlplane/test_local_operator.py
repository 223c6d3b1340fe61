import asyncio

import pytest

from controlplane.accounts import SignUp, sign_up
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.errors import BadRequest, InvalidCredentials, NotFound
from controlplane.handoffs import local_operator, operator_email
from controlplane.initial import Seed, ensure_initial
from controlplane.members import NewMember, add_member, list_members, remove_member
from controlplane.projects import create_project, delete_project, list_projects
from controlplane.sessions import sign_in
from schemas.projects import ProjectId, UserId


@pytest.fixture
async def ann(database: Database, vault: Vault) -> UserId:
    form = SignUp("Ann", "ann@example.com", "correct horse", "Shop")
    return (await sign_up(database, vault, form)).user_id


@pytest.fixture
async def shop(database: Database, ann: UserId) -> ProjectId:
    (project,) = await list_projects(database, ann)
    return project.project_id


async def test_a_deleted_project_has_none(database: Database, shop: ProjectId) -> None:
    await delete_project(database, shop)

    with pytest.raises(NotFound):
        await local_operator(database, shop)


async def test_nobody_else_can_take_its_name(
    database: Database, vault: Vault, shop: ProjectId
) -> None:
    await local_operator(database, shop)
    name = operator_email(shop)

    with pytest.raises(BadRequest):
        await sign_up(database, vault, SignUp("Eve", name, "correct horse", "Trap"))
    with pytest.raises(BadRequest):
        await add_member(database, shop, NewMember(name, "admin"))
    with pytest.raises(InvalidCredentials):
        await sign_in(database, name, "")


async def test_it_enters_the_project_of_the_key_and_no_other_of_its_admin(
    database: Database, vault: Vault, ann: UserId, shop: ProjectId
) -> None:
    other = await create_project(database, vault, ann, "Lab")

    of_shop = await local_operator(database, shop)
    of_lab = await local_operator(database, other.project_id)

    assert len({ann, of_shop, of_lab}) == 3
    assert [p.project_id for p in await list_projects(database, of_shop)] == [shop]
    assert [p.project_id for p in await list_projects(database, of_lab)] == [other.project_id]


async def test_a_project_without_people_is_entered_too(database: Database, vault: Vault) -> None:
    planted = await ensure_initial(database, vault, Seed())
    assert planted is not None

    first = await local_operator(database, planted.project_id)
    second = await local_operator(database, planted.project_id)

    (member,) = await list_members(database, planted.project_id)
    assert (member.user_id, member.role) == (first, "admin")
    assert first == second


async def test_sign_ins_at_once_make_one(url: str, database: Database, shop: ProjectId) -> None:
    processes = [Database(url) for _ in range(5)]
    for process in processes:
        await process.ping()  # so that no connection is made before the others ask

    found = await asyncio.gather(*(local_operator(process, shop) for process in processes))

    assert len(set(found)) == 1
    assert len(await list_members(database, shop)) == 2
    for process in processes:
        await process.close()


async def test_one_taken_out_of_the_project_comes_back_with_the_key(
    database: Database, shop: ProjectId
) -> None:
    operator = await local_operator(database, shop)
    await remove_member(database, shop, operator)

    assert await local_operator(database, shop) == operator
    assert [p.project_id for p in await list_projects(database, operator)] == [shop]
