"""Deployments that took over at chosen moments."""

import uuid
from collections.abc import Sequence

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys.past import PastDeployment, PastEvent, put_app, put_past
from controlplane.projects import insert_project
from schemas.deploys.apps import AppConfig
from schemas.deploys.routing import PRODUCTION
from schemas.deploys.states import DeploymentKind, Origin
from schemas.deploys.windows import HOUR_US, MINUTE_US
from schemas.projects import ProjectId

AT_US = 1_793_606_400_000_000
"""2026-11-02T08:00Z."""
WEEK_US = 168 * HOUR_US


async def new_shop(database: Database, vault: Vault, *, auto_rollback: bool = False) -> ProjectId:
    """Makes a project with an app."""
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
    project_id = ProjectId(str(project.id))
    config = AppConfig(repo_url="https://git.example/shop.git", auto_rollback=auto_rollback)
    await put_app(database, vault, project_id, config, AT_US)
    return project_id


async def took_over(
    database: Database,
    project_id: ProjectId,
    moments: Sequence[int],
    *,
    environment: str = PRODUCTION,
    kind: DeploymentKind = "deploy",
    origin: Origin = "webhook",
) -> list[str]:
    """Has deployments take over one after the other; the last one runs. Returns their ids."""
    ids = [str(uuid.uuid4()) for _ in moments]
    past = []
    for place, at_us in enumerate(moments):
        events = [
            PastEvent(at_us=at_us - 2 * MINUTE_US, status="queued", author="Ann"),
            PastEvent(at_us=at_us - MINUTE_US, status="building"),
            PastEvent(at_us=at_us, status="running"),
        ]
        follower = ids[place + 1] if place + 1 < len(ids) else None
        if follower is not None:
            events.append(PastEvent(at_us=moments[place + 1], status="stopped"))
        past.append(
            PastDeployment(
                id=ids[place],
                author="Ann",
                origin=origin,
                kind=kind,
                environment=environment,
                commit_sha=f"{place + 1:040x}",
                commit_msg=f"Change {place}",
                superseded_by=follower,
                events=events,
            )
        )
    await put_past(database, project_id, past)
    return ids
