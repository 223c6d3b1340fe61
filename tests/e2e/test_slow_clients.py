"""A thousand connections that only cost, at 1,024 open files: good clients do not notice."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.payloads import trace
from tests.e2e.server import CONSOLE_SCRIPT, KEY, Server, wait_for
from tests.e2e.slow_clients import (
    BETWEEN_REQUESTS,
    BLANK_LINES,
    HALF_HEAD,
    IDLE,
    TRICKLED_FORM,
    TRICKLED_HEAD,
    UNREAD,
    Kind,
    slow_connections,
    trickled_ingest,
    wait_all_cut,
)

pytestmark = pytest.mark.alone

MANY = 1000
OPEN_FILES = 1024
DEADLINE_S = 1
CUT_WITHIN_S = 15.0
REPLY_S = 5.0
FEW_FILES = ("sh", "-c", f'ulimit -n {OPEN_FILES}; exec "$0" "$@"', CONSOLE_SCRIPT)
KINDS = [
    IDLE,
    HALF_HEAD,
    TRICKLED_HEAD,
    BLANK_LINES,
    TRICKLED_FORM,
    trickled_ingest(KEY),
    UNREAD,
    BETWEEN_REQUESTS,
]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with few files and short deadlines."""
    settings = {"REQUEST_TIMEOUT_S": str(DEADLINE_S), "KEEP_ALIVE_S": str(DEADLINE_S)}
    place = tmp_path_factory.mktemp("strict") / "data"
    with Server(place, settings=settings, command=FEW_FILES) as server:
        yield server


def serve_a_good_client(server: Server) -> float:
    """Asks and inserts on connections of its own; returns the longest wait."""
    longest = 0.0
    headers = {"Authorization": f"Bearer {KEY}"}
    for _ in range(3):
        started = time.monotonic()
        answers = [
            httpx.get(f"{server.url}/health", trust_env=False, verify=False),
            httpx.get(
                f"{server.url}/v1/traces?limit=1", headers=headers, trust_env=False, verify=False
            ),
            httpx.post(
                f"{server.url}/v1/traces/batch",
                json=[trace()],
                headers=headers,
                trust_env=False,
                verify=False,
            ),
        ]
        longest = max(longest, time.monotonic() - started)
        assert [answer.status_code for answer in answers] == [200, 200, 202]
    return longest


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_good_client_is_served_beside_a_thousand_bad_ones_which_all_go(
    strict: Server, kind: Kind
) -> None:
    with slow_connections(strict.port, kind, MANY) as crowd:
        waited_s = serve_a_good_client(strict)
        files = len(os.listdir(f"/proc/{strict.pid}/fd")) if Path("/proc").exists() else 0

        wait_all_cut(crowd, CUT_WITHIN_S)

    assert waited_s < REPLY_S
    assert files < OPEN_FILES


def test_those_who_come_again_and_again_keep_nobody_out(strict: Server) -> None:
    with slow_connections(strict.port, HALF_HEAD, MANY, again=True):
        waits = [serve_a_good_client(strict) for _ in range(3)]

    assert max(waits) < REPLY_S


def test_floods_of_connections_make_few_lines_in_the_log(strict: Server) -> None:
    with slow_connections(strict.port, HALF_HEAD, MANY) as crowd:
        wait_all_cut(crowd, CUT_WITHIN_S)
    wait_for(lambda: "connections cut" in strict.output.read_text(), "a line")

    lines = [line for line in strict.output.read_text().splitlines() if "connections cut" in line]
    assert len(lines) < 10
    assert "Traceback" not in strict.output.read_text()
    assert strict.metric("sluice_connections_cut_total", reason="head") > 100
    assert strict.metric("sluice_connections_cut_total", reason="crowded") > 100
    wait_for(lambda: strict.metric("sluice_connections") < 10, "all of them gone")
