"""Looks at branches for new commits, and asks for their deployment."""

import asyncio

import structlog

from controlplane.deploys.deployments import Asked, ask_deployment
from controlplane.deploys.syncing import DueSync, is_waiting, take_due_syncs
from controlplane.failures import BadRequest, NotFound
from deploys.bench import Bench
from deploys.checkout import Source, remote_head
from deploys.failures import CheckoutFailed

AUTHOR = "auto-sync"
AT_ONCE = 8

log = structlog.get_logger(__name__)


async def sync_due(bench: Bench) -> int:
    """Looks at what is due now; returns how many deployments were asked for.

    At several at once: a server that does not answer keeps no other project waiting for long.
    """
    turns = asyncio.Semaphore(AT_ONCE)

    async def look(due: DueSync) -> bool:
        async with turns:
            return await _sync(bench, due)

    found = await take_due_syncs(bench.at.database, bench.at.vault)
    return sum(await asyncio.gather(*map(look, found)))


async def _sync(bench: Bench, due: DueSync) -> bool:
    if await is_waiting(bench.at.database, due.project_id):
        return False
    if not await bench.at.permit(due.owner):
        log.warning("not synced: its owner may not deploy", project_id=due.project_id)
        return False
    config = due.config
    source = Source(
        app=due.project_id,
        url=config.repo_url,
        token=due.secrets.git_token,
        branch=config.branch,
    )
    try:
        head = await remote_head(bench.settings, source)
        if head == due.newest_commit:
            return False
        await ask_deployment(
            bench.at.database,
            Asked(
                project_id=due.project_id,
                user_id=due.owner,
                author=AUTHOR,
                origin="sync",
                branch=config.branch,
                commit_sha=head,
            ),
        )
    except (CheckoutFailed, BadRequest, NotFound) as error:
        log.warning("not synced", project_id=due.project_id, reason=str(error))
        return False
    return True
