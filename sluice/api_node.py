"""`sluice api`: queries, accounts and everything else that people ask. Any number of them."""

import asyncio
from collections.abc import Awaitable, Mapping

import structlog

from clickhouse.client import Warehouse
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.errors import ControlPlaneError
from controlplane.initial import ensure_initial
from controlplane.keyring import KeyRing
from schemas.settings import Settings
from sluice.cluster import migrate_control_plane, open_warehouse, server_paths
from sluice.ending import ends_within
from sluice.parts import Parts, Resources
from sluice.paths import paths_of
from sluice.secret import open_vault
from sluice.seed import seed_of
from sluice.systems import open_systems

CLOSE_TIMEOUT_S = 1.0

log = structlog.get_logger(__name__)


class ApiNode:
    """The process that answers queries. Open it once; stop it once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.paths = server_paths(paths_of(settings))
        self.database = Database(self.paths.database_url)
        self.keyring = KeyRing(self.database)
        self.warehouse: Warehouse
        self.vault: Vault
        self.parts: Parts

    async def start(self) -> None:
        """Opens the control plane and the store."""
        settings, paths = self.settings, self.paths
        await migrate_control_plane(self.database)
        self.vault = await open_vault(settings, paths.data_dir, self.database)
        await ensure_initial(self.database, self.vault, seed_of(settings))
        self.warehouse = await open_warehouse(paths.warehouse_url, readers=settings.query_threads)
        resources = Resources(paths.cache, self.database)
        self.parts = await asyncio.to_thread(open_systems, resources)

    async def stop(self, timeout_s: float) -> bool:
        """Closes; `False` when the store does not let go of a query."""
        try:
            await self.keyring.flush_last_used()
        except ControlPlaneError as error:
            log.warning("last use of keys not written", reason=error.message)
        await self.database.close()
        closing = asyncio.to_thread(self.warehouse.close)
        return await ends_within(closing, min(timeout_s, CLOSE_TIMEOUT_S))

    async def wait_broken(self) -> str:
        """Never returns: what is away comes back."""
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await never


class ApiProbes:
    """What `/ready` and `/metrics` ask of an api process."""

    def __init__(self, node: ApiNode) -> None:
        self._node = node

    def checks(self) -> Mapping[str, Awaitable[None]]:
        """Returns one check for each part; a check raises when its part does not work."""
        return {"store": self._check_store(), "control_plane": self._node.database.ping()}

    def refresh_gauges(self) -> None:
        """Has none of its own."""

    async def _check_store(self) -> None:
        await self._node.warehouse.urgent.query("SELECT 1")
