"""Has what jobs say of their runs become checks in the log: in every process that has one."""

import time
from collections.abc import Sequence

from msgspec.structs import replace

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.uptime.feeding import targets_of
from controlplane.uptime.heartbeats import Heard, note_heard
from controlplane.uptime.ping_urls import PingUrls
from controlplane.uptime.words import KeptWord, drop_words, list_words, listen
from eventlog.log import EventLog
from eventlog.producer import produce
from ingest.uptime.heartbeats import Runs
from schemas.projects import ProjectId
from schemas.uptime.checks import Check
from schemas.uptime.heartbeats import BY_THE_CLOCK, HeartbeatTarget, check_of
from sluice.probing import items_of
from sluice.process import Process

EVERY_S = 1.0
LISTEN_EVERY_S = 5.0
AT_ONCE = 500


class Hearing:
    """Takes the words that are kept, makes checks of them, and appends those."""

    def __init__(self, database: Database, vault: Vault, log: EventLog) -> None:
        self._database = database
        self._vault = vault
        self._log = log

    async def work(self) -> None:
        """Appends all that is kept. Several may do it: a check that comes twice is one."""
        while await self._append_some() == AT_ONCE:
            pass

    async def _append_some(self) -> int:
        words = await list_words(self._database, AT_ONCE)
        if not words:
            return 0
        targets = await targets_of(self._database, self._vault, words)
        checks = checks_of(words, targets)
        for project_id, items in items_of(checks).items():
            await produce(self._log, project_id, [items], time.time_ns())
        for project_id, heard in starts_of(checks).items():
            await note_heard(self._database, project_id, heard)
        await drop_words(self._database, [one.word_id for one in words])
        return len(words)


def checks_of(words: Sequence[KeptWord], targets: dict[str, HeartbeatTarget]) -> list[Check]:
    """Returns the checks of words, in their order; an end knows of the start before it."""
    started: dict[str, int | None] = {}
    found = []
    for word_id, _, word in words:
        target = targets.get(word_id)
        if target is None or (word.signal in BY_THE_CLOCK and word.at_us < target.since_us):
            continue
        start_us = started.get(target.monitor_id, target.started_us)
        found.append(check_of(replace(target, started_us=start_us), word))
        if word.signal == "started":
            started[target.monitor_id] = word.at_us
        elif word.signal in ("ok", "fail"):
            started[target.monitor_id] = None
    return found


def starts_of(checks: Sequence[Check]) -> dict[ProjectId, dict[str, Heard]]:
    """Returns the newest start of each monitor, by project; checks are in order."""
    found: dict[ProjectId, dict[str, Heard]] = {}
    for one in checks:
        if one.reason == "started":
            heard = Heard(one.slot_us, one.slot_us, one.slot_us)
            found.setdefault(one.project_id, {})[str(one.monitor_id)] = heard
    return found


def add_hearing(process: Process, database: Database, vault: Vault, log: EventLog) -> None:
    """Adds ping URLs, and what is done beside them."""
    process.state |= {"ping_urls": PingUrls(database, vault), "ping_runs": Runs()}
    process.upkeep += [
        (EVERY_S, Hearing(database, vault, log).work),
        (LISTEN_EVERY_S, lambda: listen(database)),
    ]
