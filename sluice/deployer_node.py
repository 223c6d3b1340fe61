"""`sluice deployer`: runs deployments on this machine, as a part of an installation with Kafka."""

import asyncio

from controlplane.database import Database
from schemas.settings import SettingsError
from sluice.accounts import add_database
from sluice.cluster import find_topics, kafka_of
from sluice.commands.options import address_of
from sluice.deploying import add_deployer
from sluice.kafka_edge import add_kafka_log, open_kafka_log
from sluice.lock import hold
from sluice.patience import patiently
from sluice.process import Process
from sluice.secret import open_vault
from sluice.web import OPERATIONS


async def open_parts(process: Process) -> None:
    """Opens the control plane and Kafka, then begins to take deployments."""
    settings, paths = process.settings, process.paths
    if settings.deploy_driver == "none":
        raise SettingsError("SLUICE_DEPLOY_DRIVER: sluice deployer needs one, such as process")
    kafka = kafka_of(settings)
    # What it keeps on this machine, and its name, are this process's own.
    process.stack.callback(hold(paths.lock, address_of(settings)).close)
    database = Database(paths.database_url)
    await add_database(process, database, patiently)
    vault = await open_vault(settings, paths.data_dir, database)
    topics = await find_topics(kafka, settings, remembered=paths.data_dir / "topics.json")
    event_log = await asyncio.to_thread(open_kafka_log, process, kafka, topics)
    add_kafka_log(process, event_log)
    add_deployer(process, database, vault, event_log)
    process.routes += OPERATIONS
