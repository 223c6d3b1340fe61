"""Works off erasures of people's data, in one process of an installation.

The order: all that the log holds is stored; the person leaves the rollups that name people, then
the rows; then dead letters, titles and messages. Each part may be repeated and finds less, but for
the sums of LLM calls: that these moved is noted, and until it is, their token makes them move once.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from datetime import date
from typing import Protocol
from uuid import uuid4

import msgspec
import structlog
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.kept_days import Leaving, forget_people
from clickhouse.person_rollups import drop_empty_sums, move_session_sums, take_out_of_errors
from clickhouse.personal import PERSONAL, Personal
from clickhouse.persons import (
    PATIENT,
    Whose,
    count_rows,
    erase_rows,
    list_fingerprints,
    mutation_settings,
)
from controlplane.database import Database
from controlplane.erasures import save_erasure, take_erasure
from controlplane.failures import ControlPlaneError
from controlplane.person_texts import SHORT_CHARS, Texts, count_texts
from controlplane.thinning import find_rows_from
from eventlog.records import DeadLetter
from processors.blocks import StoredLog, is_past
from schemas.persons import Done, Erasure, ErasureState
from schemas.projects import ProjectId
from schemas.retention import first_received

POLL_S = 0.2
EraseTexts = Callable[[Database, ProjectId, Collection[str], str], Awaitable[None]]
"""Leaves a person out of what the control plane tells of errors with these fingerprints."""
ID_FIELDS = b"id|email|username|name|ip_address|ip|userId|user_id|author"
VALUE_FIELDS = ID_FIELDS + b"|value|stringValue|user\\.id|user\\.email|user\\.name"
"""Where attributes of logs and of OpenTelemetry hold who it is too: of ids that are no number."""

log = structlog.get_logger(__name__)


class Beside(Protocol):
    """What the control plane holds of a person's rows: the store says whose they are."""

    @property
    def kind(self) -> str:
        """As people call it."""
        ...

    async def count(self, database: Database, store: Warehouse, whose: Whose) -> int:
        """Returns how much of it there is."""
        ...

    async def erase(self, database: Database, store: Warehouse, whose: Whose) -> None:
        """Erases it. May be repeated."""
        ...


class ErasedLog(StoredLog, Protocol):
    """What erasing asks of the log."""

    async def drop_dead_letters(self, named: Callable[[DeadLetter], bool]) -> None:
        """Drops the dead letters of which this is true, off the disk where the log is a file."""
        ...


class NotOurs(Exception):
    """Raised when another process has taken the erasure over."""


class Erasures:
    """Works on what people asked for."""

    def __init__(
        self,
        database: Database,
        warehouse: Warehouse,
        event_log: ErasedLog,
        *,
        erase_texts: EraseTexts,
        texts: Sequence[Texts],
        beside: Sequence[Beside] = (),
    ) -> None:
        self._database = database
        self._store = warehouse.aside
        self._log = event_log
        self._erase_texts = erase_texts
        self._texts = texts
        """What `erase_texts` leaves a person out of, to count it before."""
        self._beside = beside
        self._owner = str(uuid4())
        self._done = Done()
        """How far the erasure is that is worked on."""

    async def work(self) -> None:
        """Looks once for an erasure, and finishes it. May be stopped at any moment.

        Raises what the stores do: the erasure stands, and is taken up again.
        """
        erasure = await take_erasure(self._database, self._owner)
        if erasure is None or erasure.person is None:
            return
        self._done = replace(erasure.done, failure="")
        try:
            await self._erase(erasure, Whose(erasure.project_id, erasure.person, erasure.until_us))
        except NotOurs:
            log.info("erasure taken over by another process", erasure_id=erasure.erasure_id)
        except Exception as error:
            failure = str(error)[:500] or type(error).__name__
            with suppress(ControlPlaneError, NotOurs):
                await self._save(erasure, failure=failure)
            raise

    async def _erase(self, erasure: Erasure, whose: Whose) -> None:
        await self._settle()
        if not self._done.rows:
            rows = await count_rows(self._store, whose, **PATIENT)
            rows |= await count_texts(self._database, self._texts, whose.project_id, whose.person)
            for one in self._beside:
                rows[one.kind] = await one.count(self._database, self._store, whose)
            await self._save(erasure, rows=rows)
        # As long as rows name the person, and before texts lose the id by which items are found.
        for one in self._beside:
            await one.erase(self._database, self._store, whose)
        # Before the rows are blanked, for they say which issues it is about.
        fingerprints = await list_fingerprints(self._store, whose)
        await self._erase_texts(self._database, whose.project_id, fingerprints, whose.person)
        for table in PERSONAL:
            await self._erase_table(erasure, table, whose)
        await self._log.drop_dead_letters(dead_letters_of(whose.project_id, whose.person))
        await self._save(erasure, state="done")
        # After the id itself has gone. What fails here is done with the next erasure.
        await self._database.scrub()
        log.info(
            "person erased",
            project_id=erasure.project_id,
            person_hash=erasure.person_hash,
            erasure_id=erasure.erasure_id,
            rows=dict(self._done.rows),
        )

    async def _erase_table(self, erasure: Erasure, one: Personal, whose: Whose) -> None:
        if one.table == "errors":
            await take_out_of_errors(self._store, whose)
        if one.table == "traces" and not self._done.sums_moved:
            await move_session_sums(self._store, whose, f"erase/{erasure.erasure_id}")
            await self._save(erasure, sums_moved=True)
        await erase_rows(self._store, one, whose)
        if one.table == "traces":
            await drop_empty_sums(self._store, whose)
            await self._forget_kept_days(whose)

    async def _forget_kept_days(self, whose: Whose) -> None:
        settings = await mutation_settings(self._store)
        rows_from = await find_rows_from(self._database, whose.project_id)
        whole_from = date(1970, 1, 1) if rows_from is None else first_received(rows_from)
        leaving = Leaving(whose.project_id, whose.person, whole_from)
        build = time.time_ns() // 1000
        await forget_people(self._store, leaving, build=build, settings=settings)

    async def _save(
        self, erasure: Erasure, state: ErasureState = "running", **named: object
    ) -> None:
        done = replace(self._done, **named)
        saved = await save_erasure(
            self._database, erasure.erasure_id, self._owner, done, state=state
        )
        if not saved:
            raise NotOurs
        self._done = done

    async def _settle(self) -> None:
        """Waits until what is in the log is stored: what came before the request is found then."""
        ends = {one: place.next_offset for one, place in (await self._log.places()).items()}
        while not is_past(await self._log.places(), ends):  # noqa: ASYNC110 (Kafka tells nobody)
            await asyncio.sleep(POLL_S)


def dead_letters_of(project_id: ProjectId, person: str) -> Callable[[DeadLetter], bool]:
    """Returns what tells a person's dead letters: items that no step could read have no columns."""
    text, plain = re.escape(msgspec.json.encode(person)), re.escape(person.encode())
    fields = ID_FIELDS if len(person) < SHORT_CHARS else VALUE_FIELDS
    bare = rb"|" + plain if person.isdecimal() else b""
    pattern = re.compile(rb'"(?:' + fields + rb')"\s*:\s*(?:' + text + bare + rb")\s*[,}]")
    # Protobuf, as OTLP has it, writes a text as its length and its bytes.
    written = re.compile(re.escape(_varint(len(person.encode()))) + plain)

    def is_theirs(one: DeadLetter) -> bool:
        if one.project_id != project_id:
            return False
        is_binary = len(person) >= SHORT_CHARS and one.body.lstrip()[:1] not in (b"{", b"[")
        return (written if is_binary else pattern).search(one.body) is not None

    return is_theirs


def _varint(number: int) -> bytes:
    """Writes a length, which is less than 16,384 here, as protobuf does."""
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80, number >> 7])
