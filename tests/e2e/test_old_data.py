"""A data directory of an earlier version, kept in `data`, opens without loss."""

import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.e2e.audit import WHOLE_RANGE
from tests.e2e.make_old_data import KEY, STORED, WAITING, item
from tests.e2e.server import Project, Server, wait_for

DATA = Path(__file__).parent / "data"


@pytest.fixture
def server(tmp_path: Path) -> Any:
    data_dir = tmp_path / "data"
    with tarfile.open(DATA / "b92ec30.tar.xz") as archive:
        archive.extractall(data_dir, filter="data")
    # Whatever the day is, what the directory holds is not too old.
    with Server(data_dir, settings={"RETENTION_DAYS": "36500"}) as running:
        yield running


def every_id(project: Project, name: str) -> Counter[str]:
    rows = project.get(f"/v1/{name}s", limit="1000").json()[f"{name}s"]
    return Counter(row[f"{name}Id"] for row in rows)


def test_what_was_stored_and_what_waited_in_the_log_is_there_once(server: Server) -> None:
    server.wait_stored()
    project = Project(server, "", KEY)

    for name in ("trace", "span"):
        expected = {item(f"{name}_id", number)[f"{name}_id"] for number in range(STORED + WAITING)}
        assert every_id(project, name) == Counter(expected)
    assert project.outcomes(kind="trace", **WHOLE_RANGE) == {
        "received": 42, "accepted": 30, "duplicate": 10, "invalid": 1, "dead": 1,
    }  # fmt: skip
    assert project.outcomes(kind="span", **WHOLE_RANGE) == {
        "received": 40,
        "accepted": 30,
        "duplicate": 10,
    }
    assert project.get("/v1/analytics", **WHOLE_RANGE).json()["totalRequests"] == 30


def test_a_dead_letter_of_then_is_replayed_now(server: Server, tmp_path: Path) -> None:
    server.wait_stored()
    project = Project(server, "", KEY)
    fixed = tmp_path / "item.json"
    body = item("trace_id", 255)
    fixed.write_bytes(msgspec.json.encode(body))
    listed = server.run("dead", "list")
    (ref,) = [word for word in listed.split() if word.startswith("raw.traces:")]

    server.run("dead", "replay", ref, "--body", str(fixed))

    wait_for(lambda: every_id(project, "trace")[body["trace_id"]] == 1, "the replayed trace")
    now = {"received": 42, "accepted": 31, "duplicate": 10, "invalid": 1}
    wait_for(
        lambda: project.outcomes(kind="trace", **WHOLE_RANGE) == now, "the outcome of the replay"
    )
