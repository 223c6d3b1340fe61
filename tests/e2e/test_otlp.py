"""OTLP into a running server: OpenTelemetry's exporters, unmodified, and the shapes of others."""

import base64
import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from ingest.otel.forms import TAKEN
from tests.components.processes import free_ports
from tests.conformance.otlp.__main__ import run, table
from tests.conformance.otlp.server import Server as Tried
from tests.e2e.server import Project, Server, create_project, wait_for

pytestmark = pytest.mark.slow
SPANS = 600


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


def accepted(project: Project, count: int) -> dict[str, int]:
    """Waits for so many spans in the ledger; returns all that became of them."""

    def found() -> dict[str, int]:
        totals = project.outcomes(kind="otel_span")
        return totals if totals.get("accepted", 0) >= count else {}

    return wait_for(found, f"{count} spans")


def export(exporter: SpanExporter, count: int) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests", "1")
    for number in range(count):
        with tracer.start_as_current_span(f"step {number}") as span:
            span.set_attribute("number", number)
            span.add_event("seen", {"what": "prüfen"})
    assert provider.force_flush()
    provider.shutdown()


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_exporter_over_http_loses_nothing(project: Project, compression: Compression) -> None:
    headers = {"Authorization": f"Bearer {project.key}"}
    endpoint = f"{project.server.url}/v1/traces"

    export(OTLPSpanExporter(endpoint, headers=headers, compression=compression), SPANS)

    assert accepted(project, SPANS) == {"received": SPANS, "accepted": SPANS}


def test_the_exporter_over_grpc_loses_nothing(project: Project, grpc_port: int) -> None:
    headers = (("authorization", f"Bearer {project.key}"),)
    exporter = GrpcExporter(f"http://127.0.0.1:{grpc_port}", insecure=True, headers=headers)

    export(exporter, SPANS)

    assert accepted(project, SPANS) == {"received": SPANS, "accepted": SPANS}


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
