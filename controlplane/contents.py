"""What a control plane holds and which of it a secret opens, for an operator who asks."""

from datetime import date
from typing import NamedTuple

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.directory import all_projects
from controlplane.keys import list_keys
from controlplane.retention import known_day
from controlplane.sealing import is_sealed, opens


class Contents(NamedTuple):
    """What was found; nothing was changed."""

    projects: int
    keys: int
    """API keys that the secret opens; 0 without a secret."""
    is_sealed: bool
    """Whether anything is there that only a certain secret opens."""
    known_day: date | None
    """The last day of which retention was sure."""


async def contents_of(database: Database, vault: Vault | None) -> Contents:
    """Looks into tables that are up to date. Raises `UnsealError` for a secret not theirs."""
    projects = await all_projects(database)
    keys = 0
    if vault is not None:
        await opens(database, vault)
        for row in projects:
            keys += len(await list_keys(database, vault, row.project_id))
    sealed = bool(projects) or await is_sealed(database)
    return Contents(len(projects), keys, sealed, await known_day(database))
