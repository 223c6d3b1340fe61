"""Large answers: whole on the wire, bounded in memory, also where nobody reads them."""

import json
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.payloads import new_id, trace
from tests.e2e.server import Project, Server, create_project, wait_for
from tests.e2e.silent import silent_readers

pytestmark = pytest.mark.alone

MIB = 1 << 20
ROW_BYTES = MIB
REQUESTS, ROWS_A_REQUEST = 15, 14
SESSION_BYTES = REQUESTS * ROWS_A_REQUEST * ROW_BYTES
READERS = 20
MOST_GROWTH_BYTES = 256 * MIB
MOST_SECONDS = 1.0
PATH = "/v1/sessions/large"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("answers") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def large(own: Server) -> Project:
    """A project with one session of 210 MB."""
    project = create_project(own)
    for number in range(REQUESTS):
        items = [large_trace(number * ROWS_A_REQUEST + row) for row in range(ROWS_A_REQUEST)]
        assert project.post("/v1/traces/async", items).status_code == 202
    own.wait_stored()
    return project


def large_trace(number: int, **fields: Any) -> dict[str, Any]:
    text = random.Random(number).randbytes(1024).hex() * (ROW_BYTES // 2048)
    timestamp = f"2026-11-01T12:{number // 60:02d}:{number % 60:02d}.000001Z"
    given = {"session_id": "large", "timestamp": timestamp, "request_body": {"text": text}}
    return trace(**(given | fields))


def memory(server: Server, name: str) -> int:
    """Returns one of the memory figures of `/proc`, in bytes."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10


def forget_peak(server: Server) -> int:
    """Returns what the process has in memory now; its peak is counted from here on."""
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")
    return memory(server, "VmRSS")


class TestLargeAnswers:
    def test_a_session_of_any_size_comes_whole_and_in_order(
        self, own: Server, large: Project
    ) -> None:
        before = forget_peak(own)

        answer = large.http.get(PATH, timeout=60)

        rows = json.loads(answer.content)["traces"]
        assert len(answer.content) > SESSION_BYTES
        times = [row["timestamp"] for row in rows]
        assert len(times) == REQUESTS * ROWS_A_REQUEST
        assert times == sorted(times)
        assert memory(own, "VmHWM") - before < MOST_GROWTH_BYTES

    def test_answers_that_nobody_reads_are_bounded_and_hold_up_nobody_else(
        self, own: Server, large: Project
    ) -> None:
        other = create_project(own)
        assert other.post("/v1/traces/batch", [trace()]).status_code == 202
        before = forget_peak(own)

        took = []
        with silent_readers(own.port, large.key, PATH, READERS):
            wait_for(lambda: own.metric("sluice_answer_bytes") >= 30 * MIB, "a full share")
            for _ in range(20):
                began = time.monotonic()
                assert other.get("/v1/traces").json()["total"] == 1
                took.append(time.monotonic() - began)
            peak = memory(own, "VmHWM")

        assert peak - before < MOST_GROWTH_BYTES
        assert sorted(took)[len(took) // 2] < MOST_SECONDS
        wait_for(lambda: own.metric("sluice_answer_bytes") == 0, "the bytes given back")

    def test_a_batch_answers_its_rows_whole_and_in_the_order_sent(
        self, own: Server, large: Project
    ) -> None:
        project = create_project(own)
        items = [large_trace(number, trace_id=new_id()) for number in range(9, -1, -1)]
        before = forget_peak(own)

        answer = project.http.post("/v1/traces/batch", json=items, timeout=60)

        body = answer.json()
        assert (answer.status_code, body["count"]) == (202, 10)
        assert [row["traceId"] for row in body["traces"]] == [item["trace_id"] for item in items]
        assert [row["requestBody"] for row in body["traces"]] == [
            item["request_body"] for item in items
        ]
        assert memory(own, "VmHWM") - before < 2 * MOST_GROWTH_BYTES
