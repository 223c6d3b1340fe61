"""One server for all tests that only speak to it; each test gets a project of its own.

It ends with the last test of this package: one that nobody asks takes a twentieth of a processor.
"""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.e2e.audit")

from tests.e2e.payloads import span, trace  # noqa: E402
from tests.e2e.server import Project, Server, create_project  # noqa: E402

MODELS = ("gpt-4o", "gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5")


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server with default settings; no test may stop it or fill it."""
    with Server(tmp_path_factory.mktemp("shared") / "data") as running:
        yield running


@pytest.fixture(scope="package")
def anyone(server: Server) -> Project:
    """A project for requests that are refused: what others send to it does not matter."""
    return create_project(server, "Anyone")


@pytest.fixture
def project(server: Server) -> Iterator[Project]:
    """A new, empty project on the shared server."""
    created = create_project(server)
    yield created
    created.http.close()


@pytest.fixture(scope="package")
def traces(server: Server) -> Iterator[Project]:
    """20 traces, one a day, one of them an error; 10 of them in one session. To be read only."""
    project = create_project(server)
    items = [
        trace(
            timestamp=f"2025-01-{day:02d}T10:30:00.123Z",
            provider="anthropic" if day % 4 == 3 else "openai",
            model_requested=MODELS[day % 4],
            input_tokens=100,
            output_tokens=200,
            latency_ms=600 + day / 2,
            status="error" if day == 20 else "success",
            session_id="conv-abc-123" if day <= 10 else None,
            cost_cents=0.25,
            metadata={"userId": f"user-{day % 2}", "environment": "prod", "team": "a"},
        )
        for day in range(1, 21)
    ]
    assert project.post("/v1/traces/batch", items).status_code == 202
    yield project
    project.http.close()


@pytest.fixture(scope="package")
def spans(server: Server) -> Iterator[Project]:
    """12 spans of one session and one of another. To be read only."""
    project = create_project(server)
    items = [
        span(
            session_id="sess_1",
            timestamp=f"2025-01-01T00:{minute:02d}:00Z",
            kind="agent_run" if minute < 2 else "tool_use",
            tool_name=None if minute < 2 else ("Bash" if minute % 2 else "Edit"),
            source="codex" if minute == 11 else "claude_code",
            status="error" if minute == 5 else "success",
            duration_ms=100 if minute % 2 else None,
        )
        for minute in range(12)
    ]
    items.append(span(session_id="sess_2", timestamp="2025-01-02T00:00:00Z", kind="llm_response"))
    assert project.post("/v1/spans/batch", items).status_code == 202
    yield project
    project.http.close()
