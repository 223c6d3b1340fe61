"""The installation's own secret: from the settings, else made once and kept beside the data."""

import os
import secrets
from pathlib import Path

from schemas.settings import SettingsError
from sluice.paths import CONTROL_FILE

FILE_NAME = "secret.key"
MIN_CHARS = 32


def load_secret(configured: str, data_dir: Path) -> str:
    """Returns the secret, made here if this is a first start. Raises `SettingsError`.

    Where a control plane is beside it, a missing file was lost: a new secret would leave every
    sealed API key unreadable without a word, so none is made.
    """
    found = find_secret(configured, data_dir)
    if found is not None:
        return found
    path = data_dir / FILE_NAME
    if (data_dir / CONTROL_FILE).exists():
        raise SettingsError(
            f"{path} is missing, which sealed the API keys of {CONTROL_FILE}: restore it from a"
            " backup, or give SLUICE_SECRET"
        )
    return _make_secret(path)


def find_secret(configured: str, data_dir: Path) -> str | None:
    """Returns the secret, `None` where none was made yet. Raises `SettingsError` for a short one.

    Makes and changes nothing.
    """
    if configured:
        if len(configured) < MIN_CHARS:
            raise SettingsError(
                f"SLUICE_SECRET has {len(configured)} characters, at least {MIN_CHARS} are needed"
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
    try:
        # Exclusive and private from the first byte: no other user ever sees it, no race makes two.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path.read_text(encoding="utf-8").strip()
