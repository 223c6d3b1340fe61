"""Repairs the one gap in the embedded engine's deduplication: a token whose part was never made.

A MergeTree writes a block's token to its deduplication log first and renames the part into place
after that. When the process dies between the two, or the rename fails, the token is taken and the
rows are not there: the block, sent again, would be dropped as a repeat. Found by killing chDB 26.9
at the rename (`MergeTreeSink::finishDelayedChunk`: `addPart`, then `renameTempPartAndAdd`).
Replicated tables keep both in one transaction of their keeper and have no such gap. Parts that the
engine drops itself, emptied by retention, give their tokens back in its log (seen in it).

The files are the engine's own: `deduplication_logs/deduplication_log_N.txt` in a table's directory,
one line each of operation (1 = taken, 2 = given back), part and token, separated by tabs.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import structlog

TAKEN, GIVEN_BACK = "1", "2"
PART = re.compile(r"^([^_]+)_(\d+)_(\d+)_\d+(?:_\d+)?$")
RECORD = re.compile(rb"^([12])\t([\w-]+)\t([\w-]+)$")
LOG = re.compile(r"^deduplication_log_(\d+)\.txt$")

log = structlog.get_logger(__name__)


class LostToken(NamedTuple):
    """A token whose part is not there."""

    log: Path
    part: str
    token: str


def find_lost_tokens(store: Path) -> list[LostToken]:
    """Returns every token that is taken for rows which the store of chDB at `store` does not hold.

    In a store that is open, a block on its way shows here for the moment between the two steps.
    """
    return [
        lost
        for directory in sorted(store.glob("store/*/*/deduplication_logs"))
        for lost in _lost_of_table(directory)
    ]


def give_back_lost_tokens(store: Path) -> int:
    """Frees the tokens whose rows are not there; returns how many. The store must be closed.

    Also cuts off what a failing machine left half written: the engine reads no further than there.
    """
    for path in store.glob("store/*/*/deduplication_logs/*.txt"):
        _cut_torn_end(path)
    lost = find_lost_tokens(store)
    for token in lost:
        with token.log.open("a", encoding="utf-8") as file:
            file.write(f"{GIVEN_BACK}\t{token.part}\t{token.token}\n")
            file.flush()
            os.fsync(file.fileno())
    return len(lost)


def repair_directory(store: Path) -> None:
    """Makes the directory of a store that is about to be opened, and repairs what a kill left."""
    store.mkdir(parents=True, exist_ok=True)
    if lost := give_back_lost_tokens(store):
        log.warning("blocks were cut off half way: sent again, they are stored", blocks=lost)


def _lost_of_table(directory: Path) -> Iterator[LostToken]:
    logs = sorted(
        (int(match[1]), path) for path in directory.iterdir() if (match := LOG.match(path.name))
    )
    taken: dict[str, str] = {}
    for _, path in logs:
        for operation, part, token in _records(path):
            if operation == TAKEN:
                taken[token] = part
            else:
                taken.pop(token, None)
    # The log is read before the parts: what is written meanwhile is not taken for lost.
    kept = _Kept(directory.parent)
    for token, part in taken.items():
        if part not in kept:
            yield LostToken(logs[-1][1], part, token)


class _Kept:
    """The parts of a table. A merged part covers every block between its first and its last."""

    def __init__(self, table: Path) -> None:
        self._single: set[tuple[str, int]] = set()
        self._merged: dict[str, list[tuple[int, int]]] = {}
        for match in filter(None, map(PART.match, (entry.name for entry in table.iterdir()))):
            partition, low, high = match[1], int(match[2]), int(match[3])
            if low == high:
                self._single.add((partition, low))
            else:
                self._merged.setdefault(partition, []).append((low, high))

    def __contains__(self, part: str) -> bool:
        match = PART.match(part)
        if match is None:
            # A name in a form that this engine does not write: leave it to the engine.
            return True
        partition, block = match[1], int(match[2])
        if (partition, block) in self._single:
            return True
        return any(low <= block <= high for low, high in self._merged.get(partition, ()))


def _records(path: Path) -> Iterator[tuple[str, str, str]]:
    for line in path.read_bytes().split(b"\n"):
        if match := RECORD.match(line):
            yield match[1].decode(), match[2].decode(), match[3].decode()


def _cut_torn_end(path: Path) -> None:
    whole = 0
    data = path.read_bytes()
    while (end := data.find(b"\n", whole)) >= 0 and RECORD.match(data[whole:end]):
        whole = end + 1
    if whole < len(data):
        os.truncate(path, whole)
