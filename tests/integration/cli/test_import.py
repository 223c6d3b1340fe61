"""`sluice import pulse`: a Pulse server's file becomes ours, once, whatever is killed meanwhile."""

import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eventlog.log import TopicPartition
from eventlog.records import decode_chunks
from ingest.llm.pulse_file import PulseFile
from schemas.kinds import TRACE
from sluice.commands.errors import CommandError
from sluice.commands.imports import app
from sluice.lock import hold
from tests.components import forks
from tests.components.kafka import KafkaBroker
from tests.integration.cli.conftest import Place, Ran, serving
from tests.integration.cli.pulse_server import (
    BAKERY,
    BAKERY_KEY,
    BEGAN_MS,
    SHOP,
    SHOP_KEY,
    PulseServer,
)
from tests.integration.eventlog.kafka_logs import made, messages, own_address

TRACES, SPANS = 6_000, 200
YEAR = {"date_from": "2025-01-01T00:00:00Z", "date_to": "2025-12-31T00:00:00Z"}


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[PulseServer]:
    server = PulseServer(tmp_path)
    yield server
    server.close()


def arguments(place: Place, pulse: PulseServer) -> list[str]:
    rejected = place.data_dir.parent / "rejected.jsonl"
    return ["import", "pulse", "--from", str(pulse.path), "--rejected", str(rejected)]


def bring_in(place: Place, pulse: PulseServer) -> Ran:
    ran = place.run(*arguments(place, pulse), "--secrets", str(pulse.secrets))
    assert ran.code == 0, ran.err
    return ran


def position_of(place: Place) -> dict[str, int]:
    """Returns how far an import has come."""
    try:
        control = (place.data_dir / "control.db").as_uri()
        with sqlite3.connect(f"{control}?mode=ro", uri=True) as database:
            return dict(database.execute("SELECT part, position FROM import_progress"))
    except sqlite3.OperationalError:
        return {}


def kill_in_the_middle(place: Place, pulse: PulseServer, **settings: str) -> int:
    """Kills an import once it has begun; returns how many traces were in."""
    running = forks.start(
        arguments(place, pulse),
        env=place.environ(**settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while position_of(place).get("trace", 0) == 0:
        assert running.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    running.wait()
    return position_of(place)["trace"]


def total(place: Place, kind: str, key: str) -> int:
    with place.client(key) as client:
        return int(client.get(f"/v1/{kind}?limit=1").json()["total"])


def wait_total(place: Place, kind: str, key: str, wanted: int) -> None:
    deadline = time.monotonic() + 60
    while total(place, kind, key) < wanted:
        assert time.monotonic() < deadline, f"{total(place, kind, key)} of {wanted}"
        time.sleep(0.05)


@pytest.mark.slow
def test_killed_in_the_middle_and_run_again_all_is_there_once_and_what_comes_later_too(
    installation: Place, pulse: PulseServer
) -> None:
    place = installation
    for number in range(TRACES):
        pulse.add_trace(number, BAKERY if number % 6 == 0 else SHOP, cost_cents=0.25)
    for number in range(SPANS):
        pulse.add_span(number)

    killed_at = kill_in_the_middle(place, pulse)
    again, third = bring_in(place, pulse), bring_in(place, pulse)

    assert 0 < killed_at < TRACES
    assert f"brought in: {TRACES - killed_at} traces, {SPANS} spans" in again.out
    assert "brought in: 0 traces, 0 spans" in third.out
    with serving(place):
        check_stored(place)
        late = pulse.add_trace(TRACES, cost_cents=None)
        beside = bring_in(place, pulse)
        assert "brought in: 1 traces, 0 spans" in beside.out
        wait_total(place, "traces", SHOP_KEY, TRACES * 5 // 6 + 1)
        with place.client(SHOP_KEY) as client:
            row = client.get(f"/v1/traces/{late}").json()
        assert (row["costSource"], row["costCents"]) == ("computed", row["computedCostCents"])
        check_people(place)


@pytest.mark.slow
def test_a_log_that_is_lost_brings_what_it_had_again_and_nothing_is_there_twice(
    installation: Place, pulse: PulseServer
) -> None:
    place = installation
    for number in range(300):
        pulse.add_trace(number)
    bring_in(place, pulse)
    with serving(place):
        wait_total(place, "traces", SHOP_KEY, 300)
    for number in range(300, 400):
        pulse.add_trace(number)
    bring_in(place, pulse)
    for file in place.data_dir.glob("log.db*"):  # with what was never stored
        file.unlink()

    again = bring_in(place, pulse)

    assert "brought in: 400 traces" in again.out
    with serving(place), place.client(SHOP_KEY) as client:
        deadline = time.monotonic() + 60
        outcomes: dict[str, Any] = {"totals": {"received": 0}}
        while outcomes["totals"]["received"] < 700:
            assert time.monotonic() < deadline, outcomes
            outcomes = client.get("/v1/outcomes", params=YEAR).json()
        requests = client.get("/v1/analytics", params=YEAR).json()["totalRequests"]
    assert (outcomes["totals"]["accepted"], outcomes["totals"]["duplicate"]) == (400, 300)
    assert (requests, outcomes["balanced"]) == (400, True)


@pytest.mark.slow
def test_new_rows_in_the_place_of_deleted_ones_are_brought_in_too(
    installation: Place, pulse: PulseServer
) -> None:
    for number in range(10):
        pulse.add_trace(number)
    bring_in(installation, pulse)
    pulse.delete_newest_traces(3)
    for number in range(10, 15):
        pulse.add_trace(number)

    again, third = bring_in(installation, pulse), bring_in(installation, pulse)

    assert "brought in: 12 traces" in again.out  # all that is there; seven come twice
    assert "brought in: 0 traces" in third.out
    with serving(installation):
        wait_total(installation, "traces", SHOP_KEY, 15)
        assert total(installation, "traces", SHOP_KEY) == 15


def test_into_kafka_it_brings_each_row_though_it_was_killed_and_says_who_stores_it(
    installation: Place, pulse: PulseServer, kafka: KafkaBroker
) -> None:
    place, address = installation, own_address(kafka)
    cluster = {
        "SLUICE_KAFKA_URL": f"kafka://{kafka.bootstrap}",
        "SLUICE_KAFKA_TOPIC_PREFIX": address.topic_prefix,
        "SLUICE_LOG_PARTITIONS": "2",
    }
    made(address, partitions=2)
    ids = {pulse.add_trace(number) for number in range(TRACES // 4)}
    pulse.add_span(0)

    killed_at = kill_in_the_middle(place, pulse, **cluster)
    again, third = (place.run(*arguments(place, pulse), **cluster) for _ in range(2))

    assert 0 < killed_at < len(ids)
    assert f"brought in: {len(ids) - killed_at} traces, 1 spans" in again.out
    assert "sluice worker stores them" in again.out
    assert "brought in: 0 traces, 0 spans" in third.out
    there = [
        json.loads(item)["trace_id"]
        for number in range(2)
        for message in messages(address, TopicPartition("raw.traces", number))
        for chunk in decode_chunks(message.value() or b"")
        for item in chunk.items
    ]
    assert set(there) == ids
    assert not place.log_file.exists()


def test_without_its_topics_kafka_is_told_of_and_nothing_else_happens(
    installation: Place, pulse: PulseServer, kafka: KafkaBroker
) -> None:
    pulse.add_trace(0)

    ran = installation.run(
        *arguments(installation, pulse),
        SLUICE_KAFKA_URL=f"kafka://{kafka.bootstrap}",
        SLUICE_KAFKA_TOPIC_PREFIX=own_address(kafka).topic_prefix,
    )

    assert ran.code == 1
    assert "does not exist; `sluice migrate` creates it" in ran.err
    assert position_of(installation) == {}


def check_stored(place: Place) -> None:
    wait_total(place, "traces", SHOP_KEY, TRACES * 5 // 6)
    wait_total(place, "traces", BAKERY_KEY, TRACES // 6)
    wait_total(place, "spans", SHOP_KEY, SPANS)
    with place.client(SHOP_KEY) as client:
        sums = client.get("/v1/analytics", params=YEAR).json()
        first = client.get("/v1/traces?limit=1&offset=4999").json()["traces"][0]
        (span,) = client.get("/v1/spans?limit=1&offset=199").json()["spans"]
        outcomes = client.get("/v1/outcomes", params=YEAR).json()
    assert (sums["totalRequests"], sums["totalCost"]) == (5_000, 1_250)
    assert first["timestamp"] == first["receivedAt"] == "2025-01-01T00:01:00.123Z"
    assert (first["costCents"], first["costSource"]) == (0.25, "reported")
    assert first["computedCostCents"] is not None
    assert first["requestBody"] == {"messages": [{"role": "user", "content": "H\u00fc"}]}
    assert (first["latencyMs"], first["metadata"]) == (12.5, {"userId": "user-123"})
    assert (span["toolInput"], span["toolResponse"]) == ({"command": "ls"}, "ok")
    assert span["isInterrupt"] is False
    assert outcomes["totals"]["accepted"] == 5_000 + SPANS
    assert outcomes["balanced"]


def check_people(place: Place) -> None:
    """Ann signs in with her password of there, sees her project alone, and its key."""
    with place.client() as client:
        who = {"email": "ann@example.com", "password": "correct horse"}
        for _ in range(2):  # the second time, against the hash of ours
            assert client.post("/api/auth/sign-in/email", json=who).status_code == 200
        projects = client.get("/dashboard/api/projects").json()["projects"]
        keys = client.get("/dashboard/api/api-keys", headers={"X-Project-Id": SHOP}).json()
    assert [(one["id"], one["role"]) for one in projects] == [(SHOP, "admin")]
    assert [one["key"] for one in keys["keys"]] == [SHOP_KEY]


def test_what_is_not_taken_is_told_with_its_id_and_reason(
    installation: Place, pulse: PulseServer
) -> None:
    pulse.add_trace(0)
    wrong = {
        pulse.add_trace(1, status="odd"): "status: Expected one of success, error",
        pulse.add_trace(2, request_body="no json"): "request_body: Expected `object`",
        pulse.add_trace(3, trace_id="no uuid"): "trace_id",
        pulse.add_trace(4, model_requested="x" * 300): "model_requested",
        pulse.add_trace(5, timestamp=-9_000_000_000_000): "timestamp",
        pulse.add_trace(6, timestamp=10**18): "timestamp",
        pulse.add_trace(7, project_id="gone"): "its project gone is not here",
        pulse.add_span(8, kind="of_later"): "kind: Expected one of",
    }
    pulse.add_span(9, tool_response="plain text")

    ran = bring_in(installation, pulse)

    assert "brought in: 1 traces, 1 spans" in ran.out
    assert f"rejected: {len(wrong)} rows" in ran.out
    told: list[dict[str, Any]] = [
        json.loads(line)
        for line in (installation.data_dir.parent / "rejected.jsonl").read_text().splitlines()
    ]
    assert sorted(one["id"] for one in told) == sorted(wrong)
    for one in told:
        assert one["reason"].startswith(wrong[one["id"]])


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_a_file_of_another_kind_is_called_so(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "pulse.db"
    if content is not None:
        path.write_bytes(content)

    ran = CliRunner().invoke(
        app, ["pulse", "--from", str(path), "--data-dir", str(tmp_path / "data")]
    )

    assert isinstance(ran.exception, CommandError)
    assert str(path) in str(ran.exception)
    assert not (tmp_path / "data").exists()


def test_a_second_import_beside_the_first_is_told_so(
    installation: Place, pulse: PulseServer
) -> None:
    pulse.add_trace(0)
    with hold(installation.data_dir / "import.lock"):
        ran = installation.run(*arguments(installation, pulse))

    assert ran.code == 2
    assert "is in use by process" in ran.err


def test_nothing_arrives_in_the_future(pulse: PulseServer) -> None:
    pulse.add_trace(0, timestamp=4_400_000_000_000)  # in 2109
    file = PulseFile(pulse.path)

    (row,) = file.rows(TRACE, 0, 10)

    file.close()
    assert json.loads(row.body)["timestamp"].startswith("2109-")
    assert row.received_at_ns <= time.time_ns()


def test_dates_before_1970_are_dates_too(pulse: PulseServer) -> None:
    pulse.add_trace(0, timestamp=-1)
    pulse.add_trace(1, timestamp=BEGAN_MS)
    file = PulseFile(pulse.path)

    bodies = [json.loads(row.body) for row in file.rows(TRACE, 0, 10)]

    file.close()
    assert [body["timestamp"] for body in bodies] == [
        "1969-12-31T23:59:59.999Z",
        "2025-01-01T00:00:00.000Z",
    ]
