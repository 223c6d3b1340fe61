"""Processor time of the step of errors for one event: `python -m benchmarks.bench_errors_step`.

Each stage runs alone, in this process, on the same seeded events; the figures are the best of
several rounds. The step is measured without masking and grouping, and as it is.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from msgspec import Raw

from benchmarks.generate import Generator, fill, generators_by_kind
from benchmarks.generators.errors import SMALL_ERRORS
from processors.columns import SentChunk
from processors.errors.events import decode_sent, read_error, read_transaction
from processors.errors.grouping.groups import group_of
from processors.errors.masking.mask import mask
from processors.errors.rows import error_row
from processors.errors.steps import Meaning, build_errors, build_transactions
from schemas.errors.grouping import DEFAULT_CONFIG
from schemas.errors.masking import DEFAULT_RULES
from schemas.errors.sent import Head, SentItem, encode_sent
from schemas.kinds import ERROR, TRANSACTION
from schemas.projects import ProjectId

T = TypeVar("T")
EVENTS = 1_000
PROJECT = ProjectId("bench")


class NoGroup(NamedTuple):
    """Stands for grouping where the rest is measured."""

    version: str = "none"
    fingerprint: str = "0" * 64
    others: tuple[str, ...] = ()
    type: str = "Error"
    title: str = "Error: text"
    culprit: str = "somewhere"


def main() -> None:
    """Runs every stage on each sort of event."""
    generators = generators_by_kind()
    bare = Meaning(lambda item: item, lambda _: NoGroup())
    usual = Meaning(partial(mask, rules=DEFAULT_RULES), partial(group_of, config=DEFAULT_CONFIG))
    for name, generator in (("error", generators[ERROR.name]), ("small error", SMALL_ERRORS)):
        bodies = sent_bodies(generator)
        events = _read(name, bodies, read_error)
        stage("row", lambda events=events: [error_row(one, NoGroup()) for one in events])  # type: ignore[misc]
        stage("group", lambda events=events: [group_of(one, DEFAULT_CONFIG) for one in events])  # type: ignore[misc]
        stage("the step, bare", _step(build_errors, bare, bodies))
        stage("the step", _step(build_errors, usual, bodies))
    bodies = sent_bodies(generators[TRANSACTION.name])
    _read("transaction", bodies, read_transaction)
    stage("the step, bare", _step(build_transactions, bare, bodies))
    stage("the step", _step(build_transactions, usual, bodies))


def sent_bodies(generator: Generator) -> list[bytes]:
    """Returns the bodies that the log would hold of a generator's events."""
    lines = [fill(one)[0].split(b"\n")[2] for one in generator.bodies(1, EVENTS, 1)]
    return [encode_sent(SentItem("sentry", Head(), Raw(line))) for line in lines]


def stage(name: str, work: Callable[[], T], rounds: int = 5) -> T:
    """Runs a stage over all events, prints the best time for one event, returns its result."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        result = work()
        best = min(best, time.process_time() - started)
    print(f"  {name:<50} {best / EVENTS * 1e6:>7.1f} us")
    return result


def _read(name: str, bodies: Sequence[bytes], read: Callable[[SentItem, str, int], T]) -> list[T]:
    print(f"{name}: {EVENTS} of {sum(map(len, bodies)) / EVENTS:,.0f} bytes")
    now_us = time.time_ns() // 1_000
    items = stage("decode what the log holds", lambda: [decode_sent(body) for body in bodies])
    texts = [bytes(item.item) for item in items]
    stage("mask", lambda: [mask(text, DEFAULT_RULES) for text in texts])
    return stage("read", lambda: [read(item, "0" * 32, now_us) for item in items])


def _step(
    build: Callable[..., object], meaning: Meaning, bodies: Sequence[bytes]
) -> Callable[[], object]:
    ids = [f"{number:032x}" for number in range(len(bodies))]
    chunk = SentChunk(PROJECT, time.time_ns() // 1_000, bodies, ids)
    return lambda: build(lambda _: meaning, [chunk])


if __name__ == "__main__":
    main()
