"""The system `uptime`, put together from its sub-packages."""

from api.pages.uptime.pages import SECTIONS
from api.uptime.app import routers as own_routers
from api.uptime.holders import project_for_checks
from clickhouse.client import Warehouse
from ingest.uptime.app import checks, forms, routers
from processors.blocks import StoredLog
from processors.uptime.following import LateChecks, follower
from processors.uptime.steps import steps
from sluice.looking import Looking
from sluice.parts import Parts, Resources, System, Work


def open_parts(resources: Resources) -> Parts:
    """Makes what a process needs of it."""

    def late(warehouse: Warehouse, _: StoredLog) -> Work:
        return LateChecks(resources.database, warehouse).work

    steps_by_kind = steps(follower(resources.database))
    state = {"look_once": Looking(resources.settings).look}
    return Parts(forms=forms(), steps=steps_by_kind, state=state, alone=(late,))


SYSTEM = System(
    open=open_parts,
    routers=lambda key, session: routers(project_for_checks(key), session),
    queries=(),
    own_routers=own_routers,
    pages=SECTIONS,
    checks=checks(),
)
