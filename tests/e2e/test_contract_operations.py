"""What operators and browsers find (contract 1.a.1, issue section 8): no key needed."""

import re

import pytest

from tests.e2e.payloads import trace
from tests.e2e.server import KEY, Project, Server, wait_for


class TestHealth:
    def test_the_body_is_the_contracts(self, server: Server) -> None:
        with server.client(None) as client:
            answer = client.get("/health")

        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "service": "pulse"})


class TestReady:
    def test_every_part_is_checked(self, server: Server) -> None:
        with server.client(None) as client:
            answer = client.get("/ready")

        assert answer.status_code == 200
        assert answer.json() == {
            "status": "ready",
            "checks": dict.fromkeys(("log", "stream", "store", "control_plane"), "ok"),
        }


class TestMetrics:
    @pytest.mark.parametrize(
        "name",
        [
            "sluice_items_received_total",
            "sluice_items_accepted_total",
            "sluice_items_rejected_total",
            "sluice_items_duplicate_total",
            "sluice_log_bytes",
            "sluice_log_queued_bytes",
            "sluice_lag_records",
            "sluice_lag_seconds",
            "sluice_oldest_unacked_seconds",
            "sluice_block_rows_bucket",
            "sluice_insert_seconds_bucket",
            "sluice_request_seconds_bucket",
            "sluice_query_seconds_bucket",
        ],
    )
    def test_a_metric_is_served(self, project: Project, name: str) -> None:
        item = trace()
        project.post("/v1/traces/batch", [item])
        project.post("/v1/traces/batch", [item])
        project.post("/v1/traces/batch", [{}])
        project.get("/v1/traces")

        answer = project.server.client(None).get("/metrics")

        assert answer.headers["content-type"].startswith("text/plain")
        assert re.search(rf"^{name}(\{{.*\}})? [0-9.e+-]+$", answer.text, re.MULTILINE)

    def test_queries_are_measured(self, project: Project) -> None:
        before = project.server.metric("sluice_query_seconds_count")

        project.get("/v1/traces")

        assert project.server.metric("sluice_query_seconds_count") > before

    def test_items_are_counted_by_what_became_of_them(self, project: Project) -> None:
        server, item = project.server, trace()
        names = ("received", "accepted", "rejected", "duplicate")
        before = {name: server.metric(f"sluice_items_{name}_total", kind="trace") for name in names}

        project.post("/v1/traces/batch", [item, trace()])
        project.post("/v1/traces/batch", [item])
        project.post("/v1/traces/batch", [{}, {}, {}])

        grown = {
            name: server.metric(f"sluice_items_{name}_total", kind="trace") - before[name]
            for name in names
        }
        assert grown == {"received": 6, "accepted": 3, "rejected": 3, "duplicate": 1}

    def test_lag_goes_back_to_nothing(self, project: Project) -> None:
        project.post("/v1/traces/async", [trace()])

        wait_for(lambda: project.server.metric("sluice_lag_records") == 0, "no lag")


class TestDocs:
    def test_the_page_and_all_that_it_loads_are_served_from_here(self, server: Server) -> None:
        with server.client(None) as client:
            page = client.get("/docs", follow_redirects=True)
            assert page.status_code == 200
            assert page.headers["content-type"].startswith("text/html")
            links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
            assert any("swagger-ui-bundle.js" in link for link in links)
            for link in links:
                assert link.startswith(("/", "data:")), f"{link} needs another network"
                if link.startswith("/"):
                    assert client.get(link).status_code == 200, link

    def test_the_schema_names_every_way_in_and_out(self, server: Server) -> None:
        with server.client(None) as client:
            schema = client.get("/docs/openapi.json").json()

        expected = (
            "/v1/traces/async /v1/traces/batch /v1/spans/async /v1/spans/batch /v1/traces"
            " /v1/traces/{trace_id} /v1/spans /v1/spans/{span_id} /v1/sessions/{session_id}"
            " /v1/sessions/{session_id}/spans /v1/analytics /v1/analytics/spans /v1/outcomes"
            " /v1/auth/login /health /ready /metrics"
        )
        assert set(expected.split()) <= set(schema["paths"])


class TestPages:
    def test_the_root_tells_what_this_is(self, server: Server) -> None:
        with server.client(None) as client:
            page = client.get("/")

        assert page.status_code == 200
        assert "Sluice" in page.text
        assert page.headers["content-type"].startswith("text/html")

    def test_the_runtime_configuration_names_this_server(self, server: Server) -> None:
        with server.client(None) as client:
            script = client.get("/runtime-config.js")

        assert "window.__PULSE_CONFIG" in script.text
        assert f'"apiBaseUrl": "{server.url}"' in script.text


class TestStart:
    def test_address_way_to_the_key_and_a_first_trace_are_printed(self, server: Server) -> None:
        said = server.output.read_text()

        assert f"Sluice is ready at {server.url}" in said
        assert "sluice key show " in said
        assert KEY not in said
        assert f"curl -X POST {server.url}/v1/traces" in said
