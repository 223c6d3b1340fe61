"""The system `uptime`, put together from its sub-packages."""

from functools import partial

from api.uptime.app import routers as own_routers
from api.uptime.holders import project_for_checks
from clickhouse.client import Warehouse
from controlplane.uptime.acknowledged import trigger_again
from ingest.uptime.app import checks, forms, routers
from ingest.uptime.heartbeats import PING, ping_form
from ingest.uptime.heartbeats import routers as ping_routers
from processors.blocks import StoredLog
from processors.uptime.following import LateChecks, follower
from processors.uptime.heartbeats import Heartbeats
from processors.uptime.steps import steps
from sluice.parts import Parts, Resources, System, Work


def open_parts(resources: Resources) -> Parts:
    """Makes what a process needs of it."""

    def late(warehouse: Warehouse, _: StoredLog) -> Work:
        return LateChecks(resources.database, warehouse).work

    def missing(_: Warehouse, log: StoredLog) -> Work:
        return Heartbeats(resources.database, log).work

    def acknowledged(_: Warehouse, __: StoredLog) -> Work:
        return partial(trigger_again, resources.database)

    steps_by_kind = steps(follower(resources.database))
    taken = {**forms(), PING: ping_form()}
    return Parts(forms=taken, steps=steps_by_kind, state={}, alone=(late, missing, acknowledged))


SYSTEM = System(
    open=open_parts,
    routers=lambda key, session: [
        *routers(project_for_checks(key), session),
        *ping_routers(),
    ],
    queries=(),
    own_routers=own_routers,
    checks=checks(),
)
