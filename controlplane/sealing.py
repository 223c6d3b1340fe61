"""Whether a secret is the one that this installation was sealed with."""

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import UnsealError, Vault
from controlplane.database import Database
from controlplane.models import ApiKey, SecretCheck

_KNOWN_TEXT = "sluice secret check"
BOUND_TO = "secret_check"
# Of an installation older than the check: one that opens is enough, and the newest is likeliest to.
_MAX_TRIED_KEYS = 1_000


async def is_sealed(database: Database) -> bool:
    """Tell whether anything is stored that only a certain secret opens."""
    async with database.reading() as session:
        check = await _find_check(session)
        if check is not None:
            return check.sealed is not None
        return await session.scalar(select(ApiKey.id).limit(1)) is not None


async def confirm_secret(database: Database, vault: Vault) -> None:
    """Make sure of the installation's secret; the first one that comes is it from then on.

    Several processes may call this at once. Raises `UnsealError` for any other secret.
    """
    if not await opens(database, vault):
        _open(await _plant(database, vault), vault)


async def opens(database: Database, vault: Vault) -> bool:
    """Tell whether this is known to be the installation's secret; changes nothing.

    Not known is where nothing was started yet. Raises `UnsealError` for any other secret.
    """
    async with database.reading() as session:
        check = await _find_check(session)
        if check is None:
            await _refuse_foreign_keys(session, vault)
    if check is None or check.sealed is None:
        return False
    _open(check, vault)
    return True


def _open(check: SecretCheck, vault: Vault) -> None:
    assert check.sealed is not None
    vault.unseal(check.sealed, bound_to=BOUND_TO)


async def _find_check(session: AsyncSession) -> SecretCheck | None:
    return await session.scalar(select(SecretCheck))


async def _refuse_foreign_keys(session: AsyncSession, vault: Vault) -> None:
    newest_first = select(ApiKey).order_by(ApiKey.created_at.desc()).limit(_MAX_TRIED_KEYS)
    failure: UnsealError | None = None
    for key in await session.scalars(newest_first):
        try:
            vault.unseal(key.sealed_key, bound_to=key.key_hash)
        except UnsealError as error:
            failure = error
        else:
            return
    if failure is not None:
        raise failure


async def _plant(database: Database, vault: Vault) -> SecretCheck:
    """Keep this secret's check unless another process was first; return what is kept."""
    upsert = sqlite.insert if database.is_sqlite else postgresql.insert
    new = upsert(SecretCheck).values(singleton=1, sealed=vault.seal(_KNOWN_TEXT, bound_to=BOUND_TO))
    async with database.session() as session:
        await session.execute(
            new.on_conflict_do_update(
                index_elements=["singleton"],
                set_={"sealed": new.excluded.sealed},
                where=SecretCheck.sealed.is_(None),
            )
        )
        return (await session.scalars(select(SecretCheck))).one()
