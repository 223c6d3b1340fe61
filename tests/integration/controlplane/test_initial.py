import asyncio

import pytest
from msgspec.structs import replace

from controlplane.accounts import SignUp, sign_up
from controlplane.api_tokens import ApiTokens, project_for
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.dsn import list_dsn_keys, revoke_dsn_key
from controlplane.dsn_keys import DsnKeys
from controlplane.failures import BadSeed
from controlplane.initial import Seed, ensure_initial
from controlplane.keys import list_keys, revoke_key
from controlplane.members import list_members
from controlplane.projects import delete_project, forget_projects, list_deleted_projects
from controlplane.sessions import sign_in
from controlplane.tokens import all_tokens

DSN_KEY = "0123456789abcdef" * 2
TOKEN = "osco_sixteen_and_more"
FULL = Seed(
    "Shop",
    "pulse_sk_given",
    user_email=" Root@Example.com",
    user_password="correct horse",
    dsn_key=DSN_KEY,
    api_token=TOKEN,
)


@pytest.mark.parametrize(
    "seed",
    [
        Seed(user_email="root@example.com"),
        Seed(user_password="correct horse"),
        Seed(user_email="root@example.com", user_password="short"),
        Seed(user_email="root", user_password="correct horse"),
        Seed(api_key="pulse_sk_two words"),
        Seed(api_key="foo"),
        Seed(api_key="pulse_sk_"),
        Seed(dsn_key="0123"),
        Seed(dsn_key=DSN_KEY.upper()),
        Seed(api_token="osco_too_short"),
        Seed(api_token="oscp_sixteen_and_more"),
        Seed(api_token="osco_sixteen and more"),
        Seed(api_token="osco_" + "x" * 200),
    ],
)
async def test_a_seed_that_breaks_a_rule_plants_nothing(
    database: Database, vault: Vault, seed: Seed
) -> None:
    with pytest.raises(BadSeed, match="SLUICE_INIT_"):
        await ensure_initial(database, vault, seed)

    planted = await ensure_initial(database, vault, Seed())
    assert planted is not None


async def test_an_installation_with_users_is_left_alone(database: Database, vault: Vault) -> None:
    await sign_up(database, vault, SignUp("Ann", "ann@example.com", "correct horse", "One"))

    assert await ensure_initial(database, vault, FULL) is None


async def test_without_settings_there_is_a_default_project_with_a_key(
    database: Database, vault: Vault
) -> None:
    planted = await ensure_initial(database, vault, Seed())

    assert planted is not None
    (key,) = await list_keys(database, vault, planted.project_id)
    assert (planted.project_name, key.name, key.plain) == (
        "Default",
        "Default Key",
        planted.plain_key,
    )
    assert await list_members(database, planted.project_id) == []


async def test_the_settings_give_the_project_its_name_key_and_admin(
    database: Database, vault: Vault
) -> None:
    planted = await ensure_initial(database, vault, FULL)

    assert planted is not None
    assert (planted.project_name, planted.plain_key) == ("Shop", "pulse_sk_given")
    assert (planted.number, planted.dsn_key) == (1, DSN_KEY)
    (admin,) = await list_members(database, planted.project_id)
    assert (admin.email, admin.role) == ("root@example.com", "admin")
    assert (await sign_in(database, "root@example.com", "correct horse")).account.name == "root"


async def test_the_settings_give_the_project_its_dsn_key(database: Database, vault: Vault) -> None:
    planted = await ensure_initial(database, vault, FULL)

    assert planted is not None
    found = await DsnKeys(database).project_of(DSN_KEY)
    assert found is not None
    assert (found.context.project_id, found.number) == (planted.project_id, 1)


async def test_the_settings_give_a_token_that_may_do_everything(
    database: Database, vault: Vault
) -> None:
    planted = await ensure_initial(database, vault, FULL)

    assert planted is not None
    holder = await ApiTokens(database).holder_of(f"Bearer {TOKEN}")
    found = await project_for(database, holder, planted.project_id, needs="admin")
    assert found.access.role == "admin"


async def test_without_settings_there_is_no_token(database: Database, vault: Vault) -> None:
    await ensure_initial(database, vault, Seed(api_token=""))

    assert await all_tokens(database) == []


async def test_a_dsn_key_that_was_revoked_does_not_come_back(
    database: Database, vault: Vault
) -> None:
    planted = await ensure_initial(database, vault, FULL)
    assert planted is not None
    (key,) = await list_dsn_keys(database, planted.project_id)

    await revoke_dsn_key(database, planted.project_id, key.key_id)

    again = await ensure_initial(database, vault, FULL)
    assert again is not None
    assert again.dsn_key is None


async def test_a_later_start_reveals_the_same_whatever_the_settings_say(
    url: str, vault: Vault
) -> None:
    found = []
    for seed in (FULL, FULL, Seed("Other", "pulse_sk_other")):
        database = Database(url)
        await database.migrate()
        found.append(await ensure_initial(database, vault, seed))
        await database.close()

    first = found[0]
    assert first is not None
    assert first.is_new
    assert found[1:] == [replace(first, is_new=False)] * 2


@pytest.mark.parametrize(
    "seed",
    [
        Seed("Shop", "pulse_sk_given", user_email="root@example.com"),
        Seed(user_password="correct horse"),
        Seed(user_email="root", user_password="x"),
    ],
    ids=["password taken away", "email taken away", "broken"],
)
async def test_a_later_start_reads_no_user_from_the_settings(
    database: Database, vault: Vault, seed: Seed
) -> None:
    planted = await ensure_initial(database, vault, FULL)

    assert planted is not None
    assert await ensure_initial(database, vault, seed) == replace(planted, is_new=False)


async def test_a_later_start_hashes_no_password(
    database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ensure_initial(database, vault, FULL)

    async def refuse(password: str) -> str:
        raise AssertionError("a password was hashed")

    monkeypatch.setattr("controlplane.initial.hash_password", refuse)
    assert await ensure_initial(database, vault, FULL) is not None


async def test_somebody_who_signs_up_meanwhile_is_left_alone(
    database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hash_slowly(password: str) -> str:
        await sign_up(database, vault, SignUp("Ann", "ann@example.com", "correct horse", "One"))
        return "a hash"

    monkeypatch.setattr("controlplane.initial.hash_password", hash_slowly)

    assert await ensure_initial(database, vault, FULL) is None


async def test_a_revoked_key_and_a_deleted_project_do_not_come_back(
    database: Database, vault: Vault
) -> None:
    planted = await ensure_initial(database, vault, FULL)
    assert planted is not None
    (key,) = await list_keys(database, vault, planted.project_id)

    await revoke_key(database, planted.project_id, key.key_id)
    after_revoking = await ensure_initial(database, vault, FULL)
    assert after_revoking is not None
    assert after_revoking.plain_key is None

    await delete_project(database, planted.project_id)
    assert await ensure_initial(database, vault, FULL) is None
    await forget_projects(database, [planted.project_id])
    assert await list_deleted_projects(database) == []
    assert await ensure_initial(database, vault, FULL) is None


async def test_processes_that_start_at_once_plant_once(url: str, vault: Vault) -> None:
    processes = [Database(url) for _ in range(3)]
    await processes[0].migrate()

    found = await asyncio.gather(*(ensure_initial(p, vault, FULL) for p in processes))

    made = [one for one in found if one is not None and one.is_new]
    assert len(made) == 1
    assert [one and replace(one, is_new=True) for one in found] == made * 3
    for process in processes:
        await process.close()
