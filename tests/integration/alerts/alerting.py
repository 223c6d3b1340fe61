"""Rules and channels with some fields changed, what happens to issues, and a clock that is set."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from alerts.errors.evaluate import Evaluation
from clickhouse.client import Warehouse
from controlplane.channels import add_channel
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.errors.alert_rules import add_rule
from controlplane.errors.sightings import note_sightings
from controlplane.outbox_models import AlertOutbox
from processors.errors.sip import sip_hashes
from schemas.channels import ChannelConfig, ChannelForm
from schemas.errors.alerts import RuleForm
from schemas.projects import ProjectContext, ProjectId
from tests.integration.issues.seen import sighting
from tests.integration.queries.error_rows import store_errors

NOW_US = 1_780_002_000_000_000
MINUTE_US = 60_000_000


class Clock:
    """A time that moves when it is told to."""

    def __init__(self) -> None:
        self.us = NOW_US

    def __call__(self) -> int:
        return self.us

    def go_on(self, minutes: float) -> None:
        self.us += int(minutes * MINUTE_US)


async def make_channel(
    database: Database,
    vault: Vault,
    project_id: ProjectId,
    url: str = "http://hooks.example/x",
    secret: str = "",
) -> str:
    config = ChannelConfig(url=url, secret=secret)
    form = ChannelForm(uuid.uuid4().hex, "webhook", config)
    return (await add_channel(database, vault, project_id, form)).id


async def make_rule(database: Database, vault: Vault, project_id: ProjectId, **changes: Any) -> str:
    """Makes a rule with a channel: by default one of each new issue, with no cooldown."""
    if "channel_ids" not in changes:
        changes["channel_ids"] = (await make_channel(database, vault, project_id),)
    fields: dict[str, Any] = {
        "name": "Rule",
        "rule_type": "issue.new",
        "threshold_window": 60,
        "threshold_count": 1,
        "cooldown_minutes": 0,
    }
    return await add_rule(database, project_id, RuleForm(**(fields | changes)))


async def happen(
    database: Database,
    warehouse: Warehouse,
    project_id: ProjectId,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Stores events and brings up their issues, as the stream does."""
    made = [{"at_us": NOW_US - MINUTE_US, **row} for row in rows]
    store_errors(warehouse, ProjectContext(project_id), made)
    names = [str(row.get("fingerprint", "one")) for row in made]
    hashes = dict(zip(names, sip_hashes(names), strict=True))
    seen = [
        sighting(project_id, name, at_us=row["at_us"], group_hash=hashes[name], title=name)
        for name, row in zip(names, made, strict=True)
    ]
    await note_sightings(database, seen)


async def outbox(database: Database, project_id: ProjectId) -> list[AlertOutbox]:
    """Returns all messages of a project, the first one first."""
    query = select(AlertOutbox).where(AlertOutbox.project_id == uuid.UUID(project_id))
    async with database.reading() as session:
        return list(await session.scalars(query.order_by(AlertOutbox.created_us)))


async def evaluate(database: Database, warehouse: Warehouse, clock: Clock) -> None:
    """Evaluates all rules as a process does that has just come."""
    await Evaluation(database, warehouse, clock).work()
