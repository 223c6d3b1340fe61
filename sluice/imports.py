"""Brings the data of another server into this one's log, a batch at a time."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TextIO

import msgspec

from controlplane.database import Database
from controlplane.import_progress import Position, know_position, known_position
from controlplane.imports import (
    Accounts,
    ImportedKey,
    ImportedMember,
    ImportedPerson,
    ImportedProject,
)
from controlplane.projects import as_role
from controlplane.pulse_keys import plain_key
from eventlog.bulk import BulkLog
from eventlog.producer import Items, chunks_of
from ingest.forms import Form
from ingest.llm.pulse_file import PulseFile, Row
from ingest.rejections import BadItems, ItemTooLarge, Rejected
from schemas.kinds import SPAN, TRACE, Kind
from schemas.projects import ProjectId
from sluice.lock import holder_of

KINDS = (TRACE, SPAN)
BATCH_ROWS = 100
"""As many as an array of a sender may hold: each batch is checked as one."""
MAX_WAITING = 400
"""Records that a running server has not stored, beyond which an import waits for it."""
PAUSE_S = 0.05
SAVE_S = 0.5
"""How often the position is written down: what came after it comes again after a crash, and is left
out where rows are stored."""


class Outcome(NamedTuple):
    """What became of one batch's rows."""

    taken: int
    rejected: int


class Import(NamedTuple):
    """Where rows come from, where they go, and who may get them."""

    source: PulseFile
    log: BulkLog
    database: Database
    """Where the position stands."""
    forms: Mapping[str, Form]
    projects: frozenset[ProjectId]
    rejects: TextIO
    max_item_bytes: int
    lock: Path | None
    """Of the server that stores what the log gets meanwhile, `None` for none."""

    async def position(self, kind: Kind) -> int:
        """Returns behind which row nothing was brought into this log yet.

        Where another row stands there now, rows may have come before it: all are looked at again.
        """
        log_id = self.log.log_id(kind.topic)
        known = await known_position(self.database, self.source.source, kind.name, log_id)
        return known.place if self.source.has(kind, *known) else 0

    async def run(self, on_batch: Callable[[Kind, Outcome], None]) -> None:
        """Brings in what is not in the log yet. Raises `LogError`; then it may go on later."""
        for kind in KINDS:
            await self._run_kind(kind, on_batch)

    async def _run_kind(self, kind: Kind, on_batch: Callable[[Kind, Outcome], None]) -> None:
        position, last, saved_s = await self.position(kind), "", 0.0
        try:
            while rows := self.source.rows(kind, position, BATCH_ROWS):
                outcome = await asyncio.to_thread(self._bring, kind, rows)
                position, last = rows[-1].rowid, rows[-1].item_id
                on_batch(kind, outcome)
                if time.monotonic() - saved_s >= SAVE_S:
                    await self._save(kind, Position(position, last))
                    saved_s = time.monotonic()
                await self._wait_for_the_server()
        finally:
            if last:
                await self._save(kind, Position(position, last))

    async def _save(self, kind: Kind, position: Position) -> None:
        log_id = self.log.log_id(kind.topic)
        source = self.source.source
        await know_position(self.database, source, kind.name, log_id, position)

    def _bring(self, kind: Kind, rows: Sequence[Row]) -> Outcome:
        good = self._fit(kind, rows)
        chunks = [
            chunk
            for (project_id, at_ns), group in groupby(good, key=_of_one_moment)
            for chunk in chunks_of(self.log, project_id, _items(kind, list(group)), at_ns)
        ]
        # First what a person reads: after a crash in between it is said twice, never not at all.
        self.rejects.flush()
        self.log.append(chunks)
        return Outcome(len(good), len(rows) - len(good))

    def _fit(self, kind: Kind, rows: Sequence[Row]) -> list[tuple[Row, Items]]:
        """Returns the rows that the edge would take, as it takes them; notes the others."""
        known = []
        for row in rows:
            if row.project_id.lower() in self.projects:
                known.append(row)
            else:
                self._reject(kind, row, f"its project {row.project_id} is not here")
        try:
            return list(zip(known, self._framed(kind, known), strict=True)) if known else []
        except Rejected:
            return [pair for row in known for pair in self._fit_alone(kind, row)]

    def _fit_alone(self, kind: Kind, row: Row) -> list[tuple[Row, Items]]:
        try:
            return list(zip([row], self._framed(kind, [row]), strict=True))
        except BadItems as error:
            issues = [
                f"{'.'.join(map(str, one.path[1:]))}: {one.message}" for one in error.details or ()
            ]
            self._reject(kind, row, "; ".join(issues))
        except (ItemTooLarge, Rejected) as error:
            self._reject(kind, row, error.message)
        return []

    def _framed(self, kind: Kind, rows: Sequence[Row]) -> list[Items]:
        """Returns each row's item by itself. Raises `Rejected` where any is not fit."""
        body = b"[" + b",".join(row.body for row in rows) + b"]"
        (framed,) = self.forms[kind.name].frame(body, {}, self.max_item_bytes).items
        return [
            Items(kind, [item], [item_id])
            for item, item_id in zip(framed.bodies, framed.ids, strict=True)
        ]

    def _reject(self, kind: Kind, row: Row, reason: str) -> None:
        said = {
            "kind": kind.name,
            "id": row.item_id,
            "project": row.project_id,
            "rowid": row.rowid,
            "reason": reason,
        }
        self.rejects.write(msgspec.json.encode(said).decode() + "\n")

    async def _wait_for_the_server(self) -> None:
        if self.lock is None:
            return
        while self.log.waiting() > MAX_WAITING and holder_of(self.lock) is not None:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(PAUSE_S)


def accounts_of(source: PulseFile, encryption_key: str | None) -> Accounts:
    """Reads who has an account there; with the key that Pulse sealed API keys with, their text."""
    passwords = {
        row["user_id"]: row["password"]
        for row in source.select("account")
        if row["provider_id"] == "credential"
    }
    return Accounts(
        projects=[
            ImportedProject(row["id"], row["name"], row["created_at"])
            for row in source.select("projects")
        ],
        keys=[
            ImportedKey(
                row["project_id"],
                row["name"],
                row["key_hash"],
                row["created_at"],
                row["last_used_at"],
                plain_key(row["encrypted_key"], encryption_key),
            )
            for row in source.select("api_keys")
        ],
        people=[
            ImportedPerson(
                row["id"], row["name"], row["email"], passwords.get(row["id"]), row["created_at"]
            )
            for row in source.select("user")
        ],
        members=[
            ImportedMember(
                row["user_id"], row["project_id"], as_role(row["role"]), row["created_at"]
            )
            for row in source.select("user_projects")
        ],
    )


def newest_ms(accounts: Accounts) -> int:
    """Returns when the newest key or membership was made, 0 where there is none."""
    moments = [one.created_at_ms for one in accounts.keys]
    moments += [one.created_at_ms for one in accounts.members]
    return min(max(moments, default=0), time.time_ns() // 1_000_000)


def _items(kind: Kind, pairs: Sequence[tuple[Row, Items]]) -> Items:
    bodies = [items.bodies[0] for _, items in pairs]
    return Items(kind, bodies, [items.ids[0] for _, items in pairs])


def _of_one_moment(pair: tuple[Row, Items]) -> tuple[ProjectId, int]:
    return ProjectId(pair[0].project_id.lower()), pair[0].received_at_ns
