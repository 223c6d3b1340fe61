"""The installation's own secret: from the settings, else made once and kept beside the data."""

import os
import secrets
from pathlib import Path

from schemas.settings import SettingsError

FILE_NAME = "secret.key"
MIN_CHARS = 32


def load_secret(configured: str, data_dir: Path) -> str:
    """Returns the secret. Raises `SettingsError` for one that is too short."""
    if configured:
        if len(configured) < MIN_CHARS:
            raise SettingsError(
                f"SLUICE_SECRET has {len(configured)} characters, at least {MIN_CHARS} are needed"
            )
        return configured
    path = data_dir / FILE_NAME
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
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
