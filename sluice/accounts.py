"""The control plane as a part of a process: its database, its secret, and keys with their use."""

from functools import partial
from typing import Any

import structlog

from api.local_peers import LocalPeers
from api.rates import Rates
from controlplane.api_tokens import ApiTokens
from controlplane.attempts import AttemptLimits, AttemptRates
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.dsn_keys import DsnKeys
from controlplane.failures import ControlPlaneError
from controlplane.handoffs import Handoffs
from controlplane.keyring import KeyRing
from controlplane.quotas import Quotas
from controlplane.uptime.subscribers import forget_follower
from schemas.retention import window_days
from schemas.settings import Settings
from sluice.origins import allowed_origins
from sluice.parts import Parts
from sluice.patience import Wait
from sluice.process import Process
from sluice.secret import open_vault
from sluice.upkeep import REFRESH_EVERY_S

KEY_USE_EVERY_S = 5.0

log = structlog.get_logger(__name__)


async def add_database(process: Process, database: Database, wait: Wait) -> None:
    """Brings the tables of the control plane up to date; without it the process is not ready."""
    process.stack.push_async_callback(database.close)
    await wait(database.migrate, "the control plane's database")
    process.ready["control_plane"] = database.ping


async def add_accounts(process: Process, database: Database) -> Vault:
    """Adds what the routes need that know users and keys, over tables that are up to date."""
    vault = await open_vault(process.settings, process.paths.data_dir, database)
    process.state |= _state(process.settings, database, vault)
    for name, keys in (
        ("keyring", KeyRing(database)),
        ("dsn_keys", DsnKeys(database)),
        ("api_tokens", ApiTokens(database)),
    ):
        process.state[name] = keys
        _add_last_uses(process, keys)
    return vault


def _add_last_uses(process: Process, keys: KeyRing | DsnKeys | ApiTokens) -> None:
    """Has the last uses of keys written every few seconds and at the stop."""
    process.upkeep.append((KEY_USE_EVERY_S, keys.flush_last_used))

    async def flush() -> None:
        try:
            await keys.flush_last_used()
        except ControlPlaneError as error:
            # Not worth waiting for: the next use of a key writes it again.
            log.warning("last use of keys not written", reason=error.message)

    process.stack.push_async_callback(flush)


async def keep_fresh(process: Process, systems: Parts) -> None:
    """Reads what the systems go by from the control plane, now and again and again."""
    for work in systems.refresh:
        await work()
        process.upkeep.append((REFRESH_EVERY_S, work))


def _state(settings: Settings, database: Database, vault: Vault) -> dict[str, Any]:
    return {
        "database": database,
        "vault": vault,
        "attempts": AttemptLimits(AttemptRates(signups_per_address=settings.signups_per_hour)),
        "handoffs": Handoffs(),
        "quotas": Quotas(
            max_projects_per_user=settings.max_projects_per_user,
            max_members_per_project=settings.max_members_per_project,
            max_keys_per_project=settings.max_keys_per_project,
        ),
        "forget_address": partial(forget_follower, database, vault),
        "monitor_rates": Rates(settings.monitor_requests_per_minute),
        "local_peers": LocalPeers(settings.host),
        "allowed_origins": allowed_origins(settings),
        "signup_enabled": settings.signup_enabled,
        "shows_parts": settings.log_level == "debug",
        "retention_days": settings.retention_days,
        "retention_sums_days": settings.retention_sums_days,
        "retention_window_days": window_days(settings.dedup_window_hours),
    }
