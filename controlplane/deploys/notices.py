"""What people are told of deployments: put into the outbox with what ends the deployment."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from msgspec import Raw
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.aims import Sight, find_sights
from controlplane.crypto import Vault
from controlplane.deploys import models
from controlplane.deploys.apps import config_of
from controlplane.deploys.secrets import open_secrets
from controlplane.models import Project
from controlplane.outbox import Outgoing, new_message_id, put_out, seal_target
from schemas.deploys.routing import segment_of
from schemas.messages import Message
from schemas.times import iso_ms

Tell = Callable[[AsyncSession, models.Deployment, int], Awaitable[int]]
GOOD = ("running", "finished")
FIRST_ERROR_CHARS, LAST_ERROR_CHARS = 500, 1000
"""Of a reason: what failed stands first, and why stands last, in what was printed."""


def teller(vault: Vault) -> Tell:
    """Returns what is called within each transaction that ends a deployment."""

    async def tell(session: AsyncSession, row: models.Deployment, now_us: int) -> int:
        return await tell_of(session, vault, row, now_us)

    return tell


async def tell_of(session: AsyncSession, vault: Vault, row: models.Deployment, now_us: int) -> int:
    """Puts out what the app's owner wants to be told of a deployment that has come to its end.

    Call it within the transaction that sets the status; a repeat puts out nothing more. Returns
    how many messages that is.
    """
    is_good = row.status in GOOD
    app = await session.get(models.App, row.project_id)
    if app is None or not (is_good or row.status == "failed"):
        return 0
    config = config_of(app)
    if not (config.notify_on_success if is_good else config.notify_on_failure):
        return 0
    targets = open_secrets(vault, app.project_id, app.sealed_secrets).notifications
    sights = await find_sights(session, vault, app.project_id, targets)
    if not sights:
        return 0
    name = await session.scalar(select(Project.name).where(Project.id == row.project_id))
    message = message_of(row, str(name), now_us)
    await put_out(session, _outgoing(vault, row, sights, message), now_us)
    return len(sights)


def message_of(row: models.Deployment, project_name: str, now_us: int) -> Message:
    """Returns what is said of a deployment."""
    is_good = row.status in GOOD
    commit = row.commit_sha[:10] or row.branch
    what = f"{project_name} ({row.environment})"
    done = "was built" if row.status == "finished" else "is running"
    subject = f"{what}: {commit} {done}" if is_good else f"{what}: {commit} failed"
    error = _short(row.error_msg)
    lines = [subject, "", f"Branch {row.branch}, asked for by {row.author}."]
    lines += [row.commit_msg] if row.commit_msg else []
    lines += [] if is_good else ["", error, row.resolution]
    return Message(
        subject=subject,
        text="\n".join(lines).strip(),
        summary=subject,
        at=iso_ms(now_us),
        tone="good" if is_good else "bad",
        action="resolve" if is_good else "trigger",
        incident_key=f"deploys/{row.project_id}/{row.environment}",
        body=Raw(msgspec.json.encode(_body(row, project_name, error))),
    )


def _short(error: str) -> str:
    if len(error) <= FIRST_ERROR_CHARS + LAST_ERROR_CHARS:
        return error
    return f"{error[:FIRST_ERROR_CHARS]}\n…\n{error[-LAST_ERROR_CHARS:]}"


def _body(row: models.Deployment, project_name: str, error: str) -> dict[str, Any]:
    """Returns what programs get (contract 2.a, notifications)."""
    body = {
        "deployment_id": str(row.id),
        "project_id": str(row.project_id),
        "project_name": project_name,
        "status": row.status,
        "environment": row.environment,
        "branch": row.branch,
        "commit_sha": row.commit_sha,
        "url": f"/app/{segment_of(str(row.project_id), row.environment)}",
    }
    return body if row.status in GOOD else body | {"error_msg": error}


def _outgoing(
    vault: Vault, row: models.Deployment, sights: Sequence[Sight], message: Message
) -> list[Outgoing]:
    found = []
    for sight in sights:
        message_id = new_message_id()
        is_channel = sight.channel_id is not None
        found.append(
            Outgoing(
                id=message_id,
                project_id=row.project_id,
                source="deploys",
                key=f"{row.id}/{row.attempt}/{row.status}/{sight.key}"[:120],
                message=message,
                channel_id=sight.channel_id,
                target_kind=sight.kind,
                target=sight.shown[:200],
                sealed_target=None if is_channel else seal_target(vault, message_id, sight.config),
            )
        )
    return found
