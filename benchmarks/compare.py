"""Sluice and its peers side by side: `make compare`, or `python -m benchmarks.compare`.

Peers come from PyPI, each into an environment of its own, in a temporary folder unless
`--environment` names one. Each server starts on empty folders and gets the same work. With `--to
docs` the table goes to compare.md there and the chart beside its pictures. Ends with 1 where a
server could not be measured.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.bugsink import bugsink
from benchmarks.peers.chart import svg
from benchmarks.peers.mlflow import mlflow
from benchmarks.peers.peer import Peer, install
from benchmarks.peers.phoenix import phoenix
from benchmarks.peers.report import Setting, markdown, put_between, setting
from benchmarks.peers.rounds import Bounds, Figures, measure
from benchmarks.peers.sluice import sluice
from benchmarks.peers.started import PeerFailed
from benchmarks.peers.work import errors_work, spans_work

FAILURES = (PeerFailed, subprocess.SubprocessError, OSError)
NAMES = ("sluice", "bugsink", "phoenix", "mlflow")


def main() -> int:
    """Measures each server in turn."""
    options = _options()
    bounds = Bounds(options.seconds, options.kill_seconds, options.patience, options.quiet)
    when = setting(bounds)
    with tempfile.TemporaryDirectory(prefix="peers-", ignore_cleanup_errors=True) as folder:
        found, failed = run(chosen(options.peers), options.environment or Path(folder), bounds)
    if found:
        print(markdown(found, when))
    if found and not failed and options.to is not None:
        write(found, when, options.to)
    return int(failed)


def chosen(names: Sequence[str]) -> list[Peer]:
    """Returns Sluice, and those of these names. Sluice does what one of them does."""
    every = (bugsink(), phoenix(), mlflow())
    others = [peer for peer in every if peer.name.lower() in names]
    own = sluice()
    works = [work for work in own.works if not others or any(work in one.works for one in others)]
    return [own._replace(works=works), *others]


def run(
    peers: Sequence[Peer], environments: Path, bounds: Bounds
) -> tuple[dict[str, list[Figures]], bool]:
    """Returns the figures by work, and whether a server could not be measured."""
    found: dict[str, list[Figures]] = {}
    failed = False
    for work in (errors_work(), spans_work(bounds.send)):
        for peer in (one for one in peers if work.name in one.works):
            print(f"{work.name}: {peer.name} {peer.version} ...", file=sys.stderr, flush=True)
            try:
                figures = measure(peer, install(peer, environments), work, bounds)
            except FAILURES as error:
                failed = True
                print(f"{peer.name} could not be measured: {error}", file=sys.stderr)
            else:
                found.setdefault(work.name, []).append(figures)
    return found, failed


def write(found: dict[str, list[Figures]], when: Setting, folder: Path) -> None:
    """Writes the table into compare.md of a folder, and the chart into its pictures."""
    page = folder / "compare.md"
    page.write_text(put_between(page.read_text("utf-8"), markdown(found, when)), "utf-8")
    (folder / "pictures" / "compare.svg").write_text(svg(found, when), "utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--seconds", type=float, default=8, help="of sending")
    parser.add_argument("--kill-seconds", type=float, default=2, help="of sending before the kill")
    parser.add_argument("--patience", type=float, default=40, help="seconds until all is stored")
    parser.add_argument("--quiet", type=float, default=5, help="seconds before disk is measured")
    parser.add_argument("--environment", type=Path, help="a folder that keeps what is installed")
    parser.add_argument("--to", type=Path, help="the folder of compare.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
