"""Attacks on one server in 2 GB: `python -m benchmarks.bench_attacks [--minutes 5] [--only NAME]`.

Each attack of `tests.e2e.attacks` goes on for the time given. For each: what came, the most memory
so far, how long a well-behaved project waited, and whether the store has everything accepted.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.attacks import ATTACKS, Attack, Target, attackers
from tests.e2e.memory_group import memory_group, peak_bytes
from tests.e2e.neighbour import Neighbour
from tests.e2e.server import Project, Server, create_project, wait_for

LIMIT_BYTES = 2_000_000_000
STORED_TIMEOUT_S = 900.0
HEAD = (
    "attack               requests   accepted  lost  peak MB   p50 s     p95    p99    max"
    "  drain s   answers, and the neighbour's wrong ones"
)


def run(server: Server, name: str, attack: Attack, seconds: float) -> bool:
    """Runs one attack, prints its line, and tells whether all that was accepted is stored."""
    hostile, other = create_project(server, name), create_project(server, "Neighbour")
    with attackers(1) as pool, Neighbour(other) as neighbour:
        sent = pool.submit(attack, Target(server.port, hostile.key), seconds).result()
    started = time.monotonic()
    server.wait_stored(STORED_TIMEOUT_S)
    lost = sent.accepted + neighbour.accepted - _stored(hostile) - _stored(other)
    p50, p95, p99, most = (neighbour.slowest_s(share) for share in (0.5, 0.95, 0.99, 1.0))
    print(
        f"{name:<20} {sum(sent.answers.values()):>8,} {sent.accepted:>10,} {lost:>5}"
        f" {peak_bytes(server.pid) / 1e6:>8,.0f}   {p50:>6.3f} {p95:>6.3f} {p99:>6.3f} {most:>6.3f}"
        f" {time.monotonic() - started:>8.1f}   {dict(sent.answers)} {neighbour.refused}",
        flush=True,
    )
    return lost == 0 and not neighbour.refused


def main() -> int:
    """Runs the attacks one after another; ends with 1 where something was lost or killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    settings = {"LOG_PARTITIONS": "8", "MEMORY_BYTES": str(LIMIT_BYTES)}
    with (
        memory_group(LIMIT_BYTES) as group,
        tempfile.TemporaryDirectory(prefix="sluice-attacks-") as directory,
        Server(Path(directory) / "data", settings=settings, command=group.command) as server,
    ):
        print(f"held to 2 GB by the kernel: {group.is_enforced}")
        print(HEAD)
        whole = [
            run(server, name, attack, options.minutes * 60)
            for name, attack in ATTACKS
            if options.only in name
        ]
        return int(not all(whole) or group.kills() > 0)


def _stored(project: Project) -> int:
    # What its own attack left waiting may hold up the hostile project for a moment.
    wait_for(lambda: project.get("/v1/outcomes").status_code == 200, "its turn", timeout_s=60)
    return project.outcomes().get("accepted", 0)


if __name__ == "__main__":
    sys.exit(main())
