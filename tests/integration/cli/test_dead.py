"""Dead letters beside a running server: shown with their reason, sent again once, counted right."""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventlog import sqlite_file
from schemas.projects import ProjectId
from tests.integration.cli.conftest import Place
from tests.poison import append_poison

pytestmark = pytest.mark.slow

SOON_S = 20


def trace(**fields: object) -> dict[str, Any]:
    return {
        "trace_id": str(uuid.uuid4()),
        "timestamp": "2026-11-21T00:00:00.123456Z",
        "provider": "openai",
        "model_requested": "gpt-4o",
        "request_body": {"messages": []},
        "latency_ms": 12.5,
        "status": "success",
        "input_tokens": 1000,
        "output_tokens": 500,
    } | fields


def project_id(served: Place) -> ProjectId:
    return ProjectId(served.run("project", "list").lines[0][0])


def append(served: Place, *items: dict[str, Any]) -> int:
    """Puts items into the log as the edge would, but without its checks; returns when, in ns."""
    return append_poison(served.data_dir, project_id(served), *items)


def damage(served: Place) -> None:
    """Puts a record into the log whose checksum does not hold."""
    with closing(sqlite_file.connect(served.data_dir / "log.db")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        number, offset = connection.execute(
            "UPDATE partitions SET next_offset = next_offset + 1 WHERE topic = 'raw.traces'"
            " RETURNING number, next_offset - 1"
        ).fetchone()
        connection.execute(
            "INSERT INTO records VALUES (?, ?, 3, 1, x'616263')",
            (number << sqlite_file.OFFSET_BITS | offset, time.time_ns() // 1_000_000),
        )
        connection.execute("COMMIT")


def waiting(served: Place) -> list[str]:
    return [line[0] for line in served.run("dead", "list").lines]


def ledger(served: Place) -> dict[str, int]:
    with served.client() as client:
        answer = client.get("/v1/outcomes").json()
    assert answer["balanced"], answer
    totals: dict[str, int] = answer["totals"]
    return totals


def row(served: Place, trace_id: str) -> dict[str, Any] | None:
    with served.client() as client:
        answer = client.get(f"/v1/traces/{trace_id}")
    found: dict[str, Any] = answer.json()
    return found if answer.status_code == 200 else None


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_an_unknown_dead_letter_is_refused(served: Place) -> None:
    for command in ("show", "replay"):
        ran = served.run("dead", command, "raw.traces:0:999999:0")

        assert ran.code == 1
        assert ran.err == "sluice: there is no dead letter raw.traces:0:999999:0\n"


def test_replay_needs_a_dead_letter_or_all(served: Place) -> None:
    assert served.run("dead", "replay").code == 2
    assert served.run("dead", "replay", "x", "--all").code == 2


def test_a_poison_item_is_shown_corrected_and_stored_once(served: Place, tmp_path: Path) -> None:
    before = ledger(served)
    good, poison = trace(), trace(latency_ms="\x1b[31mslow")
    received_ns = append(served, good, poison)
    eventually(lambda: row(served, good["trace_id"]) and waiting(served))
    (ref,) = waiting(served)
    shown = served.run("dead", "show", ref)
    raw = served.run("dead", "show", ref, "--raw")

    assert "latency_ms" in shown.out
    assert "\x1b" not in shown.out
    assert json.loads(raw.out) == poison

    uncorrected = served.run("dead", "replay", ref)
    eventually(lambda: waiting(served) and waiting(served) != [ref])
    (again,) = waiting(served)

    assert uncorrected.code == 0
    assert f"replay of: {ref}" in served.run("dead", "show", again).out
    assert ledger(served)["dead"] == before["dead"] + 1

    corrected = tmp_path / "corrected.json"
    corrected.write_text(json.dumps(poison | {"latency_ms": 30}))
    assert served.run("dead", "replay", again, "--body", str(corrected)).code == 0
    eventually(lambda: row(served, poison["trace_id"]))
    twice = served.run("dead", "replay", again, "--body", str(corrected))
    eventually(lambda: ledger(served)["dead"] == before["dead"])
    now = ledger(served)
    stored = row(served, poison["trace_id"])

    assert twice.code == 1
    assert twice.err == f"sluice: {again} was replayed before\n"
    assert waiting(served) == []
    assert len(served.run("dead", "list", "--all").lines) == 2
    assert now["received"] == before["received"] + 2
    assert now["accepted"] == before["accepted"] + 2
    assert stored is not None
    assert stored["receivedAt"] == iso_ms(received_ns)
    assert stored["costCents"] == 0.75


def test_replay_all_sends_what_can_be_sent_and_names_what_cannot(
    served: Place, tmp_path: Path
) -> None:
    before = ledger(served)
    append(served, trace(status="odd"), trace(status="odd"))
    damage(served)
    eventually(lambda: len(waiting(served)) == 3)
    damaged = waiting(served)[-1]

    ran = served.run("dead", "replay", "--all")
    eventually(lambda: len(waiting(served)) == 3 and ledger(served)["dead"] == before["dead"] + 2)

    assert ran.code == 1
    assert ran.out == "replayed 2, left 1\n"
    assert f"left: {damaged} is a damaged record: it needs --body" in ran.err

    item = trace()
    body = tmp_path / "item.json"
    body.write_text(json.dumps(item))
    whose = ("--project", project_id(served))
    assert served.run("dead", "replay", damaged, "--body", str(body), *whose).code == 0
    eventually(lambda: row(served, item["trace_id"]))
    eventually(lambda: ledger(served)["accepted"] == before["accepted"] + 1)

    assert ledger(served)["dead"] == before["dead"] + 2


def test_of_two_that_replay_a_dead_letter_at_once_one_is_refused(served: Place) -> None:
    known = waiting(served)
    append(served, trace(status="odd"))
    eventually(lambda: len(waiting(served)) == len(known) + 1)
    (ref,) = set(waiting(served)) - set(known)

    with ThreadPoolExecutor(4) as threads:
        ran = list(threads.map(lambda _: served.run("dead", "replay", ref), range(4)))

    assert sorted(one.code for one in ran) == [0, 1, 1, 1]


def test_a_discarded_dead_letter_waits_no_more_and_stays_counted(served: Place) -> None:
    known, before = waiting(served), ledger(served)
    append(served, trace(status="odd"))
    eventually(lambda: len(waiting(served)) == len(known) + 1)
    (ref,) = set(waiting(served)) - set(known)

    first, second = served.run("dead", "discard", ref), served.run("dead", "discard", ref)

    assert (first.out, second.out) == (
        "discarded 1, done before 0\n",
        "discarded 0, done before 1\n",
    )
    assert waiting(served) == known
    assert "state:     discarded" in served.run("dead", "show", ref).out
    assert ledger(served)["dead"] == before["dead"] + 1


def test_a_dead_letter_is_listed_once_though_a_crash_appended_it_twice(served: Place) -> None:
    with closing(sqlite3.connect(served.data_dir / "log.db")) as connection:
        known = waiting(served)
        key = connection.execute(
            "SELECT max(key) FROM records WHERE key >> 44 ="
            " (SELECT number FROM partitions WHERE topic = 'dead')"
        ).fetchone()[0]
        with connection:
            connection.execute(
                "INSERT INTO records SELECT key + 1, appended_at_ms, bytes, crc, value"
                " FROM records WHERE key = ?",
                (key,),
            )
            connection.execute(
                "UPDATE partitions SET next_offset = next_offset + 1 WHERE topic = 'dead'"
            )

    assert waiting(served) == known


def iso_ms(at_ns: int) -> str:
    seconds, ms = divmod(at_ns // 1_000_000, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{ms:03d}Z"
