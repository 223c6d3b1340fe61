"""However an SDK cuts a trace into items, its transactions have the same spans, each once."""

import random
import time
from typing import Any

import msgspec
import pytest

from schemas.errors.streamed import decode_streamed
from tests.e2e.seeds import seed_of
from tests.e2e.server import Project, create_project
from tests.promises.installations import Installation

PATH = "/api/{number}/envelope/?sentry_version=7&sentry_key={dsn_key}"
SPLITS = 7
Span = dict[str, Any]
pytestmark = pytest.mark.slow


def trace_of(chance: random.Random) -> list[Span]:
    """Makes a trace of two segments, one within the other, with spans within spans."""
    trace_id, began = f"{chance.getrandbits(128):032x}", time.time() - 60
    spans: list[Span] = []
    parent = None
    for name in ("GET /checkout", "pay"):
        ids = [f"{chance.getrandbits(64):016x}" for _ in range(chance.randrange(1, 30))]
        known = {"sentry.segment.id": ids[0], "sentry.segment.name": name, "sentry.op": "step"}
        for number, span_id in enumerate(ids):
            start = began + chance.random()
            own = {**known, "number": number, "password": "hunter2"}
            spans.append(
                {
                    "trace_id": trace_id,
                    "span_id": span_id,
                    "parent_span_id": chance.choice(ids[:number]) if number else parent,
                    "name": f"{name} {number}",
                    "start_timestamp": start,
                    "end_timestamp": start + chance.random() * 20,
                    "is_segment": not number,
                    "status": chance.choice(("ok", "error")),
                    "attributes": {key: {"value": value} for key, value in own.items()},
                }
            )
        parent = ids[-1]
    return spans


def split(chance: random.Random, spans: list[Span]) -> list[list[Span]]:
    """Cuts a trace into items in any order, some of which come again, also cut otherwise."""
    items: list[list[Span]] = []
    for _ in range(chance.randrange(1, 4)):
        left = chance.sample(spans, len(spans))
        while left:
            size = chance.randrange(1, len(left) + 1)
            items.append(left[:size])
            left = left[size:]
    return chance.sample(items, len(items))


def envelope(spans: list[Span]) -> bytes:
    header = {"type": "span", "item_count": len(spans)}
    payload = {"version": 2, "items": spans}
    return b"\n".join([b"{}", msgspec.json.encode(header), msgspec.json.encode(payload)])


def shown(project: Project, event_id: str) -> dict[str, Any]:
    """What is answered of a transaction, but for when it came."""
    answer = project.get(f"/v1/transactions/{event_id}")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    del body["receivedAt"]
    return body


def test_any_split_and_order_with_repeats_and_a_kill_gives_the_same_waterfall(
    installation: Installation,
) -> None:
    chance = random.Random(seed_of("streamed spans"))
    trace = trace_of(chance)
    plans = [[trace], *(split(chance, trace) for _ in range(SPLITS))]
    projects = [create_project(installation.front) for _ in plans]
    sends = [
        (project, spans) for project, items in zip(projects, plans, strict=True) for spans in items
    ]
    chance.shuffle(sends)
    middle = len(sends) // 2

    for number, (project, spans) in enumerate(sends):
        if number == middle:
            installation.kill()
        assert installation.post(project, PATH, envelope(spans)) == 200
    installation.wait_stored()

    events = {decode_streamed(msgspec.json.encode(one)).transaction_id for one in trace}
    assert len(events) == 2
    for event_id in events:
        whole, *others = [shown(project, event_id) for project in projects]
        assert others == [whole] * SPLITS
        assert whole["spanCount"] == len(whole["spans"])
        assert "hunter2" not in str(whole)
    parts = [one for one in trace if not one["is_segment"]]
    for project, items in zip(projects, plans, strict=True):
        assert installation.count(project, "streamed_spans") == len(parts)
        assert installation.count(project, "transactions") == 2
        sent = sum(not one["is_segment"] for spans in items for one in spans)
        counted = {"received": sent, "accepted": len(parts), "duplicate": sent - len(parts)}
        assert project.outcomes(kind="streamed_span") == {
            name: count for name, count in counted.items() if count
        }
