"""`kill -9` at random moments under load: what was answered 2xx is there, once, to the last digit.

The seed is fixed; `make storm` takes another. A kill may hit requests, commits, inserts, replays or
the start itself.
"""

import random
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.audit import audit
from tests.e2e.load import Ledger, Load
from tests.e2e.seeds import SEED, seed_of
from tests.e2e.server import CONSOLE_SCRIPT, Server, create_project

FAULTY = (sys.executable, "-m", "tests.e2e.faulty_up")
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
            load = Load(projects, ledger, seed=f"{seed}/{number}", copies=copies)
            load.start()
            pause(chance.uniform(0.1, 1.2))
            server.kill()
            load.stop()
            if chance.random() < 0.3:
                server.start(wait=False)
                pause(chance.uniform(0.3, 2.0))
                server.kill()
            server.start()
        return audit(server, projects, ledger)


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
