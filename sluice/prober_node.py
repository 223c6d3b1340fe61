"""`sluice prober`: looks at monitors of all projects from a region. Any number share the work."""

import asyncio

import structlog

from controlplane.database import Database
from probes.following import Following
from probes.kept import read_kept
from sluice.accounts import add_database
from sluice.canaries import canary_of
from sluice.cluster import find_topics, kafka_of
from sluice.commands.options import address_of
from sluice.kafka_edge import add_kafka_log, open_kafka_log
from sluice.lock import hold
from sluice.patience import patiently
from sluice.probing import ToLog, add_following, shared_source
from sluice.process import Process
from sluice.regions import prober_settings_of
from sluice.secret import open_vault
from sluice.web import OPERATIONS

log = structlog.get_logger(__name__)


async def open_parts(process: Process) -> None:
    """Opens the control plane and Kafka, then begins to look."""
    settings, paths = process.settings, process.paths
    probing, canary = prober_settings_of(process), canary_of(settings)
    kafka = kafka_of(settings)
    # The spool, the results and the name that leases are held by are this process's own.
    process.stack.callback(hold(paths.lock, address_of(settings)).close)
    database = Database(paths.database_url)
    await add_database(process, database, patiently)
    vault = await open_vault(settings, paths.data_dir, database)
    topics = await find_topics(kafka, settings, remembered=paths.data_dir / "topics.json")
    event_log = await asyncio.to_thread(open_kafka_log, process, kafka, topics)
    add_kafka_log(process, event_log)
    kept = await asyncio.to_thread(read_kept, paths.prober.with_suffix(".json"))
    source, send = shared_source(database, vault), ToLog(event_log).send
    following = Following(source, send, probing, holder=kept.holder, canary=canary)
    add_following(process, following)
    process.routes += OPERATIONS
