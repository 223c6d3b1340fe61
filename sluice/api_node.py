"""`sluice api`: queries, accounts and everything else that people ask. Any number of them."""

import asyncio

from api.deploys.feeds import Feeds
from controlplane.database import Database
from controlplane.initial import ensure_initial, seed_of
from eventlog.kafka_tail import KafkaTail
from schemas.kinds import DEPLOYS
from sluice.accounts import add_accounts, add_database, keep_fresh
from sluice.alerting import add_delivery
from sluice.app_traffic import add_apps
from sluice.cluster import kafka_of, open_warehouse, server_paths
from sluice.parts import Resources
from sluice.patience import patiently
from sluice.pipeline_state import add_shared_pipeline
from sluice.process import Process
from sluice.stores import add_store
from sluice.systems import open_systems
from sluice.web import every_route, out_routes


async def open_parts(process: Process) -> None:
    """Opens the control plane and the store."""
    settings, paths = process.settings, server_paths(process.paths)
    database = Database(paths.database_url)
    await add_database(process, database, patiently)
    vault = await add_accounts(process, database)
    add_delivery(process, database, vault)
    add_apps(process, database, vault)
    await ensure_initial(database, vault, seed_of(settings))
    warehouse = await open_warehouse(paths.warehouse_url, readers=settings.query_threads)
    add_store(process, warehouse)
    systems = await asyncio.to_thread(open_systems, Resources(paths.cache, database, settings))
    await keep_fresh(process, systems)
    add_shared_pipeline(process, database)
    process.routes += out_routes()
    # One address serves api and edges, and `/docs` of it comes from here.
    process.state |= {"warehouse": warehouse, **systems.state, "described": every_route}
    # Without Kafka's address, lines of deployments are shown once they are stored.
    tail = KafkaTail(kafka_of(settings), DEPLOYS.name) if settings.kafka_url else None
    process.state["deploy_feeds"] = Feeds(tail)
