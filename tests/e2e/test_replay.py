"""What is read from the log again changes nothing; what cannot be read stops nothing."""

import asyncio
import os
import random
import re
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventlog.log import TopicPartition
from eventlog.records import Chunk, DeadLetter, decode_dead, encode_chunks
from eventlog.sqlite_log import SqliteLog
from eventlog.topics import DEAD
from schemas.kinds import TRACES
from schemas.projects import ProjectId
from tests.chunks import append_chunks
from tests.components import forks
from tests.e2e.audit import WHOLE_RANGE, list_all
from tests.e2e.load import make_span, make_trace
from tests.e2e.payloads import trace
from tests.e2e.server import Project, Server, create_project, wait_for
from tests.e2e.store_sums import read_sums

pytestmark = pytest.mark.slow

KEEP = {"LOG_KEEP_HOURS": "24"}


def test_a_replay_of_stored_offsets_changes_nothing(tmp_path: Path) -> None:
    with Server(tmp_path / "data", settings=KEEP) as server:
        project, plain = create_project(server), create_project(server)
        send_some(project)
        assert plain.post("/v1/traces/batch", [trace() for _ in range(50)]).status_code == 202
        server.wait_stored()
        before, before_plain = snapshot(project), snapshot(plain)
        server.stop()
        tables = read_sums(server.data_dir)

        rewind_log(server)
        server.start()
        wait_for(lambda: is_read(server), "the log to be read again", timeout_s=20)

        after = snapshot(project)
        # The checkpoint was set back by hand: what is read again is counted again.
        before.pop("outcomes")
        after.pop("outcomes")
        assert after == before
        assert snapshot(plain) == before_plain
        server.stop()
        assert read_sums(server.data_dir) == tables


def test_after_a_replay_a_resend_is_still_a_duplicate(tmp_path: Path) -> None:
    with Server(tmp_path / "data", settings=KEEP) as server:
        project = create_project(server)
        item = trace(output_text="first")
        project.post("/v1/traces/batch", [item])
        server.stop()
        rewind_log(server)
        server.start()

        answer = project.post("/v1/traces/batch", [item | {"output_text": "second"}])

        assert answer.json()["traces"][0]["outputText"] == "first"
        assert project.get("/v1/traces").json()["total"] == 1


def test_poison_becomes_dead_letters_and_its_neighbours_are_stored(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        project = create_project(server)
        first = trace()
        project.post("/v1/traces/batch", [first])
        server.stop()
        good = [trace() for _ in range(4)]
        far = trace(timestamp="9999-12-31T23:59:59Z")
        append(server, project, [good[0], b'{"trace_id": 7', good[1], far, good[2]])
        append(server, project, [trace()], damaged=True)
        append(server, project, [good[3]])

        server.start()

        server.wait_stored()
        expected = {item["trace_id"] for item in (first, *good)}
        assert {row["traceId"] for row in list_all(project, "traces")} == expected
        assert project.outcomes() == {"received": 7, "accepted": 5, "dead": 2}
        server.stop()
        broken, late, damaged = dead_letters(server)
        assert (broken.body, broken.topic) == (b'{"trace_id": 7', "raw.traces")
        assert broken.reason.startswith("not a trace: ")
        assert "9999-12-31" in late.reason
        assert "damaged" in damaged.reason
        assert (broken.project_id, late.project_id) == (project.project_id,) * 2


def test_a_dead_letter_is_listed_shown_and_stored_once_when_corrected(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        project = create_project(server)
        server.stop()
        far = trace(timestamp="9999-12-31T23:59:59Z", output_text="from far")
        append(server, project, [far, trace()])
        server.start()
        server.wait_stored()
        assert project.outcomes() == {"received": 2, "accepted": 1, "dead": 1}
        corrected = tmp_path / "corrected.json"
        corrected.write_bytes(msgspec.json.encode(far | {"timestamp": "2026-11-01T00:00:00Z"}))

        listed = dead_command(server, "list")
        ref = re.search(r"raw\.traces:\d+:\d+:\d+", listed.stdout)
        assert ref is not None, listed.stdout + listed.stderr
        shown = dead_command(server, "show", ref[0])
        as_it_was = dead_command(server, "replay", ref[0], "--body", str(corrected))
        again = dead_command(server, "replay", ref[0], "--body", str(corrected))

        assert "9999-12-31" in shown.stdout
        assert "from far" in shown.stdout
        assert as_it_was.returncode == 0, as_it_was.stderr
        assert again.returncode != 0
        wait_for(
            lambda: project.outcomes() == {"received": 2, "accepted": 2}, "the corrected trace"
        )
        rows = {row["traceId"]: row for row in list_all(project, "traces")}
        assert len(rows) == 2
        assert rows[far["trace_id"]]["timestamp"] == "2026-11-01T00:00:00.000Z"


def dead_command(server: Server, *words: str) -> "subprocess.CompletedProcess[str]":
    """Runs `sluice dead` beside the server, on its data directory."""
    arguments = ["dead", *words, "--data-dir", str(server.data_dir)]
    return forks.run(arguments, env={**os.environ, "COLUMNS": "300"})


def send_some(project: Project) -> None:
    """Sends traces and spans, some twice, and a batch that is refused."""
    chance = random.Random(7)
    for _ in range(10):
        traces = [make_trace(chance) for _ in range(20)]
        assert project.post("/v1/traces/async", traces).status_code == 202
        assert project.post("/v1/spans/batch", [make_span(chance)] * 3).status_code == 202
    assert project.post("/v1/traces/batch", traces).status_code == 202
    assert project.post("/v1/traces/async", [{}]).status_code == 400


def snapshot(project: Project) -> dict[str, Any]:
    """Returns everything that the project can see."""
    return {
        "traces": list_all(project, "traces"),
        "spans": list_all(project, "spans"),
        "analytics": project.get("/v1/analytics", group_by="model,user", **WHOLE_RANGE).json(),
        "span analytics": project.get("/v1/analytics/spans", **WHOLE_RANGE).json(),
        "outcomes": project.outcomes(),
    }


def rewind_log(server: Server) -> None:
    """Moves the checkpoints of the stopped server's log back."""
    with sqlite3.connect(server.data_dir / "log.db") as log:
        changed = log.execute(
            "UPDATE partitions SET stored_through = -1 WHERE next_offset > 0"
        ).rowcount
    log.close()
    assert changed > 0


def is_read(server: Server) -> bool:
    """Tells whether all that the log holds is stored."""
    log = sqlite3.connect(server.data_dir / "log.db", timeout=10)
    try:
        rows = log.execute(
            "SELECT stored_through = next_offset - 1 FROM partitions WHERE topic != 'dead'"
        )
        return all(done for (done,) in rows)
    finally:
        log.close()


def append(
    server: Server, project: Project, items: Sequence[Any], *, damaged: bool = False
) -> None:
    """Appends one record to the stopped server's log; a damaged one has some of its bits turned."""
    bodies = [item if isinstance(item, bytes) else msgspec.json.encode(item) for item in items]
    chunk = Chunk(ProjectId(project.project_id), "pulse.trace", time.time_ns(), bodies)
    log = SqliteLog(server.data_dir / "log.db")
    try:
        offsets = asyncio.run(append_chunks(log, TRACES.name, {0: chunk}))
    finally:
        log.close()
    if damaged:
        value = bytes(byte ^ 0x55 for byte in encode_chunks([chunk]))
        with sqlite3.connect(server.data_dir / "log.db") as file:
            file.execute(
                "UPDATE records SET value = ? WHERE key & ? = ?", (value, 0xFFFF, *offsets.values())
            )
        file.close()


def dead_letters(server: Server) -> list[DeadLetter]:
    """Reads the dead-letter topic of the stopped server's log."""
    log = SqliteLog(server.data_dir / "log.db")
    try:
        records = log.read(TopicPartition(DEAD.name, 0), 0, 100, 1 << 20)
        return [
            dead_letter
            for record in records
            for dead_letter in decode_dead(record.value or b"").dead_letters
        ]
    finally:
        log.close()
