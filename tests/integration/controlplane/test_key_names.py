"""What keys are called, while they are there and when they are no more."""

import pytest

from controlplane import key_names
from controlplane.accounts import SignUp, sign_up
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.dsn import DsnDraft, create_dsn_key, revoke_dsn_key
from controlplane.key_names import key_named, list_key_names
from controlplane.keys import KeyDraft, create_key, rename_key, revoke_key
from controlplane.projects import list_projects
from schemas.projects import ProjectId


@pytest.fixture
async def project(database: Database, vault: Vault) -> ProjectId:
    ann = await sign_up(database, vault, SignUp("Ann", "ann@example.com", "correct horse", "One"))
    (made,) = await list_projects(database, ann.user_id)
    return made.project_id


async def make(database: Database, vault: Vault, project: ProjectId, name: str) -> str:
    return (await create_key(database, vault, project, KeyDraft(name))).key_id


async def test_a_revoked_key_keeps_its_last_name_and_two_of_a_name_have_different_ones(
    database: Database, vault: Vault, project: ProjectId
) -> None:
    first, second, third = [await make(database, vault, project, "one") for _ in range(3)]
    dsn = await create_dsn_key(database, project, DsnDraft("web"))
    await rename_key(database, project, first, "two")
    await rename_key(database, project, second, "gone")
    await revoke_key(database, project, second)
    other = await make(database, vault, project, "two")

    names = await list_key_names(database, project)

    assert names[second] == f"gone (revoked, {second})"
    assert (names[third], names[dsn.key_id]) == ("one", "DSN web")
    assert {names[first], names[other]} == {f"two ({one[:8]})" for one in (first, other)}
    assert (key_named(names, "one"), key_named(names, third.upper())) == (third, third)
    assert (key_named(names, "two"), key_named(names, "nobody")) == (None, None)
    await revoke_dsn_key(database, project, dsn.key_id)
    assert "revoked" in (await list_key_names(database, project))[dsn.key_id]


async def test_names_of_the_newest_revoked_keys_are_kept_of_each_project(
    database: Database, vault: Vault, project: ProjectId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_names, "MOST_FORMER", 2)
    bob = await sign_up(database, vault, SignUp("Bob", "bob@example.com", "correct horse", "Two"))
    other = (await list_projects(database, bob.user_id))[0].project_id
    before = await list_key_names(database, other)
    for number in range(4):
        made = await make(database, vault, project, f"key {number}")
        await revoke_key(database, project, made)

    names = await list_key_names(database, project)

    former = [name for name in names.values() if name.startswith("key")]
    assert sorted(name[:5] for name in former) == ["key 2", "key 3"]
    assert await list_key_names(database, other) == before
