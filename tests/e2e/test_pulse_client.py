"""The published Python client of the original, unmodified, against Sluice.

The wheel of `pulse-trace-sdk` 0.2.6 on PyPI holds no module (its build names a folder that the
source archive does not have), so `pip install` gives nothing to import. What is tested is the
source archive of the same release, byte for byte as PyPI has it.
"""

import hashlib
import importlib
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.e2e.server import Project, wait_for
from tests.e2e.stub_provider import provider

ARCHIVE = Path(__file__).with_name("pulse_trace_sdk-0.2.6.tar.gz")
# As the package index lists it.
SHA256 = "299dacc0cb29fe24ce3c099a789da663535385b65b6944e405a84f76da386ed6"
MESSAGES = [{"role": "user", "content": "Hello"}]
TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {}}}]


@pytest.fixture
def pulse_sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The client as a fresh import of the published archive."""
    assert hashlib.sha256(ARCHIVE.read_bytes()).hexdigest() == SHA256
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.syspath_prepend(tmp_path / "pulse_trace_sdk-0.2.6")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    sdk = importlib.import_module("pulse_sdk")
    yield sdk
    sdk.shutdown()
    for name in [name for name in sys.modules if name.partition(".")[0] == "pulse_sdk"]:
        del sys.modules[name]


@pytest.fixture
def model(pulse_sdk: Any) -> Iterator[openai.OpenAI]:
    """An OpenAI client that speaks to the stub provider."""
    with provider() as base_url:
        client = openai.OpenAI(api_key="sk-none", base_url=base_url, max_retries=0)
        yield client
        client.close()


def connect(pulse_sdk: Any, project: Project, batch_size: int = 1) -> None:
    pulse_sdk.init_pulse(
        {"api_key": project.key, "api_url": project.server.url, "batch_size": batch_size}
    )


def only_trace(project: Project) -> dict[str, Any]:
    (row,) = wait_for(lambda: project.get("/v1/traces").json()["traces"], "the trace")
    found: dict[str, Any] = row
    return found


def test_a_call_becomes_a_priced_trace_with_session_and_metadata(
    pulse_sdk: Any, model: openai.OpenAI, project: Project
) -> None:
    connect(pulse_sdk, project)
    options = pulse_sdk.ObserveOptions(session_id="conv-abc-123", metadata={"userId": "u", "a": 1})
    client = pulse_sdk.observe(model, pulse_sdk.Provider.OPENAI, options)

    client.chat.completions.create(model="gpt-4o", messages=MESSAGES, pulse_metadata={"turn": 2})

    row = only_trace(project)
    expected = {
        "provider": "openai",
        "modelRequested": "gpt-4o",
        "modelUsed": "gpt-4o-2024-11-20",
        "providerRequestId": "chatcmpl-1",
        "requestBody": {"model": "gpt-4o", "messages": MESSAGES},
        "inputTokens": 50,
        "outputTokens": 100,
        "outputText": "hi",
        "finishReason": "stop",
        "status": "success",
        "error": None,
        "costCents": 0.1125,
        "computedCostCents": 0.1125,
        "sessionId": "conv-abc-123",
        "metadata": {"userId": "u", "a": 1, "turn": 2},
    }
    assert {key: row[key] for key in expected} == expected
    assert project.get("/v1/sessions/conv-abc-123").json()["traces"] == [row]


def test_a_tool_call_whose_nulls_the_original_rejects_is_stored(
    pulse_sdk: Any, model: openai.OpenAI, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(pulse_sdk, project)
    client = pulse_sdk.observe(model, pulse_sdk.Provider.OPENAI)

    client.chat.completions.create(model="gpt-4o", messages=MESSAGES, tools=TOOLS)

    row = only_trace(project)
    nulls = ("inputTokens", "outputTokens", "outputText", "costCents", "sessionId", "metadata")
    assert {key: row[key] for key in nulls} == dict.fromkeys(nulls)
    assert (row["finishReason"], row["status"]) == ("tool_calls", "success")
    assert row["responseBody"]["inputTokens"] is None
    assert "failed to send" not in capsys.readouterr().out


def test_a_failed_call_becomes_an_error_trace(
    pulse_sdk: Any, model: openai.OpenAI, project: Project
) -> None:
    connect(pulse_sdk, project)
    client = pulse_sdk.observe(model, pulse_sdk.Provider.OPENAI)

    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="broken", messages=MESSAGES)

    row = only_trace(project)
    assert (row["status"], row["modelRequested"], row["costCents"]) == ("error", "broken", None)
    assert row["error"]["name"] == "BadRequestError"
    assert "no such model" in row["error"]["message"]


def test_openrouter_is_a_provider_too(
    pulse_sdk: Any, model: openai.OpenAI, project: Project
) -> None:
    connect(pulse_sdk, project)
    client = pulse_sdk.observe(model, pulse_sdk.Provider.OPENROUTER)

    client.chat.completions.create(model="x/y", messages=MESSAGES)

    row = only_trace(project)
    assert (row["provider"], row["modelRequested"], row["costCents"]) == ("openrouter", "x/y", None)


def test_a_full_buffer_is_sent_and_all_of_it_arrives(
    pulse_sdk: Any, model: openai.OpenAI, project: Project
) -> None:
    connect(pulse_sdk, project, batch_size=10)
    client = pulse_sdk.observe(model, pulse_sdk.Provider.OPENAI)

    for number in range(20):
        client.chat.completions.create(
            model="gpt-4o", messages=MESSAGES, pulse_session_id=f"session-{number % 2}"
        )

    wait_for(lambda: project.get("/v1/traces").json()["total"] == 20, "all traces")
    analytics = project.get(
        "/v1/analytics", date_from="2020-01-01T00:00:00Z", date_to="2100-01-01T00:00:00Z"
    ).json()
    assert (analytics["totalCost"], analytics["totalSessions"]) == (2.25, 2)
    assert analytics["totalTokens"] == {"input": 1000, "output": 2000, "total": 3000}


def test_the_timer_sends_what_no_full_buffer_did(
    pulse_sdk: Any, model: openai.OpenAI, project: Project
) -> None:
    pulse_sdk.init_pulse(
        {"api_key": project.key, "api_url": project.server.url + "/", "flush_interval": 1000}
    )
    client = pulse_sdk.observe(model, pulse_sdk.Provider.OPENAI)

    client.chat.completions.create(model="gpt-4o", messages=MESSAGES)

    assert only_trace(project)["outputText"] == "hi"
