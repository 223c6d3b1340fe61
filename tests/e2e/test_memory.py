"""Memory is bounded as a whole: 2 GB are enough, whatever one key does, and nobody else waits."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.e2e.attacks import ATTACKS, Attack, Target, attackers
from tests.e2e.memory_group import MemoryGroup, memory_group, peak_bytes
from tests.e2e.neighbour import Neighbour
from tests.e2e.server import Server, create_project, wait_for

pytestmark = pytest.mark.alone

LIMIT_BYTES = 2_000_000_000
SECONDS = 6.0
ANSWER_S = 1.0
MOST = 0.95
"""Of the neighbour's answers; the machine may be busy with others for a moment."""


class Attacked(NamedTuple):
    server: Server
    group: MemoryGroup


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    settings = {"LOG_PARTITIONS": "8", "MEMORY_BYTES": str(LIMIT_BYTES)}
    directory = tmp_path_factory.mktemp("attacked") / "data"
    with (
        memory_group(LIMIT_BYTES) as group,
        Server(directory, settings=settings, command=group.command) as server,
    ):
        yield Attacked(server, group)


@pytest.mark.parametrize(("name", "attack"), ATTACKS, ids=[name for name, _ in ATTACKS])
def test_an_attack_stays_within_2_gb_and_slows_down_no_neighbour(
    attacked: Attacked, name: str, attack: Attack
) -> None:
    server, group = attacked
    hostile, other = create_project(server, name), create_project(server, "Neighbour")

    with attackers(1) as pool, Neighbour(other) as neighbour:
        sent = pool.submit(attack, Target(server.port, hostile.key), SECONDS).result()

    assert server.is_running()
    assert group.kills() == 0
    assert peak_bytes(server.pid) < LIMIT_BYTES
    assert neighbour.refused == []
    assert neighbour.slowest_s(MOST) < ANSWER_S
    server.wait_stored()
    # What its own attack left waiting may hold up the hostile project for a moment.
    wait_for(lambda: hostile.get("/v1/outcomes").status_code == 200, "its turn", timeout_s=30)
    assert hostile.outcomes().get("accepted", 0) == sent.accepted
    assert other.outcomes().get("accepted", 0) == neighbour.accepted
