"""The routes of issues over both stores, and events that arrive as the stream brings them."""

import uuid
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

import httpx
from litestar import Litestar
from litestar.datastructures import State

from api.app import exception_handlers
from clickhouse.client import Warehouse
from controlplane.api_tokens import ApiTokens
from controlplane.attempts import AttemptLimits, AttemptRates
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.dsn_keys import DsnKeys
from controlplane.errors.sightings import note_sightings
from controlplane.handoffs import Handoffs
from controlplane.keyring import KeyRing
from controlplane.quotas import Quotas
from controlplane.uptime.subscribers import forget_follower
from processors.errors.grouping.groups import explain
from processors.errors.issues import sightings_of
from schemas.errors.event import ErrorEvent
from schemas.errors.grouping import DEFAULT_CONFIG, Explanation
from schemas.projects import ProjectContext, ProjectId
from sluice.web import out_routes
from tests.integration.api_accounts.conftest import NO_RATES, AnyLocalPeers
from tests.integration.queries.error_rows import error_batch, store_errors

SECRET = "a secret of the tests, longer than 32 characters"


def explain_grouping(_: ProjectId, event: ErrorEvent) -> Explanation:
    return explain(event, DEFAULT_CONFIG)


def make_app(database: Database, warehouse: Warehouse) -> Litestar:
    """Returns the application of all routes but those that take items in, over these stores."""
    rates: AttemptRates = NO_RATES
    vault = Vault(SECRET)
    state = {
        "database": database,
        "warehouse": warehouse,
        "vault": vault,
        "forget_address": partial(forget_follower, database, vault),
        "keyring": KeyRing(database),
        "dsn_keys": DsnKeys(database),
        "api_tokens": ApiTokens(database),
        "attempts": AttemptLimits(rates),
        "handoffs": Handoffs(),
        "quotas": Quotas(
            max_projects_per_user=50, max_members_per_project=500, max_keys_per_project=100
        ),
        "local_peers": AnyLocalPeers("127.0.0.1"),
        "allowed_origins": frozenset(),
        "signup_enabled": True,
        "explain_grouping": explain_grouping,
    }
    app = _routed()
    app.state = State(state)
    return app


@cache
def _routed() -> Litestar:
    """Takes half a second: once for all tests."""
    return Litestar(out_routes(), exception_handlers=exception_handlers())


def open_client(app: Litestar) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50_000))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://localhost:3000")


async def happen(
    database: Database,
    warehouse: Warehouse,
    project_id: str,
    rows: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Stores errors and has the issues follow; returns the ids of the events."""
    project = ProjectContext(ProjectId(project_id))
    named = [{"event_id": uuid.uuid4().hex, **row} for row in rows]
    store_errors(warehouse, project, named)
    await note_sightings(database, sightings_of(error_batch(project, named)))
    return [str(row["event_id"]) for row in named]
