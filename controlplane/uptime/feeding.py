"""Whose checks the words of jobs become; monitors that check-ins make and change, as in Sentry."""

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy import or_, update

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import ControlPlaneError, Unavailable
from controlplane.rules import as_uuid
from controlplane.schedules import job_of
from controlplane.uptime.models import Heartbeat
from controlplane.uptime.monitors import add_monitor, change_monitor, get_monitor
from controlplane.uptime.ping_urls import heartbeats, pinged
from controlplane.uptime.words import KeptWord, count_upserted
from schemas.projects import ProjectId
from schemas.uptime.heartbeats import HeartbeatTarget, Word

MAX_UPSERTED = 200
"""Monitors of a project that check-ins may make: names of jobs come from outside."""
MAX_THRESHOLD = 20
log = structlog.get_logger(__name__)
_decode = msgspec.json.Decoder(dict[str, Any]).decode


async def targets_of(
    database: Database, vault: Vault, words: Sequence[KeptWord]
) -> dict[str, HeartbeatTarget]:
    """Returns whose check each word becomes, by its id; a word that is nobody's is not in it."""
    by_id, by_slug = await _read_targets(database, vault, words)
    found = {}
    for word_id, project_id, word in words:
        if word.monitor_id:
            target = by_id.get((project_id, word.monitor_id))
        else:
            key = project_id, word.slug, word.environment
            target = by_slug.get(key)
            if word.config and await upsert(database, vault, project_id, word, target):
                by_slug |= (await _read_targets(database, vault, [KeptWord("", project_id, word)]))[
                    1
                ]
                target = by_slug.get(key)
        if target is not None:
            found[word_id] = target
    return found


async def upsert(
    database: Database,
    vault: Vault,
    project_id: ProjectId,
    word: Word,
    known: HeartbeatTarget | None,
) -> bool:
    """Has a monitor be what a check-in says of its job; tells whether anything was changed."""
    fields = fields_of(word)
    if not fields:
        return False
    try:
        if known is not None:
            return await _change(database, vault, (project_id, known.monitor_id), fields)
        if await count_upserted(database, project_id) >= MAX_UPSERTED:
            log.warning("check-ins have made too many monitors", project_id=project_id)
            return False
        await _make(database, vault, project_id, word, fields)
    except Unavailable:
        raise
    except ControlPlaneError as error:
        # Another process was faster, or the project has too many monitors.
        log.info("no monitor for a check-in", project_id=project_id, reason=error.message)
    return True


def fields_of(word: Word) -> dict[str, Any]:
    """Returns what a `monitor_config` says of a monitor; empty where it has no schedule."""
    try:
        settings = _decode(word.config)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    job = job_of(settings)
    if job.schedule is None:
        return {}
    fields: dict[str, Any] = {
        "cron": job.schedule.cron,
        "timezone": job.schedule.timezone,
        "grace_seconds": job.margin_s,
        "max_runtime_seconds": job.runtime_s,
        "failure_threshold": _threshold(settings.get("failure_issue_threshold")),
        "recovery_threshold": _threshold(settings.get("recovery_threshold")),
    }
    if not job.schedule.cron:
        fields["interval_seconds"] = job.schedule.interval_s
    return fields


async def _make(
    database: Database, vault: Vault, project_id: ProjectId, word: Word, fields: dict[str, Any]
) -> None:
    of = {"slug": word.slug, "environment": word.environment}
    name = word.slug if word.environment == "production" else f"{word.slug} ({word.environment})"
    monitor = await add_monitor(
        database, vault, project_id, {"type": "heartbeat", "name": name, **of, **fields}
    )
    async with database.session() as session:
        # The word that has made it is its first one.
        statement = update(Heartbeat).where(Heartbeat.monitor_id == monitor.monitor_id)
        since_us = min(word.at_us - 1, monitor.created_us)
        await session.execute(
            statement.values(is_upserted=True, since_us=since_us).execution_options(
                synchronize_session=False
            )
        )


async def _change(
    database: Database, vault: Vault, of: tuple[ProjectId, str], fields: dict[str, Any]
) -> bool:
    config = (await get_monitor(database, vault, *of)).config
    if all(getattr(config, name) == value for name, value in fields.items()):
        return False
    await change_monitor(database, vault, of, fields)
    return True


async def _read_targets(
    database: Database, vault: Vault, words: Sequence[KeptWord]
) -> tuple[
    dict[tuple[ProjectId, str], HeartbeatTarget], dict[tuple[ProjectId, str, str], HeartbeatTarget]
]:
    of = Heartbeat
    ids = sorted({one.word.monitor_id for one in words if one.word.monitor_id})
    slugs = sorted({one.word.slug for one in words if not one.word.monitor_id})
    projects = {as_uuid(one.project_id) for one in words}
    query = heartbeats().where(
        of.project_id.in_(projects), or_(of.monitor_id.in_(ids), of.slug.in_(slugs))
    )
    by_id, by_slug = {}, {}
    async with database.reading() as session:
        for row in (await session.execute(query)).all():
            target = pinged(vault, row).target
            by_id[target.project_id, str(target.monitor_id)] = target
            by_slug[target.project_id, row[0].slug or "", row[0].environment] = target
    return by_id, by_slug


def _threshold(value: object) -> int:
    return min(value, MAX_THRESHOLD) if type(value) is int and value > 0 else 1
