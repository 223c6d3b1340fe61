"""Spans of OpenTelemetry for tests of the bill, and how a block of them comes into the store."""

import random
import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from clickhouse.client import Warehouse
from clickhouse.tables import encode, times
from eventlog.log import PartitionState, TopicPartition
from processors.columns import Build, SentChunk
from processors.llm.cost.own import Prices
from processors.otel.record_steps import build_records
from processors.otel.steps import build_spans
from schemas.checkpoints import Progress
from schemas.kinds import OTEL_RECORD, OTEL_SPAN, SPAN, TRACE
from schemas.otel.items import Packed, pack
from schemas.projects import ProjectId

START_NS = 1_795_226_990_809_000_000
HOUR_NS = 3_600_000_000_000
TABLES = ("otel_spans", "traces", "messages")
SUMS = (
    *("requests", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    *("reasoning_tokens", "reported_cost", "computed_cost", "reported_first_cost"),
    *("computed_first_cost", "unpriced", "latency_ns"),
)
KEYS: Mapping[str, str] = {
    "trace_sums": "grain, bucket, received_date, provider, model_requested, status, environment",
    "session_sums": "bucket, received_date, session_id, user_id, provider, model_requested,"
    " status, environment, session_hash",
}


class Record(NamedTuple):
    """A block of one record."""

    partition: int
    offset: int
    items: Sequence[bytes]
    is_of_logs: bool = False


class Log:
    """A log of which so much is stored."""

    def __init__(self, partitions: int = 1) -> None:
        self.id = uuid.uuid4().hex
        # Topics of one file have the same.
        self.log_ids = dict.fromkeys((OTEL_SPAN.topic, TRACE.topic, SPAN.topic), self.id)
        self.stored = dict.fromkeys(range(partitions), -1)

    async def places(self) -> dict[TopicPartition, PartitionState]:
        others = {TopicPartition(one.topic, 0): -1 for one in (TRACE, SPAN)}
        ours = {TopicPartition(OTEL_SPAN.topic, one): last for one, last in self.stored.items()}
        return {
            one: PartitionState(Progress(last, None), last + 1)
            for one, last in {**others, **ours}.items()
        }


def item(
    trace: str,
    span: str,
    parent: str | None = None,
    *,
    name: str = "chat gpt-4o",
    scope: str = "",
    at_ns: int = START_NS,
    **attributes: Any,
) -> bytes:
    """An item of the log. Names of attributes have `__` where a dot stands."""
    told = [
        {"key": key.replace("__", "."), "value": _value(value)}
        for key, value in attributes.items()
        if value is not None
    ]
    body = {
        "traceId": trace,
        "spanId": span,
        "parentSpanId": parent or "",
        "name": name,
        "startTimeUnixNano": str(at_ns),
        "endTimeUnixNano": str(at_ns + 5_000_000),
        "attributes": told,
    }
    around = msgspec.json.encode({"name": scope}) if scope else b""
    return pack(Packed("json", b"", "", around, "", msgspec.json.encode(body)))


def claude_code(session: str, **told: Any) -> dict[str, Any]:
    """What spans and log records of Claude Code say of a call alike."""
    model = "claude-sonnet-4-5-20250929"
    counts = {"input_tokens": 100, "output_tokens": 7, "cache_read_tokens": 50}
    return {"session__id": session, "model": model, **counts, **told}


def api_request(**attributes: Any) -> bytes:
    """A log record of Claude Code's that tells of a call."""
    told = {"event__name": "api_request", **attributes}
    body = {
        "timeUnixNano": str(START_NS),
        "body": {"stringValue": "claude_code.api_request"},
        "attributes": [
            {"key": key.replace("__", "."), "value": {"stringValue": str(value)}}
            for key, value in told.items()
        ],
    }
    around = msgspec.json.encode({"name": "com.anthropic.claude_code.events"})
    return pack(Packed("json", b"", "", around, "", msgspec.json.encode(body)))


def call(trace: str, span: str, parent: str | None = None, **changed: Any) -> bytes:
    """A call of a model."""
    given = {
        "gen_ai__operation__name": "chat",
        "gen_ai__provider__name": "openai",
        "gen_ai__request__model": "gpt-4o",
        "gen_ai__usage__input_tokens": 1000,
        "gen_ai__usage__output_tokens": 50,
    }
    return item(trace, span, parent, **{**given, **changed})


def put(
    store: Warehouse,
    project_id: str,
    record: Record,
    prices: Prices,
    log_id: str = "elsewhere",
    *,
    received_us: int = START_NS // 1_000,
) -> None:
    """Stores a block of one record as the sink does; the same again changes nothing."""
    kind, ids = OTEL_SPAN, [""] * len(record.items)
    build: Build = partial(build_spans, prices)
    if record.is_of_logs:
        kind, ids = OTEL_RECORD, [blake2b(one, digest_size=16).hexdigest() for one in record.items]
        build = partial(build_records, prices, lambda _: lambda one: one)
    columns = build([SentChunk(ProjectId(project_id), received_us, record.items, ids)])
    assert not columns.dead
    for table in kind.tables:
        rows = columns.tables[table.name]
        items = np.arange(len(columns.ids)) if rows.items is None else rows.items
        if table.name not in TABLES or not len(items):
            continue
        arrays = {
            "project_id": pa.repeat(project_id, len(items)),
            table.id_column: pa.array(columns.ids, pa.string()).take(items),
            "received_at": times([received_us] * len(items)),
            "log_id": pa.repeat(log_id, len(items)),
            "log_partition": pa.repeat(pa.scalar(record.partition, pa.uint16()), len(items)),
            "log_offset": pa.repeat(pa.scalar(record.offset, pa.uint64()), len(items)),
            **rows.arrays,
        }
        batch = pa.record_batch(list(arrays.values()), names=list(arrays))
        token = f"{project_id}/{record.partition}/{record.offset}"
        store.insert_now(table.name, encode(batch), token)


def bills(store: Warehouse, project_id: str) -> dict[str, str]:
    """The verdict of each call, as its row has it."""
    sql = """SELECT trace_id, billing::String FROM traces
        WHERE project_id = {project:String} AND scope != ''"""
    return dict(store.query_now(sql, {"project": project_id}, {}).rows)


def rollup(store: Warehouse, project_id: str, table: str) -> list[tuple[Any, ...]]:
    """All sums of a rollup but the sketch, by its keys; without those that add up to nothing."""
    sums = ", ".join(f"sum(r.{name}) AS s_{name}" for name in SUMS)
    some = " OR ".join(f"s_{name} != 0" for name in SUMS)
    sql = f"""SELECT {KEYS[table]}, {sums} FROM {table} AS r
        WHERE project_id = {{project:String}}
        GROUP BY {KEYS[table]} HAVING {some} ORDER BY ALL"""
    return [tuple(row) for row in store.query_now(sql, {"project": project_id}, {}).rows]


def random_trees(chance: random.Random, traces: int) -> list[bytes]:
    """Spans of some traces, in any order: calls told several times, with others between them.

    Each call names its session and its user: what one lacks it has from other spans of its block.
    """
    found: list[bytes] = []
    for number in range(traces):
        trace = f"{chance.getrandbits(128):032x}"
        ids = [f"{chance.getrandbits(64):016x}" for _ in range(chance.randint(1, 8))]
        for at, span in enumerate(ids):
            parent = chance.choice([None, *ids, *ids[:at]])
            found.append(_random_span(chance, number, trace, span, parent))
    chance.shuffle(found)
    return found


def _random_span(
    chance: random.Random, number: int, trace: str, span: str, parent: str | None
) -> bytes:
    at = {"at_ns": START_NS + chance.randrange(3) * HOUR_NS}
    sort = chance.choice(["call", "call", "call", "copy", "wrapper", "plain", "plain", "claude"])
    if sort == "plain":
        return item(trace, span, parent, name="GET /", **at)
    given: dict[str, Any] = {
        "gen_ai__request__model": chance.choice(["gpt-4o", "gpt-4o", "house-model"]),
        "gen_ai__usage__input_tokens": chance.choice([None, 100, 1000]),
        "gen_ai__usage__output_tokens": chance.choice([None, 50]),
        "gen_ai__usage__cache_read__input_tokens": chance.choice([None, None, 10]),
        "gen_ai__response__id": chance.choice([None, None, "r1", "r2"]),
        "gen_ai__conversation__id": f"s{number % 3}",
        "user__id": chance.choice(["ann", "bob"]),
        "gen_ai__usage__cost": chance.choice([None, None, 0.25]),
    }
    if sort == "copy":
        return call(trace, span, parent, name="raw_gen_ai_request", scope="litellm", **given, **at)
    if sort == "wrapper":
        given["gen_ai__operation__name"] = "invoke_agent"
    if sort == "claude":
        told = {
            "session__id": f"c{number % 2}",
            "user__id": "ann",
            "gen_ai__system": "anthropic",
            "gen_ai__request__model": "claude-sonnet-4-5",
            "input_tokens": chance.choice([100, 200]),
            "output_tokens": 7,
        }
        name, scope = "claude_code.llm_request", "com.anthropic.claude_code.tracing"
        return item(trace, span, parent, name=name, scope=scope, **told, **at)
    return call(trace, span, parent, **given, **at)


def _value(value: object) -> dict[str, object]:
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def cut(chance: random.Random, items: Sequence[bytes], blocks: int) -> Iterable[list[bytes]]:
    """Divides items into blocks, none of them empty."""
    at = sorted(chance.sample(range(1, len(items)), blocks - 1))
    for first, end in zip([0, *at], [*at, len(items)], strict=True):
        yield list(items[first:end])
