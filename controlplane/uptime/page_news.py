"""What is new on status pages, put into the outbox for each of those who follow them.

It may be asked for again, by several processes: a message has one key, and is in the outbox once.
"""

import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy import exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.models import Project
from controlplane.outbox import Outgoing, new_message_id, put_out, seal_target
from controlplane.outbox_models import AlertOutbox
from controlplane.uptime.models import Incident, IncidentEvent, Monitor
from controlplane.uptime.overlays import read_overlays_of
from controlplane.uptime.page_messages import LEAVE, News, PageAt, iso_of, news_message
from controlplane.uptime.page_models import StatusPageRow, StatusSubscriber
from controlplane.uptime.status_pages import read_page_config
from controlplane.uptime.subscribers import Follower, list_followers, token_of
from schemas.uptime.boards import PUBLIC_STATES, public_id, public_title
from schemas.uptime.stretches import Stretch
from schemas.zones import DAY_US

OVERLAP_US = 60_000_000
"""What was noted so long before is looked at again: a transaction may have ended late."""
LONGEST_US = DAY_US
"""What is older is news no more, where nobody could tell it."""
AHEAD_US = DAY_US
"""How long before it begins maintenance is told."""
PACE_US = 500_000
"""Between two messages: who is to be woken does not wait behind a thousand followers."""
MOST_LINES = 200
"""Of one look; more are told with the next."""
MOST_ANNOUNCED = 10
"""Windows of a page, the next ones; others follow as these pass."""
AT_ONCE = 50
TOLD = ("triggered", "reopened", "resolved")


async def tell_news(database: Database, vault: Vault, base_url: str, now_us: int) -> int:
    """Puts into the outbox what is new; returns how many messages."""
    of = StatusPageRow
    followed = exists().where(
        StatusSubscriber.page_id == of.id, StatusSubscriber.is_confirmed.is_(True)
    )
    query = select(of.id).join(Project, Project.id == of.project_id)
    query = query.where(of.published.is_(True), Project.deleted_at.is_(None), followed)
    async with database.reading() as session:
        ids = list(await session.scalars(query.order_by(of.id)))
    count = 0
    for page_id in ids:
        count += await _tell(database, vault, (page_id, base_url), now_us)
    return count


async def _tell(database: Database, vault: Vault, of: tuple[str, str], now_us: int) -> int:
    page_id, base_url = of
    async with database.reading() as session:
        page = await session.get(StatusPageRow, page_id)
        if page is None:
            return 0
        config = read_page_config(page.config)
        names = {one.monitor_id: one.name for group in config.groups for one in group.monitors}
        incidents, told_us = await _incident_news(session, page, names, now_us)
        news = [*incidents, *await _maintenance_news(session, page, names, now_us)]
        followers = await list_followers(session, vault, page_id) if news else []
    at = PageAt(config.title, f"{base_url}/status/{config.slug}")
    pairs = [(one, to) for one in news for to in followers if one.noted_us > to.since_us]
    count = 0
    for first in range(0, len(pairs), AT_ONCE):
        # Not all in one transaction: others write meanwhile.
        async with database.session() as session:
            left = await _untold(session, pairs[first : first + AT_ONCE])
            for one, to in left:
                message = _outgoing(vault, page, at, one, to)
                await put_out(session, [message], now_us + count * PACE_US)
                count += 1
    async with database.session() as session:
        change = update(StatusPageRow).where(
            StatusPageRow.id == page_id, StatusPageRow.told_us < told_us
        )
        await session.execute(change.values(told_us=told_us))
    return count


async def _untold(
    session: AsyncSession, pairs: Sequence[tuple[News, Follower]]
) -> list[tuple[News, Follower]]:
    keys = [_key(*pair) for pair in pairs]
    of = AlertOutbox.dedupe_key
    known = set(await session.scalars(select(of).where(of.in_(keys))))
    return [pair for pair, key in zip(pairs, keys, strict=True) if key not in known]


def _key(news: News, to: Follower) -> str:
    return f"status/{to.id}/{news.key}"


async def _incident_news(
    session: AsyncSession, page: StatusPageRow, names: Mapping[str, str], now_us: int
) -> tuple[list[News], int]:
    """Returns what is new, and until when that is all: very much is told in parts."""
    line, incident = IncidentEvent, Incident
    since_us = max(page.told_us - OVERLAP_US, now_us - LONGEST_US)
    of_page = incident.monitor_id.in_(names)
    query = (
        select(line, incident)
        .join(incident, incident.id == line.incident_id)
        .where(incident.project_id == page.project_id, line.noted_us > since_us)
        .where(or_(line.public_note != "", of_page & line.kind.in_(TOLD)))
        .where(or_(of_page, incident.monitor_id.is_(None)))
        .order_by(line.noted_us, line.number)
    )
    moments = query.with_only_columns(line.noted_us).offset(MOST_LINES - 1).limit(1)
    last_us = await session.scalar(moments)
    if last_us is not None:
        # With all that was noted at that moment: many monitors may fall in one.
        query = query.where(line.noted_us <= last_us)
    rows = (await session.execute(query)).all()
    told_us = now_us if last_us is None else last_us + OVERLAP_US
    return [_news(page.id, row[0], row[1], names) for row in rows], told_us


def _news(page_id: str, line: IncidentEvent, incident: Incident, names: Mapping[str, str]) -> News:
    name = names.get(incident.monitor_id or "")
    title = public_title(name, is_automatic=incident.origin == "auto")
    sort = {"triggered": "opened", "reopened": "opened", "resolved": "resolved"}
    state = PUBLIC_STATES.get(line.kind, "Update")
    resolved_us = line.at_us if line.kind == "resolved" else None
    told = [f"{title}.", f"{state}, {iso_of(line.at_us)}."]
    return News(
        key=str(line.id),
        event_type=f"incident.{sort.get(line.kind, 'updated')}",
        noted_us=line.noted_us,
        subject=f"{state}: {title}",
        text="\n".join([*told, *([line.public_note] if line.public_note else [])]),
        details={
            "incident": {
                "id": public_id(page_id, incident.id),
                "title": title,
                "state": state.lower(),
                "started_at": iso_of(incident.started_us),
                "resolved_at": None if resolved_us is None else iso_of(resolved_us),
                "components": [] if name is None else [name],
            },
            "update": line.public_note,
        },
        is_good=line.kind == "resolved",
    )


async def _maintenance_news(
    session: AsyncSession, page: StatusPageRow, names: Mapping[str, str], now_us: int
) -> list[News]:
    query = select(Monitor.id).where(
        Monitor.project_id == page.project_id, Monitor.id.in_(names), Monitor.paused.is_(False)
    )
    ids = list(await session.scalars(query))
    overlays = await read_overlays_of(session, ids, Stretch(now_us, now_us + AHEAD_US))
    found: dict[Stretch, list[str]] = {}
    for monitor_id in ids:
        for window in overlays[monitor_id].maintenance:
            if now_us < window.start_us <= now_us + AHEAD_US:
                found.setdefault(window, []).append(names[monitor_id])
    first = sorted(found.items())[:MOST_ANNOUNCED]
    return [_announced(when, of, now_us) for when, of in first]


def _announced(when: Stretch, names: Sequence[str], now_us: int) -> News:
    listed = ", ".join(names)
    start, end = iso_of(when.start_us), iso_of(when.end_us)
    digest = hashlib.sha256(f"{when.start_us} {when.end_us} {listed}".encode()).hexdigest()[:32]
    return News(
        key=f"maintenance-{digest}",
        event_type="maintenance.announced",
        noted_us=now_us,
        subject=f"Maintenance: {listed[:200]}",
        text=f"Maintenance of {listed}, from {start} to {end}.",
        details={"maintenance": {"starts_at": start, "ends_at": end, "components": list(names)}},
        is_good=True,
    )


def _outgoing(vault: Vault, page: StatusPageRow, at: PageAt, news: News, to: Follower) -> Outgoing:
    message_id = new_message_id()
    return Outgoing(
        id=message_id,
        project_id=page.project_id,
        source="status",
        key=_key(news, to),
        message=news_message(at, news, token_of(vault, LEAVE, to.id)),
        target_kind=to.kind,
        target="a follower of a status page",
        sealed_target=seal_target(vault, message_id, to.config),
    )
