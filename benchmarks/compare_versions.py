"""Two versions side by side: `python -m benchmarks.compare_versions VERSION [--rounds 3]`.

Sends batches of 100 of the registry's first kind to the given version of Sluice and to the working
tree, by turns, on this machine, each time on an empty data directory. The client and its figures
are those of the working tree. The version gets a folder and an environment of its own, made by its
own `make`, under ~/.cache/sluice-benchmarks; the next comparison finds it there.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.bench_ingest import BATCHES, run
from benchmarks.generate import FIRST_KIND, generators_by_kind
from benchmarks.server import running

ROOT = Path(__file__).resolve().parents[1]
SETTLE_S = 2.0


class Figures(NamedTuple):
    """What one round of one version came to."""

    server_us: float
    """Processor time of the server for one event."""
    cpu_to_json: float
    to_json: float
    peak_mb: float
    idle_mb: float


HEADS = ("server us an event", "server us : json.loads", "stored/s : json.loads",
         "peak MB", "idle MB")  # fmt: skip


def environment_of(version: str) -> Path:
    """Returns the Python of a version's own environment; makes it where it is missing."""
    commit = _git("rev-parse", "--verify", f"{version}^{{commit}}").strip()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "sluice-benchmarks" / commit[:12]
    if not (folder / "Makefile").exists():
        folder.mkdir(parents=True, exist_ok=True)
        archive = subprocess.run(
            ["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
        subprocess.run(["tar", "x"], cwd=folder, check=True, input=archive.stdout)
    # The target that `make up` stands on: it does nothing where all is installed.
    subprocess.run(["make", "-s", ".venv/installed"], cwd=folder, check=True)
    return folder / ".venv" / "bin" / "python"


def measure(python: Path, seconds: float) -> Figures:
    """Runs one round of the version that is installed with `python`."""
    with running(python) as server:
        time.sleep(SETTLE_S)
        idle = server.memory_mb()
        result = run(server, generators_by_kind()[FIRST_KIND], BATCHES, seconds)
    return Figures(result.server_us, result.cpu_to_json, result.to_json, result.peak_mb, idle)


def show(name: str, figures: Figures) -> None:
    """Prints one round."""
    print(f"{name:<14}" + "".join(f"{value:>24.3f}" for value in figures), flush=True)


def show_quotients(then: Sequence[Figures], now: Sequence[Figures]) -> None:
    """Prints the working tree's figures over the version's: the median, and the spread."""
    pairs = list(zip(then, now, strict=True))
    print("\nworking tree : version           median   least  greatest of the rounds")
    for number, head in enumerate(HEADS):
        quotients = [new[number] / old[number] for old, new in pairs]
        print(f"{head:<30} {statistics.median(quotients):>8.3f}"
              f" {min(quotients):>7.3f} {max(quotients):>9.3f}")  # fmt: skip


def main() -> None:
    """Measures both versions by turns."""
    parser = argparse.ArgumentParser()
    parser.add_argument("version", help="a tag, branch or commit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6)
    arguments = parser.parse_args()
    pythons = {
        arguments.version: environment_of(arguments.version),
        "working tree": Path(sys.executable),
    }
    rounds: dict[str, list[Figures]] = {name: [] for name in pythons}
    print(f"{'':<14}" + "".join(f"{head:>24}" for head in HEADS))
    for _ in range(arguments.rounds):
        for name, python in pythons.items():
            rounds[name].append(measure(python, arguments.seconds))
            show(name, rounds[name][-1])
    show_quotients(*rounds.values())


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


if __name__ == "__main__":
    main()
