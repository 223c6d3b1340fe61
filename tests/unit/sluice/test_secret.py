"""The installation's secret: made once, private, never too short, the same for every process."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.initial import Seed, ensure_initial
from controlplane.sealing import is_sealed
from schemas.settings import Settings, SettingsError
from sluice import secret
from sluice.secret import FILE_NAME, find_secret, open_vault

GIVEN = Settings(secret="x" * 32)
OTHER = Settings(secret="y" * 32)
NONE = Settings()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A control plane that no start has sealed yet, beside no data directory."""
    database = Database(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data directory that is not there yet."""
    return tmp_path / "data"


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def is_same(first: Vault, second: Vault) -> bool:
    return second.unseal(first.seal("a", bound_to="row"), bound_to="row") == "a"


async def old_installation(database: Database, vault: Vault) -> None:
    """Fills a control plane as it was before it kept a check of its secret."""
    await ensure_initial(database, vault, Seed())


async def give_up_the_secret(database: Database) -> None:
    """What docs/operations.md says under "A lost secret"."""
    async with database.session() as session:
        await session.execute(text("UPDATE secret_check SET sealed = NULL"))


async def test_a_secret_that_is_too_short_is_refused_without_showing_it(
    database: Database, folder: Path
) -> None:
    with pytest.raises(
        SettingsError, match="SLUICE_SECRET: expected at least 32 characters, not 6"
    ) as caught:
        await open_vault(Settings(secret="hunter"), folder, database)

    assert "hunter" not in str(caught.value)


async def test_a_kept_secret_that_was_cut_short_is_refused_without_showing_it(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / FILE_NAME).write_text("hunter\n")

    with pytest.raises(SettingsError, match="secret.key has 6 characters") as caught:
        await open_vault(NONE, tmp_path, database)

    assert "hunter" not in str(caught.value)


async def test_a_lost_secret_is_not_made_anew(database: Database, folder: Path) -> None:
    await open_vault(NONE, folder, database)
    (folder / FILE_NAME).unlink()

    with pytest.raises(SettingsError, match=r"secret.key is missing.*from a backup"):
        await open_vault(NONE, folder, database)

    assert names_in(folder) == []


async def test_a_lost_secret_is_not_made_anew_for_keys_that_are_older_than_the_check(
    database: Database, folder: Path
) -> None:
    await old_installation(database, Vault("x" * 32))

    with pytest.raises(SettingsError, match="secret.key is missing"):
        await open_vault(NONE, folder, database)

    assert names_in(folder) == []


async def test_another_secret_is_refused_and_no_secret_is_shown(
    database: Database, folder: Path
) -> None:
    await open_vault(GIVEN, folder, database)

    with pytest.raises(SettingsError, match="SLUICE_SECRET is not the secret") as caught:
        await open_vault(OTHER, folder, database)

    assert "yyyy" not in str(caught.value)


async def test_another_secret_is_refused_for_keys_that_are_older_than_the_check(
    database: Database, folder: Path
) -> None:
    await old_installation(database, Vault("x" * 32))

    with pytest.raises(SettingsError, match="is not the secret"):
        await open_vault(OTHER, folder, database)

    await open_vault(GIVEN, folder, database)


async def test_of_processes_with_different_secrets_that_start_at_once_one_is_left(
    database: Database, tmp_path: Path
) -> None:
    folders = [tmp_path / str(number) for number in range(4)]

    found = await asyncio.gather(
        *(open_vault(NONE, folder, database) for folder in folders), return_exceptions=True
    )

    assert sum(isinstance(vault, Vault) for vault in found) == 1
    assert sum(isinstance(failure, SettingsError) for failure in found) == 3


async def test_a_secret_that_was_given_up_is_replaced_by_the_next_start_and_no_other(
    database: Database, folder: Path
) -> None:
    await open_vault(NONE, folder, database)
    await old_installation(database, Vault("x" * 32))
    (folder / FILE_NAME).unlink()
    await give_up_the_secret(database)

    made = await open_vault(NONE, folder, database)

    assert is_same(made, await open_vault(NONE, folder, database))
    with pytest.raises(SettingsError):
        await open_vault(GIVEN, folder, database)


def test_finding_a_secret_makes_none(tmp_path: Path) -> None:
    assert find_secret("", tmp_path / "new") is None
    assert list(tmp_path.iterdir()) == []


async def test_a_configured_secret_is_taken_as_it_is_and_kept_nowhere(
    database: Database, folder: Path
) -> None:
    first = await open_vault(GIVEN, folder, database)

    assert is_same(first, await open_vault(GIVEN, folder, database))
    assert is_same(first, Vault("x" * 32))
    assert names_in(folder) == []


async def test_the_first_start_makes_a_secret_that_only_its_owner_may_read(
    database: Database, folder: Path
) -> None:
    await open_vault(NONE, folder, database)

    assert names_in(folder) == [FILE_NAME]
    assert mode_of(folder / FILE_NAME) == 0o600
    assert mode_of(folder) == 0o700


async def test_a_new_secret_has_no_name_before_it_is_whole_and_on_disk(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = []
    really = os.fsync

    def sync(descriptor: int) -> None:
        really(descriptor)
        named.append((folder / FILE_NAME).exists())

    monkeypatch.setattr(os, "fsync", sync)
    await open_vault(NONE, folder, database)

    assert named == [False, True]  # the file, then its folder


async def test_processes_that_share_a_folder_and_start_at_once_make_one_secret(
    database: Database, folder: Path
) -> None:
    found = await asyncio.gather(*(open_vault(NONE, folder, database) for _ in range(8)))

    assert all(is_same(found[0], vault) for vault in found)
    assert len(find_secret("", folder) or "") >= 32


async def test_a_secret_that_another_process_makes_while_this_one_looks_is_taken(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = []

    async def sealed_meanwhile(asked: Database) -> bool:
        monkeypatch.undo()
        others.append(await open_vault(NONE, folder, asked))
        return await is_sealed(asked)

    monkeypatch.setattr(secret, "is_sealed", sealed_meanwhile)
    found = await open_vault(NONE, folder, database)

    assert is_same(found, others[0])
