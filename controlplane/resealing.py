"""What was sealed with another secret, sealed with the installation's own: a change of the secret.

Each subject names its sealed columns beside its code, and `sluice` puts them together.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import UnsealError, Vault
from controlplane.database import Database
from controlplane.models import ApiKey, SecretCheck
from controlplane.outbox_models import AlertChannel, AlertOutbox
from controlplane.sealing import BOUND_TO
from controlplane.webhook_models import Webhook

AT_ONCE = 200
"""Rows in one transaction: on SQLite nobody else writes meanwhile."""


class SealedColumn(NamedTuple):
    """A column of sealed values, and what each opens with."""

    model: type[Any]
    name: str
    bound_to: Callable[[Any], str]
    """Of a row."""
    beside: Callable[[Vault, Any], None] | None = None
    """Changes what else of the row is made with the secret."""


class Resealed(NamedTuple):
    """What became of the sealed values of an installation."""

    changed: int
    unchanged: int
    unreadable: int
    """Neither the secret nor one of the others opens them; they stay as they are."""


SEALED = (
    SealedColumn(ApiKey, "sealed_key", lambda row: str(row.key_hash)),
    SealedColumn(AlertChannel, "sealed_config", lambda row: f"alert channel {row.id}"),
    SealedColumn(AlertOutbox, "sealed_target", lambda row: f"alert message {row.id}"),
    SealedColumn(Webhook, "sealed_secret", lambda row: f"webhook/{row.id}"),
    SealedColumn(SecretCheck, "sealed", lambda _: BOUND_TO),
)
"""Of what all systems share. The last one says that the rest is done."""


async def reseal(database: Database, vault: Vault, columns: Sequence[SealedColumn]) -> Resealed:
    """Seals all that is sealed with the vault's own secret. May be repeated, and run while others
    read and write: they need to know both secrets."""
    total = Resealed(0, 0, 0)
    for column in columns:
        keys = await _keys(database, column)
        for first in range(0, len(keys), AT_ONCE):
            async with database.session() as session:
                found = await _reseal(session, vault, column, keys[first : first + AT_ONCE])
            total = Resealed(*(a + b for a, b in zip(total, found, strict=True)))
    return total


async def _keys(database: Database, column: SealedColumn) -> list[tuple[Any, ...]]:
    primary = column.model.__table__.primary_key.columns
    async with database.reading() as session:
        return [tuple(row) for row in await session.execute(select(*primary))]


async def _reseal(
    session: AsyncSession, vault: Vault, column: SealedColumn, keys: Sequence[tuple[Any, ...]]
) -> Resealed:
    changed = unchanged = unreadable = 0
    primary = tuple_(*column.model.__table__.primary_key.columns)
    query = select(column.model).where(primary.in_(keys)).with_for_update()
    for row in await session.scalars(query):
        sealed = getattr(row, column.name)
        try:
            new = None if not sealed else vault.resealed(sealed, bound_to=column.bound_to(row))
        except UnsealError:
            unreadable += 1
            continue
        if new is None:
            unchanged += 1
            continue
        setattr(row, column.name, new)
        if column.beside is not None:
            column.beside(vault, row)
        changed += 1
    return Resealed(changed, unchanged, unreadable)
