"""The system `uptime`, put together from its sub-packages."""

from api.pages.uptime.pages import SECTIONS
from api.uptime.app import routers as own_routers
from api.uptime.holders import project_for_checks
from clickhouse.client import Warehouse
from ingest.uptime.app import checks, forms, routers
from ingest.uptime.heartbeats import PING, ping_form
from ingest.uptime.heartbeats import routers as ping_routers
from processors.blocks import StoredLog
from processors.uptime import day_sums, latency_alerts, service_levels, uptime_copies
from processors.uptime.following import LateChecks, follower
from processors.uptime.heartbeats import Heartbeats
from processors.uptime.steps import steps
from sluice.looking import Looking
from sluice.parts import Parts, Resources, System, Work
from sluice.upkeep import at_most


def open_parts(resources: Resources) -> Parts:
    """Makes what a process needs of it."""
    database = resources.database

    def late(warehouse: Warehouse, _: StoredLog) -> Work:
        return LateChecks(database, warehouse).work

    def histograms(warehouse: Warehouse, _: StoredLog) -> Work:
        return at_most(day_sums.DaySums(warehouse).work, every_s=day_sums.EVERY_S)

    def copies(warehouse: Warehouse, _: StoredLog) -> Work:
        copying = uptime_copies.UptimeCopies(database, warehouse)
        return at_most(copying.work, every_s=uptime_copies.EVERY_S)

    def levels(_: Warehouse, __: StoredLog) -> Work:
        return at_most(service_levels.ServiceLevels(database).work, every_s=service_levels.EVERY_S)

    def latency(warehouse: Warehouse, _: StoredLog) -> Work:
        alerts = latency_alerts.LatencyAlerts(database, warehouse)
        return at_most(alerts.work, every_s=latency_alerts.EVERY_S)

    def missing(_: Warehouse, log: StoredLog) -> Work:
        return Heartbeats(database, log).work

    steps_by_kind = steps(follower(database))
    taken = {**forms(), PING: ping_form()}
    state = {"look_once": Looking(resources.settings).look}
    alone = (late, missing, histograms, copies, levels, latency)
    return Parts(forms=taken, steps=steps_by_kind, state=state, alone=alone)


SYSTEM = System(
    open=open_parts,
    routers=lambda key, session: [
        *routers(project_for_checks(key), session),
        *ping_routers(),
    ],
    queries=(),
    own_routers=own_routers,
    pages=SECTIONS,
    checks=checks(),
)
