import pytest

from controlplane.accounts import Account, SignUp, sign_up
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.departures import delete_account, sole_projects
from controlplane.failures import Conflict, InvalidCredentials
from controlplane.invitations import NewInvitation, invite, list_invitations
from controlplane.keys import list_keys
from controlplane.members import add_account, change_role, list_members
from controlplane.projects import list_deleted_projects, list_projects
from controlplane.sessions import find_session, sign_in
from schemas.projects import ProjectId

PASSWORD = "correct horse"


async def account(database: Database, vault: Vault, name: str) -> tuple[Account, ProjectId]:
    form = SignUp(name.title(), f"{name}@example.com", PASSWORD, f"{name}'s")
    made = await sign_up(database, vault, form)
    return made, (await list_projects(database, made.user_id))[0].project_id


async def test_a_wrong_password_deletes_nothing(database: Database, vault: Vault) -> None:
    ann, own = await account(database, vault, "ann")

    with pytest.raises(InvalidCredentials):
        await delete_account(database, ann, "battery staple")

    assert [one.project_id for one in await list_projects(database, ann.user_id)] == [own]


async def test_an_account_stays_while_others_would_lose_their_only_admin(
    database: Database, vault: Vault
) -> None:
    ann, own = await account(database, vault, "ann")
    bob, _ = await account(database, vault, "bob")
    await add_account(database, own, bob.email, "user")

    (sole,) = await sole_projects(database, ann.user_id)
    with pytest.raises(Conflict, match="ann's, and you are the only admin"):
        await delete_account(database, ann, PASSWORD)

    assert (sole.name, sole.others) == ("ann's", 1)
    assert await list_deleted_projects(database) == []
    await change_role(database, own, bob.user_id, "admin")
    assert await sole_projects(database, ann.user_id) == []
    assert await delete_account(database, ann, PASSWORD) == []
    assert [member.email for member in await list_members(database, own)] == [bob.email]


async def test_with_an_account_go_its_sessions_invitations_and_projects_of_its_own(
    database: Database, vault: Vault
) -> None:
    ann, own = await account(database, vault, "ann")
    bob, shared = await account(database, vault, "bob")
    await add_account(database, shared, ann.email, "admin")
    await invite(database, shared, NewInvitation("eve@example.com", "user", ann.user_id))
    opened = await sign_in(database, ann.email, PASSWORD)

    deleted = await delete_account(database, ann, PASSWORD)

    assert deleted == await list_deleted_projects(database) == [own]
    assert await list_keys(database, vault, own) == []
    assert await find_session(database, opened.token) is None
    assert await list_invitations(database, shared) == []
    assert [member.email for member in await list_members(database, shared)] == [bob.email]
    with pytest.raises(InvalidCredentials):
        await sign_in(database, ann.email, PASSWORD)
