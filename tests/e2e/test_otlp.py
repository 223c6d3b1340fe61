"""OTLP into a running server: OpenTelemetry's exporters, unmodified, and the shapes of others."""

import base64
import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http import _log_exporter as http_logs
from opentelemetry.exporter.otlp.proto.http import metric_exporter as http_metrics
from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_traces
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from ingest.otel.forms import TAKEN
from tests.components.processes import free_ports
from tests.conformance.otlp.__main__ import run, table
from tests.conformance.otlp.server import Server as Tried
from tests.e2e.server import Project, Server, create_project, wait_for

pytestmark = pytest.mark.slow
SPANS = 600
SHOP = Resource.create({"service.name": "shop"})
HTTP: dict[str, Any] = {
    "traces": http_traces.OTLPSpanExporter,
    "logs": http_logs.OTLPLogExporter,
    "metrics": http_metrics.OTLPMetricExporter,
}
GRPC: dict[str, Any] = {
    "traces": grpc_traces.OTLPSpanExporter,
    "logs": grpc_logs.OTLPLogExporter,
    "metrics": grpc_metrics.OTLPMetricExporter,
}


@pytest.fixture(scope="module")
def grpc_port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, grpc_port: int) -> Iterator[Server]:
    settings = {"OTLP_GRPC_PORT": str(grpc_port)}
    with Server(tmp_path_factory.mktemp("otlp") / "data", settings=settings) as running:
        yield running


@pytest.fixture
def project(server: Server) -> Iterator[Project]:
    created = create_project(server)
    yield created
    created.http.close()


def accepted(project: Project, count: int, kind: str = "otel_span") -> dict[str, int]:
    """Waits for so many items in the ledger; returns all that became of them."""

    def found() -> dict[str, int]:
        totals = project.outcomes(kind=kind)
        return totals if totals.get("accepted", 0) >= count else {}

    return wait_for(found, f"{count} items of {kind}")


def exporter_of(project: Project, signal: str, grpc_port: int | None) -> Any:
    """An exporter over gRPC where there is a port, else over HTTP with gzip."""
    if grpc_port is not None:
        metadata = (("authorization", f"Bearer {project.key}"),)
        return GRPC[signal](f"http://127.0.0.1:{grpc_port}", insecure=True, headers=metadata)
    headers = {"Authorization": f"Bearer {project.key}"}
    endpoint = f"{project.server.url}/v1/{signal}"
    return HTTP[signal](endpoint, headers=headers, compression=Compression.Gzip)


def send_spans(exporter: Any) -> int:
    provider = TracerProvider(resource=SHOP)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests", "1")
    for number in range(SPANS):
        with tracer.start_as_current_span(f"step {number}") as span:
            span.set_attribute("number", number)
            span.add_event("seen", {"what": "prüfen"})
    assert provider.force_flush()
    provider.shutdown()
    return SPANS


def send_records(exporter: Any) -> int:
    provider = LoggerProvider(SHOP)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger("tests", "1")
    for number in range(50):
        logger.emit(LogRecord(body=f"paid {number}", severity_number=SeverityNumber.INFO))
    assert provider.force_flush()
    provider.shutdown()  # type: ignore[no-untyped-call]
    return 50


def send_metrics(exporter: Any) -> int:
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], SHOP)
    meter = provider.get_meter("tests", "1")
    meter.create_counter("orders").add(3, {"shop": "a"})
    meter.create_histogram("latency", unit="ms").record(12.5)
    meter.create_gauge("queue").set(7)
    # It sends once more what there is: after a flush, everything would come twice.
    provider.shutdown()
    return 3


SEND = {"traces": send_spans, "logs": send_records, "metrics": send_metrics}


@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize("signal", TAKEN)
def test_an_exporter_of_opentelemetry_loses_nothing(
    project: Project, signal: str, protocol: str, grpc_port: int
) -> None:
    exporter = exporter_of(project, signal, grpc_port if protocol == "grpc" else None)

    count = SEND[signal](exporter)

    found = accepted(project, count, TAKEN[signal].kind.name)
    assert found == {"received": count, "accepted": count}


def test_records_and_metrics_that_exporters_send_can_be_read(project: Project) -> None:
    send_records(exporter_of(project, "logs", None))
    send_metrics(exporter_of(project, "metrics", None))
    accepted(project, 50, "otel_record")
    accepted(project, 3, "otel_metric")

    logs = project.get("/v1/logs", limit=500).json()["logs"]
    listed = project.get("/v1/otel/metrics").json()["metrics"]
    charts = {
        name: project.get("/v1/otel/metrics/series", name=name, split_by="service").json()
        for name in ("latency", "orders", "queue")
    }

    assert {one["body"] for one in logs} == {f"paid {number}" for number in range(50)}
    assert {(one["service"], one["logger"], one["level"]) for one in logs} == {
        ("shop", "tests", "info")
    }
    assert [(one["name"], one["kind"], one["unit"]) for one in listed] == [
        *(("latency", "histogram", "ms"), ("orders", "sum", ""), ("queue", "gauge", "")),
    ]
    shown = {name: chart["series"][0] for name, chart in charts.items()}
    assert {one["group"] for one in shown.values()} == {"shop"}
    # What is exported twice may lie in two buckets.
    assert sum(one["value"] for one in shown["orders"]["points"]) == 3
    assert shown["queue"]["points"][-1]["last"] == 7
    latency = shown["latency"]["points"]
    assert sum(one["count"] for one in latency) == 1
    assert (latency[0]["avg"], latency[0]["p99"]) == (12.5, 12.5)


def test_every_rule_of_the_conformance_suite_is_kept(project: Project) -> None:
    with httpx.Client(base_url=project.server.url, timeout=30) as client:
        tried = Tried(client, {"authorization": f"Bearer {project.key}"})
        found = run(tried, list(TAKEN))

    assert {one.word for one in found} == {"ok"}, table(found)


def of_pulse(**changed: Any) -> dict[str, Any]:
    """A span as the newest clients of Pulse send it."""
    span = {
        "traceId": uuid.uuid4().hex,
        "spanId": uuid.uuid4().hex[:16],
        "name": "provider_call",
        "startTimeUnixNano": "1795226990809000000",
        "endTimeUnixNano": "1795226990811000000",
        "attributes": [
            {"key": "pulse.kind", "value": {"stringValue": "llm_call"}},
            {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "50"}},
            {"key": "pulse.cost_cents", "value": {"doubleValue": 0.1125}},
        ],
        "status": {"code": 1},
        **changed,
    }
    scope = {"name": "@eklabs/pulse-sdk"}
    sender = {"resource": {}, "scopeSpans": [{"scope": scope, "spans": [span]}]}
    return {"resourceSpans": [sender]}


@pytest.mark.parametrize("changed", [{}, {"kind": "SPAN_KIND_INTERNAL"}])
def test_the_newest_clients_of_pulse_are_answered_as_by_its_server(
    project: Project, changed: dict[str, Any]
) -> None:
    named = {"X-Project-Id": project.project_id}
    answer = project.http.post("/v1/traces", json=of_pulse(**changed), headers=named)

    assert (answer.status_code, answer.json()) == (200, {})
    accepted(project, 1)


def test_a_trace_of_the_newest_clients_of_pulse_is_listed_as_by_its_server(
    project: Project,
) -> None:
    sent = of_pulse()
    (call,) = spans = sent["resourceSpans"][0]["scopeSpans"][0]["spans"]
    source = {"key": "pulse.source", "value": {"stringValue": "sdk"}}
    tool = {"pulse.kind": "tool_use", "pulse.event_type": "tool_result", "pulse.tool.name": "look"}
    used = [{"key": key, "value": {"stringValue": value}} for key, value in tool.items()]
    spans.append({**call, "spanId": uuid.uuid4().hex[:16], "attributes": [source, *used]})
    call["attributes"].append(source)

    project.post("/v1/traces", sent)
    accepted(project, 2)
    (row,) = project.get("/v1/traces", source="sdk").json()["traces"]
    found = project.get(f"/v1/traces/{row['traceId']}").json()
    listed = project.get("/v1/spans", trace_id=row["otelTraceId"]).json()["spans"]

    assert (row["source"], row["spanCount"], row["summary"]) == ("sdk", 2, "1 tool call")
    assert (row["toolCallCount"], row["costCents"]) == (1, 0.1125)
    assert [one["label"] for one in found["spans"]] == ["look"]
    assert [one["spanId"] for one in listed] == [one["spanId"] for one in found["spans"]]


def test_langfuses_sdks_send_with_an_api_key_as_their_secret(project: Project) -> None:
    token = base64.b64encode(f"pk-lf-1:{project.key}".encode()).decode()
    answer = httpx.post(
        f"{project.server.url}/api/public/otel/v1/traces",
        content=json.dumps(of_pulse()),
        headers={
            "Authorization": f"Basic {token}",
            "Content-Type": "application/json",
            "x-langfuse-ingestion-version": "4",
        },
    )

    assert (answer.status_code, answer.json()) == (200, {})
    accepted(project, 1)


def test_a_span_that_is_sent_again_counts_once(project: Project) -> None:
    sent = of_pulse()
    for _ in range(3):
        assert project.post("/v1/traces", sent).json() == {}

    def found() -> dict[str, int]:
        totals = project.outcomes(kind="otel_span")
        return totals if totals.get("received", 0) == 3 else {}

    assert wait_for(found, "three spans") == {"received": 3, "accepted": 1, "duplicate": 2}
