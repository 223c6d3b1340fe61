"""What stored events do to issues: new ones come into being, known ones are seen, some reopen.

Everything here may be repeated, by several processes at once: moments move by least and greatest
alone, and what happens once is noted under a name that happens once.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.errors.activity import Happening, note
from controlplane.errors.counters import lock_counters, set_counters
from controlplane.errors.models import (
    MAX_FINGERPRINT_CHARS,
    MAX_RELEASE_CHARS,
    MAX_SHORT_CHARS,
    MAX_TITLE_CHARS,
    Issue,
    IssueFingerprint,
)
from controlplane.errors.regressions import Reopening, reopen
from controlplane.errors.releases import note_releases
from controlplane.errors.seen import SEE, bound, seen_values
from controlplane.many_rows import insert_new, named_so, parts
from controlplane.models import Project
from controlplane.rules import as_uuid, uuid_of
from schemas.errors.hashes import signed_hash
from schemas.errors.issues import Named, Sighting

MAX_LEVEL_CHARS, MAX_PLATFORM_CHARS = 16, 64
Key = tuple[UUID, str]
"""Project and fingerprint."""


class _Known(NamedTuple):
    issue_id: UUID
    number: int
    status: str
    resolved_us: int | None


class _Seen(NamedTuple):
    sighting: Sighting
    known: _Known


async def note_sightings(database: Database, sightings: Sequence[Sighting]) -> None:
    """Brings the issues up to what was seen.

    A fingerprint that nobody knows makes an issue, unless one of its others belongs to one. Events
    of projects that are gone change nothing. May be called again with the same sightings, and
    beside other processes.
    """
    are_ids = {one: as_uuid(one) is not None for one in {one.project_id for one in sightings}}
    cleaned = [_cleaned(one) for one in sightings if are_ids[one.project_id]]
    async with database.reading() as session:
        known = await _find(session, map(_key, cleaned))
        unknown = [one for one in cleaned if _key(one) not in known]
        live = await _live_projects(session, {_key(one)[0] for one in unknown})
    if unknown:
        unknown = [one for one in unknown if _key(one)[0] in live]
        cleaned = [one for one in cleaned if _key(one) in known or _key(one)[0] in live]
    if not cleaned:
        return
    async with database.session() as session:
        if unknown:
            known |= await _make_known(session, unknown)
        await note_releases(session, cleaned)
        seen = [_Seen(one, known[_key(one)]) for one in cleaned]
        await _see(session, seen)
        await reopen(session, _reopenings(seen))


async def _live_projects(session: AsyncSession, project_ids: Iterable[UUID]) -> set[UUID]:
    found = set()
    for some in parts(sorted(project_ids)):
        found |= set(await session.scalars(select(Project.id).where(Project.id.in_(some))))
    return found


async def _find(session: AsyncSession, keys: Iterable[Key]) -> dict[Key, _Known]:
    """Returns the issues of those of the keys that belong to one."""
    found = {}
    of = IssueFingerprint
    for some in parts(sorted(set(keys))):
        query = (
            select(of.project_id, of.fingerprint, Issue.id, Issue.number, Issue.status)
            .add_columns(Issue.resolved_us)
            .join(Issue, Issue.id == of.issue_id)
            .where(named_so(of.project_id, of.fingerprint, some))
        )
        of_project = {project_id: project_id for project_id, _ in some}
        for project_id, fingerprint, *issue in (await session.execute(query)).all():
            # The same object as in the keys: two that are equal take a microsecond to compare.
            found[of_project[project_id], fingerprint] = _Known(*issue)
    return found


async def _make_known(session: AsyncSession, unknown: Sequence[Sighting]) -> dict[Key, _Known]:
    """Has each fingerprint belong to an issue, and returns them all."""
    last = await lock_counters(session, list({_key(one)[0] for one in unknown}))
    # Another process may have made them known until it let go of the lock.
    others = [(_key(one)[0], other) for one in unknown for other in one.others]
    known = await _find(session, [*map(_key, unknown), *others])
    issues, fingerprints = [], []
    for one in sorted(unknown, key=lambda sighting: (sighting.first_us, sighting.fingerprint)):
        project_id, fingerprint = key = _key(one)
        if key in known:
            continue
        related = [known[project_id, other] for other in one.others if (project_id, other) in known]
        if related:
            issue = min(related, key=lambda found: found.number)
        else:
            last[project_id] += 1
            issue = _Known(uuid.uuid4(), last[project_id], "open", None)
            issues.append(_issue_row(one, issue))
        known[key] = issue
        fingerprints.append(
            {
                "project_id": project_id,
                "fingerprint": fingerprint,
                "group_hash": signed_hash(one.group_hash),
                "issue_id": issue.issue_id,
            }
        )
    await insert_new(session, Issue, issues)
    await insert_new(session, IssueFingerprint, fingerprints)
    await set_counters(session, last)
    await note(session, [_created(row) for row in issues])
    return known


async def _see(session: AsyncSession, seen: Sequence[_Seen]) -> None:
    # In one order for all, or two processes wait for each other.
    # By the number of an id: to compare two ids is a call of Python.
    rows = sorted([(one.known.issue_id.int, one.sighting.last_us, n) for n, one in enumerate(seen)])
    ordered = [seen[n] for _, _, n in rows]
    connection = await session.connection()
    await connection.execute(SEE, [bound(one.known.issue_id, one.sighting) for one in ordered])


def _reopenings(seen: Sequence[_Seen]) -> list[Reopening]:
    """Returns what may reopen resolved issues: arrivals after they were resolved."""
    arrivals: dict[UUID, dict[str, int]] = {}
    for sighting, known in seen:
        if known.status != "resolved" or known.resolved_us is None:
            continue
        for release, at_us in sighting.arrivals.items():
            if at_us > known.resolved_us:
                of = arrivals.setdefault(known.issue_id, {})
                of[release] = max(at_us, of.get(release, 0))
    return [Reopening(issue_id, arrivals[issue_id]) for issue_id in sorted(arrivals)]


def _issue_row(one: Sighting, issue: _Known) -> dict[str, Any]:
    return seen_values(one) | {
        "id": issue.issue_id,
        "project_id": _key(one)[0],
        "number": issue.number,
        "status": issue.status,
        "created_us": min(one.arrivals.values(), default=one.last_us),
        "times_regressed": 0,
    }


def _created(row: dict[str, Any]) -> Happening:
    return Happening(
        row["project_id"],
        row["id"],
        "created",
        row["created_us"],
        data={"release": row["first_release"]},
        name="created",
    )


def _key(one: Sighting) -> Key:
    return uuid_of(one.project_id), one.fingerprint


def _cleaned(one: Sighting) -> Sighting:
    """Cuts texts to what the columns hold; PostgreSQL stores no NUL.

    Most have nothing to cut, and are returned as they are: to make each anew takes 10 us.
    """
    releases = [named.release for named in (one.first_release, one.last_release) if named]
    if (
        _fits(MAX_SHORT_CHARS, one.type, one.culprit)
        and _fits(MAX_TITLE_CHARS, one.title)
        and _fits(MAX_LEVEL_CHARS, one.level)
        and _fits(MAX_PLATFORM_CHARS, one.platform)
        and _fits(MAX_RELEASE_CHARS, *releases, *one.arrivals)
        and _fits(MAX_FINGERPRINT_CHARS, one.fingerprint, *one.others)
    ):
        return one
    return replace(
        one,
        fingerprint=_text(one.fingerprint, MAX_FINGERPRINT_CHARS),
        others=tuple(_text(other, MAX_FINGERPRINT_CHARS) for other in one.others),
        type=_text(one.type, MAX_SHORT_CHARS),
        title=_text(one.title, MAX_TITLE_CHARS),
        culprit=_text(one.culprit, MAX_SHORT_CHARS),
        level=_text(one.level, MAX_LEVEL_CHARS),
        platform=_text(one.platform, MAX_PLATFORM_CHARS),
        first_release=_named(one.first_release),
        last_release=_named(one.last_release),
        arrivals={_text(name, MAX_RELEASE_CHARS): us for name, us in one.arrivals.items()},
    )


def _named(one: Named | None) -> Named | None:
    return None if one is None else one._replace(release=_text(one.release, MAX_RELEASE_CHARS))


def _fits(most: int, *texts: str) -> bool:
    joined = "".join(texts)
    # Together they are seldom longer than one may be.
    return "\0" not in joined and (len(joined) <= most or all(len(text) <= most for text in texts))


def _text(text: str, most: int) -> str:
    return text if _fits(most, text) else text.replace("\0", "")[:most]
