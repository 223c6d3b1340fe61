"""One round: a server on an empty folder does a work and is measured, then another is killed."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers.peer import CANNOT_COUNT, Peer, Place
from benchmarks.peers.started import Started, disk_bytes
from benchmarks.peers.work import Sent, Work, send
from benchmarks.server import free_port

POLL_S = 0.2
SETTLE_S = 2
"""After the start, whose work is nobody's event."""
STILL_S = 10
"""After a kill, what has not come in so long a time after the last is lost."""


class Bounds(NamedTuple):
    """How long each part may take, in seconds."""

    send: float
    kill_send: float
    """How long is sent before the kill."""
    patience: float
    """For each answer, and until all is stored."""
    quiet: float
    """Before the files are measured."""


class Figures(NamedTuple):
    """What one server came to with one work."""

    peer: str
    version: str
    answered: int
    rejected: int
    stored: int
    send_s: float
    store_s: float
    """From the first request until all was stored, or patience was over."""
    latencies_ms: list[float]
    cpu_s: float
    """From the first request until the files were measured."""
    peak_mb: float
    disk_bytes: int
    killed_answered: int
    """What was answered before every process was killed."""
    killed_kept: int
    """What of it was there after the next start."""


def measure(peer: Peer, programs: Path, work: Work, bounds: Bounds) -> Figures:
    """Returns the figures of both parts. Raises `PeerFailed`, or what a program's end raises."""
    with _place(peer, programs) as place, _started(peer, place) as started:
        time.sleep(SETTLE_S)
        before_s, before_bytes = started.cpu_s(), disk_bytes(place.folder)
        began = time.perf_counter()
        sent = _send(peer, place, work, bounds.send, bounds.patience)
        stored, last = wait_stored(
            lambda: peer.count(place, work.name), sent.answered, bounds.patience
        )
        time.sleep(bounds.quiet)
        cpu_s = started.cpu_s() - before_s
        grown = disk_bytes(place.folder) - before_bytes
        peak_mb = started.peak_mb
    killed, kept = _kill(peer, programs, work, bounds)
    return Figures(
        *(peer.name, peer.version, sent.answered, sent.rejected, stored, sent.took_s),
        *(last - began, sent.latencies_ms, cpu_s, peak_mb, max(0, grown), killed, kept),
    )


def wait_stored(
    count: Callable[[], int], wanted: int, patience_s: float, still_s: float = float("inf")
) -> tuple[int, float]:
    """Returns how many are stored when all are, or patience is over, and the time of that.

    It ends too when nothing has come for `still_s`. A count that cannot be made is tried again.
    """
    stored, changed = 0, time.perf_counter()
    deadline = changed + patience_s
    while True:
        found = stored
        with contextlib.suppress(*CANNOT_COUNT):
            found = count()
        now = time.perf_counter()
        if found != stored:
            stored, changed = found, now
        if stored >= wanted or now >= deadline or now - changed >= still_s:
            return stored, now
        time.sleep(POLL_S)


def _kill(peer: Peer, programs: Path, work: Work, bounds: Bounds) -> tuple[int, int]:
    with _place(peer, programs) as place:
        with _started(peer, place) as started:
            sent = _send(peer, place, work, bounds.kill_send, bounds.patience)
            started.kill()
        with _started(peer, place):
            kept, _ = wait_stored(
                lambda: peer.count(place, work.name), sent.answered, bounds.patience, STILL_S
            )
    return sent.answered, min(kept, sent.answered)


def _send(peer: Peer, place: Place, work: Work, seconds: float, patience_s: float) -> Sent:
    return asyncio.run(send(place.port, work, peer.headers, seconds, patience_s))


@contextlib.contextmanager
def _place(peer: Peer, programs: Path) -> Iterator[Place]:
    prefix = f"{peer.name.lower()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as made:
        place = Place(programs, Path(made) / "data", free_port())
        place.folder.mkdir()
        peer.prepare(place)
        yield place


@contextlib.contextmanager
def _started(peer: Peer, place: Place) -> Iterator[Started]:
    started = Started(peer, place)
    try:
        yield started
    finally:
        started.kill()
