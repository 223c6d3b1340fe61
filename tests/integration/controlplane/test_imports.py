"""Accounts of another server come in once, and what was decided here since then stays so."""

import uuid

import msgspec
import pytest

from controlplane.accounts import SignUp, sign_up
from controlplane.crypto import Vault, hash_token
from controlplane.database import Database
from controlplane.failures import Unauthorized
from controlplane.imports import (
    Accounts,
    ImportedKey,
    ImportedMember,
    ImportedPerson,
    ImportedProject,
    import_accounts,
)
from controlplane.keyring import KeyRing
from controlplane.keys import list_keys, revoke_key
from controlplane.members import list_members
from controlplane.projects import delete_project, forget_projects
from schemas.projects import ProjectId

SHOP = str(uuid.uuid4())
PLAIN = "pulse_sk_of_there"
ACCOUNTS = Accounts(
    projects=[ImportedProject(SHOP, "Shop", 1_000)],
    keys=[ImportedKey(SHOP, "Default Key", hash_token(PLAIN), 1_000, 2_000, PLAIN)],
    people=[ImportedPerson("p1", "Ann", "ann@example.com", None, 1_000)],
    members=[ImportedMember("p1", SHOP, "admin", 1_000)],
)


async def test_they_come_in_once_and_their_keys_work(database: Database, vault: Vault) -> None:
    for _ in range(2):
        await import_accounts(database, vault, ACCOUNTS, after_ms=0)

    (key,) = await list_keys(database, vault, ProjectId(SHOP))
    (member,) = await list_members(database, ProjectId(SHOP))
    assert key.plain == PLAIN
    assert (member.email, member.role) == ("ann@example.com", "admin")
    assert (await KeyRing(database).project_of_key(PLAIN)).project_id == SHOP


async def test_a_key_whose_text_is_not_known_works_and_is_not_listed(
    database: Database, vault: Vault
) -> None:
    (key,) = ACCOUNTS.keys
    for plain in (None, "another"):
        hidden = msgspec.structs.replace(key, plain=plain)
        accounts = msgspec.structs.replace(ACCOUNTS, keys=[hidden])
        await import_accounts(database, vault, accounts, after_ms=0)

    assert await list_keys(database, vault, ProjectId(SHOP)) == []
    assert (await KeyRing(database).project_of_key(PLAIN)).project_id == SHOP


async def test_what_was_revoked_or_removed_here_does_not_come_back(
    database: Database, vault: Vault
) -> None:
    await import_accounts(database, vault, ACCOUNTS, after_ms=0)
    (key,) = await list_keys(database, vault, ProjectId(SHOP))
    await revoke_key(database, ProjectId(SHOP), key.key_id)

    await import_accounts(database, vault, ACCOUNTS, after_ms=1_000)

    with pytest.raises(Unauthorized):
        await KeyRing(database).project_of_key(PLAIN)
    await delete_project(database, ProjectId(SHOP))
    await forget_projects(database, [ProjectId(SHOP)])
    notes = await import_accounts(database, vault, ACCOUNTS, after_ms=0)
    assert "it was deleted here" in notes[0]


async def test_an_account_here_of_the_same_email_gains_nothing(
    database: Database, vault: Vault
) -> None:
    form = SignUp("Eve", "ann@example.com", "correct horse", "Eve's")
    await sign_up(database, vault, form)

    (note,) = await import_accounts(database, vault, ACCOUNTS, after_ms=0)

    assert await list_members(database, ProjectId(SHOP)) == []
    assert "sluice user add ann@example.com --existing" in note
