"""Killed at any moment, the log has what it acknowledged: every record, once, in one piece."""

import hashlib
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from eventlog.dead_letters import DeadLetterBox
from eventlog.sqlite_log import SqliteLog
from tests.integration.eventlog.logs import HEAD, items_of, records, set_aside

ROUNDS = 16
FULL = 2
SEED = 20_260_101


def run_and_kill(path: Path, seed: int, after_s: float) -> list[list[str]]:
    """Lets a writer work for a moment, kills it, and returns the lines that it finished."""
    command = [sys.executable, "-m", "tests.integration.eventlog.writer_process", str(path)]
    process = subprocess.Popen([*command, str(seed)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process, process.stdout:
        opened = process.stdout.readline()
        assert opened == b"open\n"
        time.sleep(after_s)
        process.kill()
        rest = process.stdout.read()
    return [line.split() for line in rest.decode().split("\n")[:-1]]


async def test_every_commit_is_synced_to_the_disk(path: Path) -> None:
    """A kill leaves the system's cache alone, so the kills below could not tell."""
    with closing(SqliteLog(path)) as log, closing(DeadLetterBox(path)) as box:
        for connection in (log._file.connection, box._connection):
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert connection.execute("PRAGMA synchronous").fetchone() == (FULL,)


def test_every_acknowledged_record_outlives_kill_9_exactly_once(path: Path) -> None:
    rng = random.Random(SEED)
    acknowledged: dict[str, int] = {}
    stored_through = -1
    names = set()

    for round_ in range(ROUNDS):
        for line in run_and_kill(path, round_, rng.uniform(0.0, 0.25)):
            if line[0] == "ack":
                assert line[2] not in acknowledged
                acknowledged[line[2]] = int(line[1])
            elif line[0] == "stored":
                stored_through = int(line[1])
        with closing(SqliteLog(path)) as log:
            assert set_aside(path) == []
            names.add(log.log_id)
            state = log.states()[HEAD]
            found = records(log)

        # A block may have been completed without our having been told.
        assert state.progress.stored_through >= stored_through
        stored_through = state.progress.stored_through
        offsets = [stored.offset for stored in found]
        assert offsets == list(range(stored_through + 1, state.next_offset))
        assert all(stored.value is not None for stored in found)
        hashes = [
            (hashlib.sha256(item).hexdigest(), stored.offset)
            for stored in found
            for item in items_of(stored)
        ]
        assert len({name for name, _ in hashes}) == len(hashes)
        waiting = {name: at for name, at in acknowledged.items() if at > stored_through}
        assert waiting.items() <= dict(hashes).items(), f"seed {SEED}, round {round_}"

    assert len(names) == 1
    assert len(acknowledged) > 500
