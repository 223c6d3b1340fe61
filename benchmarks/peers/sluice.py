"""Sluice as `sluice up` starts it. What it has stored, it counts together with the rows."""

import json
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from urllib.request import Request, urlopen

from benchmarks.peers.peer import Peer, Place, nothing_to_prepare
from benchmarks.peers.work import ERRORS, SPANS
from benchmarks.server import DSN_KEY, KEY
from schemas.kinds import ERROR, OTEL_SPAN

ROOT = Path(__file__).resolve().parents[2]
KINDS = {ERRORS: ERROR, SPANS: OTEL_SPAN}
ANSWER_S = 10


def sluice() -> Peer:
    """Returns how it is started."""
    return Peer(
        name="Sluice",
        version=_version(),
        package="",
        works=(ERRORS, SPANS),
        prepare=nothing_to_prepare,
        commands=lambda place: [[str(place.programs / "sluice"), "up"]],
        environ=_environ,
        ready="/ready",
        headers={"Authorization": f"Bearer {KEY}"},
        count=_count,
    )


def _environ(place: Place) -> Mapping[str, str]:
    return {
        "SLUICE_DATA_DIR": str(place.folder),
        "SLUICE_PORT": str(place.port),
        "SLUICE_INIT_API_KEY": KEY,
        "SLUICE_INIT_DSN_KEY": DSN_KEY,
        "SLUICE_LOG_LEVEL": "warning",
    }


def _count(place: Place, work: str) -> int:
    url = f"http://127.0.0.1:{place.port}/v1/outcomes?kind={KINDS[work].name}&interval=month"
    asked = Request(url, headers={"Authorization": f"Bearer {KEY}"})
    with urlopen(asked, timeout=ANSWER_S) as answer:
        return int(json.load(answer)["totals"]["accepted"])


def _version() -> str:
    """Returns the version, with the commit where git knows one."""
    git = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        found = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, timeout=ANSWER_S)
    except OSError:
        return version("sluice")
    commit = found.stdout.strip()
    return f"{version('sluice')} ({commit})" if commit else version("sluice")
