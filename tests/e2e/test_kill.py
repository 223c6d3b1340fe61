"""`kill -9` at random moments under load: what was answered 2xx is there, once, to the last digit.

The seed is fixed; `make storm` takes another. A kill may hit requests, commits, inserts, replays or
the start itself, and edge processes by themselves, where there are any (`E2E_EDGES`).
"""

import os
import random
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.audit import audit
from tests.e2e.load import Ledger, Load
from tests.e2e.seeds import SEED, seed_of
from tests.e2e.server import CONSOLE_SCRIPT, FAULTY, Server, create_project, wait_for

SETTINGS = {"DEDUP_FILTER_BITS": "20"}


def run_rounds(
    data_dir: Path,
    *,
    seed: str,
    rounds: int,
    copies: int = 1,
    command: Sequence[str] = (CONSOLE_SCRIPT,),
    settings: dict[str, str] | None = None,
) -> dict[str, int]:
    """Loads and kills the server again and again, then audits it; returns what there was."""
    chance = random.Random(seed)
    faults = {"FAULT_SEED": seed, "FAULT_RATE": "0.3"} if command is FAULTY else None
    server = Server(data_dir, settings=SETTINGS | (settings or {}), environ=faults, command=command)
    ledger = Ledger()
    with server:
        projects = [create_project(server, f"Project {n}") for n in range(3)]
        for number in range(rounds):
            load = Load(
                projects,
                ledger,
                seed=f"{seed}/{number}",
                copies=copies,
                goes_on=bool(server.edges()),
            )
            load.start()
            kill_edges(server, chance, ledger)
            pause(chance.uniform(0.1, 1.2))
            server.kill()
            load.stop()
            if chance.random() < 0.3:
                server.start(wait=False)
                pause(chance.uniform(0.3, 2.0))
                server.kill()
            server.start()
        return audit(server, projects, ledger)


def kill_edges(server: Server, chance: random.Random, ledger: Ledger) -> None:
    """Kills some edge processes, one after the other, where the server has any.

    Requests are answered before, and after all of them.
    """
    edges = server.edges()
    if not edges:
        return
    wait_answered(ledger, 3)
    for pid in chance.sample(edges, chance.randint(1, len(edges))):
        pause(chance.uniform(0.0, 0.3))
        os.kill(pid, signal.SIGKILL)
    wait_answered(ledger, 3)


def wait_answered(ledger: Ledger, more: int) -> None:
    """Returns when so many more requests were answered 202."""
    so_far = len(ledger.requests)
    wait_for(
        lambda: sum(one.status == 202 for one in ledger.requests[so_far:]) >= more,
        f"{more} answers",
        timeout_s=30,
    )


def pause(seconds: float) -> None:
    """Lets a random time pass: the moment of the kill is what is tried."""
    threading.Event().wait(seconds)


def assert_no_empty_run(found: dict[str, int], rounds: int) -> None:
    assert found["answered"] > 3 * rounds, found
    assert found["unanswered"] > 0, found


@pytest.mark.parametrize("partitions", [pytest.param("1", marks=pytest.mark.slow), "3"])
def test_kills_lose_nothing_and_count_nothing_twice(tmp_path: Path, partitions: str) -> None:
    seed, rounds = seed_of(f"kill-{partitions}"), 12 if partitions == "1" else 5

    found = noted(seed, tmp_path, rounds=rounds, settings={"LOG_PARTITIONS": partitions})

    assert_no_empty_run(found, rounds)


@pytest.mark.slow
def test_kills_of_edges_and_of_their_owner_are_exact_too(tmp_path: Path) -> None:
    edges = {"EDGE_PROCESSES": "2"}

    found = noted(seed_of("edges"), tmp_path, rounds=3, copies=2, settings=edges)

    assert_no_empty_run(found, 3)


@pytest.mark.slow
def test_kills_with_every_batch_sent_twice_count_it_once(tmp_path: Path) -> None:
    found = noted(seed_of("twice"), tmp_path, rounds=6, copies=2)

    assert_no_empty_run(found, 6)


@pytest.mark.slow
def test_kills_with_a_store_that_fails_at_random_are_exact_too(tmp_path: Path) -> None:
    found = noted(seed_of("faulty"), tmp_path, rounds=6, copies=2, command=FAULTY)

    assert_no_empty_run(found, 6)


def noted(seed: str, tmp_path: Path, **options: object) -> dict[str, int]:
    """Runs the rounds; a failure says the seed."""
    try:
        return run_rounds(tmp_path / "data", seed=seed, **options)  # type: ignore[arg-type]
    except BaseException as error:
        error.add_note(f"repeat with E2E_SEED={SEED}")
        raise
