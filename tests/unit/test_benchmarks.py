"""What the benchmarks send, and how they compare: figures are only as good as these."""

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.testing import AsyncTestClient

from benchmarks.bench_ingest import Load, read_load
from benchmarks.compare_versions import HEADS, Figures, show_quotients
from benchmarks.generate import fill, generators_by_kind
from benchmarks.generators.errors import ERROR_BYTES, MORE, PATH, SMALL_BYTES, SMALL_ERRORS, SPANS
from benchmarks.generators.llm import SPAN_BYTES, SPREAD_DAYS, TRACE_BYTES
from benchmarks.otlp_traffic import BATCH, CALLS_OF_A_TRACE, OF_A_TRACE, request
from benchmarks.peers.work import envelopes
from controlplane.database import Database
from controlplane.dsn_keys import DsnProject
from eventlog.records import Chunk
from ingest.app import AnyRequest, exception_handlers
from ingest.edge import Edge, EdgeLimits, ReadBack
from processors.deploys.steps import read_line
from processors.otel.meaning import read_span
from schemas.kinds import DEPLOY_LINE, ERROR, KINDS, TRANSACTION, Kind
from schemas.otel.traces import decode_traces
from schemas.projects import ProjectContext, ProjectId
from sluice.parts import Resources
from sluice.systems import SYSTEMS, open_systems
from tests.unit.ingest.test_edge import Log

GENERATORS = generators_by_kind()
SENT = [kind for kind in KINDS if GENERATORS[kind.name].path]


async def anybody(request: AnyRequest) -> ProjectContext:
    return ProjectContext(ProjectId("p"))


class AnyKey:
    """Stands for `DsnKeys` and `Keyring`: every key is that of the first project."""

    async def project_of_key(self, _: str) -> ProjectContext:
        return ProjectContext(ProjectId("p"))

    async def project_of(self, _: str) -> DsnProject:
        return DsnProject(ProjectContext(ProjectId("p")), 1, "")


def application(log: Log, folder: Path) -> Litestar:
    database = Database(f"sqlite:///{folder / 'control.db'}")
    parts = open_systems(Resources(folder, database))
    nothing: ReadBack = None  # type: ignore[assignment]  # only `/batch` reads back
    edge = Edge(
        log, parts.forms, EdgeLimits(), read_back=nothing, lags_s=lambda: (), fullness=lambda: 0.0
    )
    return Litestar(
        [router for system in SYSTEMS for router in system.routers(anybody, anybody)],
        exception_handlers=exception_handlers(),
        state=State({**parts.state, "edge": edge, "dsn_keys": AnyKey(), "keyring": AnyKey()}),
        openapi_config=None,
        on_shutdown=[database.close],
    )


def ids_of(chunk: Chunk, kind: Kind) -> list[str]:
    if kind.id_field:
        return [json.loads(item)[kind.id_field] for item in chunk.items]
    return list(chunk.ids)


def test_every_kind_has_a_generator() -> None:
    assert set(GENERATORS) == {kind.name for kind in KINDS}


@pytest.mark.parametrize("kind", SENT, ids=lambda kind: kind.name)
async def test_what_a_generator_makes_is_accepted_and_each_body_brings_new_items(
    kind: Kind, tmp_path: Path
) -> None:
    generator, log = GENERATORS[kind.name], Log()
    (body,) = generator.bodies(3, 1, 12)
    (single,) = generator.bodies(3, 1, 1)
    sent = [fill(body), fill(body), fill(single)]

    async with AsyncTestClient(application(log, tmp_path)) as client:
        client.headers.update({"x-api-key": "anybody's", "content-type": "application/json"})
        answers = [await client.post(generator.path, content=content) for content, _ in sent]

    assert [answer.status_code // 100 for answer in answers] == [2, 2, 2], answers[0].text
    accepted = [item for _, chunk in log.chunks for item in ids_of(chunk, kind)]
    assert {chunk.wire for _, chunk in log.chunks} == {kind.wire}
    assert len(set(accepted)) == len(accepted) == 25
    returned = [item for _, ids in sent for item in ids]
    assert len(set(returned)) == len(returned) == 25
    assert returned == accepted or not kind.id_field


def test_lines_of_each_body_are_those_of_another_deployment() -> None:
    (body,) = GENERATORS[DEPLOY_LINE.name].bodies(3, 1, 12)
    sent = [fill(body)[0].split(b"\n") for _ in range(2)]

    rows = [read_line(line, "") for lines in sent for line in lines]

    assert [row.seq for row in rows] == [*range(1, 13)] * 2
    assert len({row.deployment_id for row in rows}) == 2


def test_each_trace_is_of_a_session_of_its_own_and_of_the_size_that_the_budget_names() -> None:
    bodies = [fill(body)[0] for body in GENERATORS["trace"].bodies(1, 3, 100)]
    traces = [trace for body in bodies for trace in json.loads(body)]

    assert len({trace["trace_id"] for trace in traces}) == 300
    assert len({trace["session_id"] for trace in traces}) == 300
    assert TRACE_BYTES * 0.95 < sum(map(len, bodies)) / 300 < TRACE_BYTES * 1.05


def test_traces_are_spread_over_two_weeks() -> None:
    (body,) = GENERATORS["trace"].bodies(2, 1, 1_000)
    traces = json.loads(fill(body)[0])
    ages = sorted(datetime.now(UTC) - datetime.fromisoformat(one["timestamp"]) for one in traces)

    assert ages[-1] < timedelta(days=SPREAD_DAYS, minutes=1)
    assert timedelta(days=6) < ages[500] < timedelta(days=8)


def test_spans_are_events_of_a_session_in_which_each_tool_call_starts_and_ends() -> None:
    bodies = [fill(body)[0] for body in GENERATORS["span"].bodies(1, 30, 100)]
    sessions = [json.loads(body) for body in bodies]

    assert len({span["session_id"] for spans in sessions for span in spans}) == 30
    assert SPAN_BYTES * 0.95 < sum(map(len, bodies)) / 3_000 < SPAN_BYTES * 1.05
    events = Counter(span["event_type"] for spans in sessions for span in spans)
    assert events["session_start"] > 0
    assert min(events["pre_tool_use"], events["post_tool_use"], events["assistant_message"]) > 900
    # A body may begin or end in the middle of a call.
    calls = [
        span["tool_use_id"] for spans in sessions for span in spans[1:-1] if "tool_name" in span
    ]
    assert Counter(Counter(calls).values())[2] > 900


def test_versions_are_compared_round_by_round(capsys: pytest.CaptureFixture[str]) -> None:
    then = [Figures(*[value] * 5) for value in (100.0, 200.0, 100.0)]
    now = [Figures(*[value] * 5) for value in (50.0, 120.0, 70.0)]

    show_quotients(then, now)

    lines = capsys.readouterr().out.splitlines()[-len(HEADS) :]
    assert [line.split()[-3:] for line in lines] == [["0.600", "0.500", "0.700"]] * len(HEADS)


def test_errors_and_transactions_are_of_the_sizes_that_the_budgets_name() -> None:
    sizes = {}
    for name, generator in (("large", GENERATORS[ERROR.name]), ("small", SMALL_ERRORS)):
        bodies = [fill(body)[0].split(b"\n")[2] for body in generator.bodies(5, 50, 1)]
        sizes[name] = sum(map(len, bodies)) / len(bodies)
    (body,) = GENERATORS[TRANSACTION.name].bodies(5, 1, 1)
    transaction = json.loads(fill(body)[0].split(b"\n")[2])

    assert abs(sizes["large"] - ERROR_BYTES) < 0.1 * ERROR_BYTES
    assert abs(sizes["small"] - SMALL_BYTES) < 0.1 * SMALL_BYTES
    assert len(transaction["spans"]) == SPANS


@pytest.mark.parametrize("name", MORE)
async def test_what_else_is_sent_of_errors_is_accepted(name: str, tmp_path: Path) -> None:
    generator, log = MORE[name], Log()
    sent = [fill(body)[0] for size in (1, 20) for body in generator.bodies(3, 1, size)]

    async with AsyncTestClient(application(log, tmp_path)) as client:
        answers = [await client.post(generator.path, content=content) for content in sent]

    assert [answer.status_code // 100 for answer in answers] == [2, 2], answers[0].text
    accepted = [item for _, chunk in log.chunks for item in ids_of(chunk, ERROR)]
    assert len(set(accepted)) == len(accepted) == 21


async def test_what_bugsink_is_sent_names_its_event_twice_by_the_same_id(tmp_path: Path) -> None:
    log = Log()
    content, (event_id,) = fill(envelopes(1)[0])

    async with AsyncTestClient(application(log, tmp_path)) as client:
        answer = await client.post(PATH, content=content)

    assert answer.status_code == 200, answer.text
    assert content.count(event_id.encode()) == 2
    assert [ids_of(chunk, ERROR) for _, chunk in log.chunks] == [[event_id.replace("-", "")]]


def test_one_load_alone_is_named_by_its_batch_and_connections() -> None:
    assert read_load("1x32") == Load(1, 32)


def test_a_request_of_spans_is_taken_whole_and_its_calls_are_of_one_usage() -> None:
    body = request(random.Random(14))
    found = decode_traces(body, "protobuf")

    assert not found.rejected
    assert len({(one.trace_id, one.span_id) for one in found.items}) == BATCH
    assert 1_500 < len(body) / BATCH < 1_700
    calls = [call for one in found.items if (call := read_span(one).call)]
    assert len(calls) == BATCH // OF_A_TRACE * CALLS_OF_A_TRACE
    assert all(call.provider == "openai" and call.input and call.output for call in calls)
