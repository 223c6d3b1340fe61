"""Has an event come to cost more? `python -m benchmarks.gate [--record]`, a part of `.ci/run`.

For one kind of each system: the processor time of checking a request, packing it for the log,
unpacking it and building its columns, in this process and without any store. What the machine makes
of it is taken out by a calibration that runs in turn with each round: `json.loads` and plain
Python, some half and half. The least of all rounds of both is compared, so that other programs
disturb it little. It fails where a kind takes a quarter more than `gate.json` says; whoever
changes that on purpose records anew with `--record` on a quiet machine.
"""

import argparse
import gc
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from benchmarks.generate import fill, generators_by_kind
from clickhouse.tables import encode
from controlplane.database import Database
from eventlog.log import TopicPartition
from eventlog.records import Chunk, decode_chunks, encode_chunks
from processors.assemble import Arrived, assemble
from processors.blocks import Block
from schemas.checkpoints import Intent
from schemas.kinds import CHECK, ERROR, OTEL_SPAN, SPAN, TRACE, Kind
from schemas.projects import ProjectId
from sluice.parts import Parts, Resources
from sluice.systems import open_systems

RECORDED = Path(__file__).with_name("gate.json")
MOST = 1.25
"""Of what was recorded."""
SEED, REQUESTS, ROUNDS, MOST_ROUNDS = 15, 10, 12, 60
MAX_ITEM_BYTES = 16 << 20
SAMPLE = json.dumps(
    {
        "items": [
            {"name": f"item {number}", "count": number, "price": number / 7} for number in range(40)
        ]
    }
)
PROJECT = ProjectId("bench")
KEY_ID = "3f2a1b9c-0d4e-4f6a-8b7c-1d2e3f4a5b6c"


class Guarded(Struct, frozen=True):
    """A kind, and the form and headers of the requests that bring it."""

    kind: Kind
    form: str
    headers: Mapping[str, str] = {}


GUARDED = (
    Guarded(TRACE, "trace"),
    Guarded(SPAN, "span"),
    Guarded(ERROR, "sentry_envelope"),
    Guarded(CHECK, "check"),
    Guarded(OTEL_SPAN, "otel_span", {"content-type": "application/json"}),
)


def main() -> int:
    """Returns 1 where a kind has come to cost more."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true", help="keep what is measured")
    options = parser.parse_args()
    found = _measured()
    if options.record:
        RECORDED.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        return 0
    recorded = msgspec.json.decode(RECORDED.read_bytes(), type=dict[str, float])
    over = [name for name, ratio in found.items() if ratio > MOST * recorded[name]]
    if over:
        # Programs that were beside it have perhaps ended.
        again = _measured()
        found = {name: min(ratio, again[name]) for name, ratio in found.items()}
        over = [name for name in over if found[name] > MOST * recorded[name]]
    for name in over:
        print(
            f"An event of kind {name} takes {found[name] / recorded[name]:.2f} times what"
            f" {RECORDED.name} says, {MOST} at most: make it cheaper, or say in the commit why it"
            " is worth it and run python -m benchmarks.gate --record"
        )
    return int(bool(over))


def _measured() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="sluice-gate-") as folder:
        return measure(Path(folder))


def measure(folder: Path) -> dict[str, float]:
    """Returns by kind what an event takes, in thousandths of a calibration."""
    parts = open_systems(Resources(folder, Database(f"sqlite:///{folder / 'control.db'}")))
    found = {}
    for one in GUARDED:
        bodies = _bodies(one.kind)
        work = _work(parts, one, bodies)
        items = work()
        ratio = ratio_of(work) / items * 1000
        found[one.kind.name] = round(ratio, 4)
        print(f"{one.kind.name:<12} {ratio:.4f} thousandths of a calibration an event")
    return found


def calibrate() -> int:
    """Does what takes a machine some 20 ms."""
    total = 0
    for _ in range(300):
        read = json.loads(SAMPLE)
        for one in read["items"]:
            total += len(f"{one['name']}-{one['count']}") if one["count"] % 3 else one["count"]
    return total


def ratio_of(work: Callable[[], object]) -> float:
    """Returns the least time of work over the least of the calibration, of rounds by turns.

    It ends after as many rounds in which neither has become less.
    """
    least = {calibrate: float("inf"), work: float("inf")}
    left = ROUNDS
    gc.disable()
    for _ in range(MOST_ROUNDS):
        left -= 1
        for what in least:
            began = time.process_time()
            what()
            took = time.process_time() - began
            left = ROUNDS if took < 0.99 * least[what] else left
            least[what] = min(least[what], took)
        gc.collect()
        if not left:
            break
    gc.enable()
    return least[work] / least[calibrate]


def _bodies(kind: Kind) -> list[bytes]:
    random.seed(SEED)
    generator = generators_by_kind()[kind.name]
    return [fill(body)[0] for body in generator.bodies(SEED, REQUESTS, min(50, generator.most))]


def _work(parts: Parts, of: Guarded, bodies: Sequence[bytes]) -> Callable[[], int]:
    form, step = parts.forms[of.form], parts.steps[of.kind.name]
    partition = TopicPartition(of.kind.topic, 0)

    def run() -> int:
        chunks = []
        for body in bodies:
            split = form.frame(body, of.headers, MAX_ITEM_BYTES)
            for items in split.items:
                ids = [] if items.kind.id_field else list(items.ids)
                wire, kept = items.kind.wire, list(items.bodies)
                now_ns = time.time_ns()
                chunks.append(Chunk(PROJECT, wire, now_ns, kept, ids=ids, key_id=KEY_ID))
        record = encode_chunks(chunks)
        block = Block(partition, "gate", Intent(0, len(chunks)), [], repeated=False)
        arrived = [Arrived(one, 0, 0) for one in decode_chunks(record)]
        built: Any = assemble(block, step, arrived)
        assert built.batch is not None
        assert not built.dead, built.dead[0].reason
        for table in of.kind.tables:
            encode(built.batch.rows(table, np.arange(len(built.batch))))
        return len(built.batch)

    return run


if __name__ == "__main__":
    sys.exit(main())
