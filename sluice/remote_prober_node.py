"""`sluice prober --url …`: looks at the monitors of one project, and needs nothing but HTTP."""

import asyncio
from functools import partial
from pathlib import Path

import structlog

from api.local_peers import is_loopback
from probes.edge import Edge
from probes.following import Following
from probes.kept import Kept, read_kept, write_kept
from schemas.settings import PREFIX, Settings, SettingsError
from schemas.uptime.probing import TargetsAnswer
from sluice.canaries import canary_of, edge_address
from sluice.lock import hold
from sluice.probing import add_following
from sluice.process import Process
from sluice.regions import prober_settings_of
from sluice.web import OPERATIONS

NO_TOKEN = (
    f"{PREFIX}PROBER_TOKEN: expected a prober key, sk_probe_…; on the server, this makes one:"
    " sluice token create NAME --prober"
)

log = structlog.get_logger(__name__)


async def open_parts(process: Process) -> None:
    """Reads what the last process was told, then asks, and begins to look."""
    settings, path = process.settings, process.paths.prober.with_suffix(".json")
    probing, canary = prober_settings_of(process), canary_of(settings)
    _check_access(settings)
    # Not that of the folder: another region, and `sluice up`, may have their files in the same.
    process.stack.callback(hold(path.with_suffix(".lock")).close)
    kept = await asyncio.to_thread(read_kept, path)
    edge = Edge(
        settings.prober_url, settings.prober_token, kept.told.project_id if kept.told else ""
    )
    process.stack.push_async_callback(edge.close)
    following = Following(
        edge,
        edge.send,
        probing,
        holder=kept.holder,
        known=kept.told,
        remember=partial(_remember, path, kept.holder),
        canary=canary,
    )

    async def is_told() -> None:
        if following.trouble is not None:
            raise RuntimeError(following.trouble)

    process.ready["edge"] = is_told
    add_following(process, following)
    process.routes += OPERATIONS


def _remember(path: Path, holder: str, told: TargetsAnswer) -> None:
    write_kept(path, Kept(holder, told))


def _check_access(settings: Settings) -> None:
    host, _ = edge_address(settings.prober_url)
    if not settings.prober_token:
        raise SettingsError(NO_TOKEN)
    if settings.prober_url.startswith("http:") and not is_loopback(host):
        log.warning("the prober's key and what it sees go over the network as they are: use https")
