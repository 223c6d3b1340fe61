"""The installation's own secret: from the settings, else made once and kept beside the data.

Every process of an installation has the same one: what is kept in the control plane tells.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from controlplane.crypto import UnsealError, Vault
from controlplane.database import Database
from controlplane.sealing import confirm_secret, is_sealed
from schemas.settings import Settings, SettingsError

FILE_NAME = "secret.key"
MIN_CHARS = 32


async def open_vault(settings: Settings, data_dir: Path, database: Database) -> Vault:
    """Returns the vault of an installation whose tables are up to date. Raises `SettingsError`.

    A first start makes the secret. Where the control plane was sealed before, a missing file was
    lost and another secret is a mistake: either would leave every sealed API key unreadable, and
    the cookies of one process unknown to the next, so nothing is made and nothing is opened.
    """
    path = data_dir / FILE_NAME
    secret = find_secret(settings.secret, data_dir)
    if secret is None and await is_sealed(database):
        # Another process may have made it since then, and sealed with it: it starts just now too.
        secret = find_secret(settings.secret, data_dir)
        if secret is None:
            raise SettingsError(
                f"{path} is missing. The API keys are sealed with it: restore it from a backup, or"
                " set SLUICE_SECRET to what it held"
            )
    if secret is None:
        secret = _make_secret(path)
    vault = Vault(secret, other_secrets(settings))
    try:
        await confirm_secret(database, vault)
    except UnsealError as error:
        source = "SLUICE_SECRET" if settings.secret else str(path)
        raise SettingsError(
            f"{source} is not the secret that sealed this control plane: give every process the"
            " SLUICE_SECRET of the first one (or its secret.key), or restore it from a backup"
        ) from error
    return vault


def other_secrets(settings: Settings) -> list[str]:
    """Returns the secrets that also open what they sealed. Raises `SettingsError`."""
    found = [one.strip() for one in settings.other_secrets.split(",") if one.strip()]
    if any(len(one) < MIN_CHARS for one in found):
        raise SettingsError(
            f"SLUICE_OTHER_SECRETS: expected at least {MIN_CHARS} characters for each"
        )
    return found


def find_secret(configured: str, data_dir: Path) -> str | None:
    """Returns the secret, `None` where none was made yet. Raises `SettingsError` for a short one.

    Makes and changes nothing.
    """
    if configured:
        if len(configured) < MIN_CHARS:
            raise SettingsError(
                f"SLUICE_SECRET: expected at least {MIN_CHARS} characters, not {len(configured)}"
            )
        return configured
    path = data_dir / FILE_NAME
    try:
        kept = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    if len(kept) < MIN_CHARS:
        raise SettingsError(
            f"{path} has {len(kept)} characters, at least {MIN_CHARS} are needed: restore it from a"
            " backup"
        )
    return kept


def _make_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Private from the first byte, and named when it is whole: no other user ever sees it, no race
    # makes two, and a process that starts at the same moment never reads half of it.
    with NamedTemporaryFile("w", dir=path.parent, prefix=".secret-", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
    _sync_folder(path.parent)
    return path.read_text(encoding="utf-8").strip()


def _sync_folder(folder: Path) -> None:
    # The control plane, which may be on another machine, is about to be sealed with it for good.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
