"""The demo's deployments: three months of them, one of which is bad and is gone back from.

Nothing is built or run: they are rows, with the histories that a deployer would have written. The
traffic around the bad one goes through the public API; what it comes to is known beforehand.
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys.auto_rollback import AUTHOR
from controlplane.deploys.markers import list_switches
from controlplane.deploys.past import PastDeployment, PastEvent, put_app, put_past
from eventlog.bulk import BulkLog
from ingest.errors.demo_around import LAST_HOURS
from ingest.errors.demo_switch import Busy, busy_events
from ingest.llm.demo_switch import busy_calls
from schemas.deploys.apps import AppConfig
from schemas.deploys.states import Phase
from schemas.llm.wire import MAX_ITEMS
from schemas.projects import ProjectId
from schemas.times import EPOCH, MICROSECOND
from sluice.demo_errors import Dsn, send_events
from sluice.demo_lines import lines_of, put_lines
from sluice.demo_requests import Sender, accepted, post

NAMES = uuid.UUID("5f0c7c7e-4f0e-4d5c-9a53-3c1f5ce6b7aa")
DEPLOYER = "demo"
REPOSITORY = "https://git.shop.example/shop/web.git"
BAD_AGO = timedelta(minutes=120)
BUSY_BEFORE, BAD_FOR, BUSY_AFTER = (timedelta(minutes=n) for n in (40, 25, 60))
PHASES: Sequence[tuple[Phase, int]] = (
    *(("fetch", 2), ("detect", 1), ("install", 38), ("build", 21)),
    *(("start", 2), ("health", 4), ("switch", 1)),
)
"""With the seconds that each takes."""
TOOK = timedelta(seconds=sum(seconds for _, seconds in PHASES))
SHIPPED = (
    (timedelta(days=85), "Show how many are left on the shelf", "Ann Lee"),
    (timedelta(days=61), "Send receipts as PDF", "Ben Ode"),
    (timedelta(days=40), "Keep the basket for a week", "Ann Lee"),
    (timedelta(days=22), "Renew the certificate of the bank", "Ann Lee"),
    (timedelta(days=8), "Round prices as the bank does", "Ben Ode"),
    (timedelta(hours=LAST_HOURS), "Take gift cards at the checkout", "Ann Lee"),
)
BAD = "Look prices up in the new list"
FAILED = "Resize images with the new library"
PREVIEW = "Let guests compare products"
WORSE = "worse, with a confidence of 0.9999: p95 of transactions, errors, cost of an LLM call"
NO_WHEEL = (
    "The install command ended with 1: no version of imagelib fits Python 3.12.\n"
    "ERROR: Could not find a version that satisfies the requirement imagelib==9.1"
)


class _Shipped(NamedTuple):
    name: str
    at: datetime
    message: str
    author: str


def busy_of(until: datetime) -> Busy:
    """Returns the busy hours of a demo that ends now."""
    bad = until - BAD_AGO
    return Busy(bad - BUSY_BEFORE, bad, bad + BAD_FOR, bad + BAD_FOR + BUSY_AFTER)


def send_busy(sender: Sender, dsn: Dsn, seed: int, busy: Busy) -> None:
    """Sends the traffic around the bad deployment. Raises `CommandError`."""
    send_events(sender, dsn, "busy", list(busy_events(seed, busy)))
    calls = busy_calls(seed, busy.began, busy.ended, busy.is_bad)
    for batch in _batches(calls):
        accepted(post(sender.client, "/v1/traces/async", json=batch))


async def has_deployments(database: Database, project_id: ProjectId, until: datetime) -> bool:
    """Tells whether an earlier call has made them."""
    return bool(await list_switches(database, project_id, 0, _us(until)))


async def set_deployments(
    database: Database, vault: Vault, project_id: ProjectId, until: datetime
) -> None:
    """Makes them. May be called again."""
    config = AppConfig(
        repo_url=REPOSITORY,
        install_command="pip install -r requirements.txt",
        build_command="python -m shop.assets",
        start_command="python -m shop",
        health_path="/health",
        # It sends by itself, and the demo has monitors.
        inject=False,
        monitor=False,
        auto_rollback=True,
    )
    await put_app(database, vault, project_id, config, _us(until - timedelta(days=86)))
    await put_past(database, project_id, list(deployments_of(project_id, until)))


def send_lines(log: BulkLog, project_id: ProjectId, until: datetime) -> None:
    """Writes the logs of all of them. May be called again. Raises `LogError`."""
    now_ns = _us(until) * 1000
    for one in deployments_of(project_id, until):
        put_lines(log, project_id, lines_of(one, is_bad=one.commit_msg == BAD), now_ns)


def deployments_of(project_id: ProjectId, until: datetime) -> Iterator[PastDeployment]:
    """Yields all of them, the oldest first."""
    busy = busy_of(until)
    shipped = [
        _Shipped(f"shipped {number}", until - ago, message, author)
        for number, (ago, message, author) in enumerate(SHIPPED)
    ]
    shipped.append(_Shipped("bad", busy.bad, BAD, "Ben Ode"))
    ids = [_id(project_id, one.name) for one in shipped]
    back_id = _id(project_id, "back")
    followers = [*zip(ids[1:], (one.at for one in shipped[1:]), strict=True), (back_id, busy.back)]
    for one, own_id, (follower, ended) in zip(shipped, ids, followers, strict=True):
        events = [*_run(one.at, one.author)]
        if one.name == "bad":
            told = PastEvent(
                at_us=_us(busy.back - TOOK - timedelta(seconds=3)),
                status="running",
                author=AUTHOR,
                reason=f"{WORSE}; back to {ids[-2]} by {back_id}",
            )
            events.append(told)
        stopped = f"superseded by {follower}"
        events.append(PastEvent(at_us=_us(ended), status="stopped", reason=stopped))
        yield _past(own_id, one.message, one.author, events, follower)
    yield _rollback(back_id, ids[-2], ids[-1], busy.back)
    yield _failed(_id(project_id, "failed"), until - timedelta(hours=20))
    at = until - timedelta(hours=26)
    yield _past(
        _id(project_id, "preview"), PREVIEW, "Ann Lee", [*_run(at, "Ann Lee")], None, "compare"
    )


def _past(
    own_id: str,
    message: str,
    author: str,
    events: Sequence[PastEvent],
    follower: str | None,
    environment: str = "production",
) -> PastDeployment:
    return PastDeployment(
        id=own_id,
        author=author,
        environment=environment,
        branch="main" if environment == "production" else environment,
        commit_sha=_sha(message),
        commit_msg=message,
        superseded_by=follower,
        deployer=DEPLOYER,
        events=events,
    )


def _rollback(own_id: str, source_id: str, bad_id: str, at: datetime) -> PastDeployment:
    message = SHIPPED[-1][1]
    asked = PastEvent(
        at_us=_us(at - timedelta(seconds=4)),
        status="queued",
        author=AUTHOR,
        reason=f"in place of {bad_id}: {WORSE}",
    )
    taken = PastEvent(at_us=_us(at - timedelta(seconds=3)), status="building")
    start = PastEvent(at_us=taken.at_us, status="building", phase="start")
    health = PastEvent(at_us=_us(at - timedelta(seconds=1)), status="building", phase="health")
    return PastDeployment(
        id=own_id,
        author=AUTHOR,
        origin="rule",
        kind="rollback",
        commit_sha=_sha(message),
        commit_msg=message,
        source_id=source_id,
        deployer=DEPLOYER,
        events=[asked, taken, start, health, PastEvent(at_us=_us(at), status="running")],
    )


def _failed(own_id: str, at: datetime) -> PastDeployment:
    events = [*_run(at, "Ben Ode")][:5]
    reason = NO_WHEEL.partition("\n")[0]
    events.append(PastEvent(at_us=_us(at), status="failed", phase="install", reason=reason))
    return PastDeployment(
        id=own_id,
        author="Ben Ode",
        commit_sha=_sha(FAILED),
        commit_msg=FAILED,
        error_msg=NO_WHEEL,
        resolution="Name a version of imagelib that has wheels for this Python.",
        deployer=DEPLOYER,
        events=events,
    )


def _run(at: datetime, author: str) -> Iterator[PastEvent]:
    """Yields the history of a deployment that takes over at a moment."""
    moment = at - TOOK
    yield PastEvent(at_us=_us(moment - timedelta(seconds=2)), status="queued", author=author)
    yield PastEvent(at_us=_us(moment), status="building")
    for phase, seconds in PHASES:
        yield PastEvent(at_us=_us(moment), status="building", phase=phase)
        moment += timedelta(seconds=seconds)
    yield PastEvent(at_us=_us(at), status="running")


def _batches(items: Iterable[object]) -> Iterator[list[object]]:
    iterator = iter(items)
    while batch := list(islice(iterator, MAX_ITEMS)):
        yield batch


def _id(project_id: ProjectId, name: str) -> str:
    return str(uuid.uuid5(NAMES, f"{project_id} {name}"))


def _sha(message: str) -> str:
    return hashlib.sha1(message.encode(), usedforsecurity=False).hexdigest()


def _us(at: datetime) -> int:
    return (at.astimezone(UTC) - EPOCH) // MICROSECOND
