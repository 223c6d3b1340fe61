"""What is stored of what unmodified libraries send over OTLP: each call of a model once.

The models answer on the loopback (`models.py`). Each program of `otlp/` has a project of its own.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.clients.models import ANTHROPIC_MODEL, OPENAI_USED, models
from tests.clients.otlp_rows import Rows, read_rows
from tests.components import otlp_sdks
from tests.components.fixtures import require
from tests.components.processes import free_ports
from tests.e2e.server import Project, Server, create_project

pytestmark = pytest.mark.slow

PROGRAMS = Path(__file__).with_name("otlp")
PULSE = Path(__file__).parents[1] / "e2e" / "pulse_trace_sdk-0.2.8.tar.gz"
# As the package index lists it. Its wheel holds no module, as that of 0.2.6 (tests/e2e).
PULSE_SHA256 = "32a87c7e6248d3583cb20b00bcf4f72b0d5e4a1a30345bdbb8aeb920272c84f9"
SENDERS = {
    "openinference": "openinference_calls",
    "openllmetry": "openllmetry_calls",
    "both": "told_twice",
    "pydantic-ai": "pydantic_agent",
    "langfuse 3": "langfuse_calls",
    "langfuse 5": "langfuse_calls",
    "litellm": "litellm_calls",
    "pulse": "pulse_calls",
}
OPENAI_CALL = {
    "provider": "openai",
    "input_tokens": 2000,
    "output_tokens": 300,
    "cache_read_tokens": 1500,
    # 500 at 2.50, 1,500 at 1.25 and 300 at 10 dollars for a million tokens.
    "computed_cost": "0.006125",
}
ANTHROPIC_CALL = {
    "provider": "anthropic",
    "model_used": ANTHROPIC_MODEL,
    "input_tokens": 4100,
    "output_tokens": 200,
    "cache_read_tokens": 3000,
    "cache_write_tokens": 1000,
    # 100 at 3, 3,000 at 0.30, 1,000 at 3.75 and 200 at 15 dollars for a million tokens.
    "computed_cost": "0.00795",
}
ASKED = ["system: Be brief.", "user: How is the weather in Ulm?"]
ANSWERED = ["assistant: It is sunny."]
FINISH_S = 120


class Sent(NamedTuple):
    """What became of what one program sent."""

    rows: Rows
    analytics: dict[str, Any]
    listed: list[dict[str, Any]]
    """As `/v1/traces` lists them."""

    def billed(self, **columns: Any) -> list[dict[str, Any]]:
        """The calls that are billed, the oldest first; those with these values."""
        return [
            row
            for row in self.rows["traces"]
            if row["billing"] == "" and columns.items() <= row.items()
        ]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sent]:
    """What each program sent, by the name of its library."""
    require("otlp-sdks")
    folder = tmp_path_factory.mktemp("otlp")
    (port,) = free_ports(1)
    with (
        models() as address,
        Server(folder / "data", settings={"OTLP_GRPC_PORT": str(port)}) as server,
        ThreadPoolExecutor(3) as pool,
    ):
        grpc = f"http://127.0.0.1:{port}"
        environ = {"SERVER": server.url, "GRPC": grpc, "MODELS": address, "NO_PROXY": "127.0.0.1"}
        projects = {name: create_project(server, name) for name in SENDERS}
        paths = {
            "langfuse 3": otlp_sdks.path(with_langfuse_3=True),
            "pulse": otlp_sdks.path(_pulse(folder)),
        }

        def run(name: str) -> None:
            told = {
                "KEY": projects[name].key,
                "PYTHONPATH": paths.get(name, otlp_sdks.path()),
                **environ,
            }
            run_program(PROGRAMS / f"{SENDERS[name]}.py", told)

        list(pool.map(run, SENDERS))
        server.wait_stored()
        analytics = {name: _analytics(project) for name, project in projects.items()}
        listed = {name: one.get("/v1/traces").json()["traces"] for name, one in projects.items()}
        server.stop()
        rows = read_rows(server.data_dir)
    return {
        name: Sent(
            {
                table: [row for row in found if row["project_id"] == project.project_id]
                for table, found in rows.items()
            },
            analytics[name],
            listed[name],
        )
        for name, project in projects.items()
    }


def _pulse(folder: Path) -> Path:
    assert hashlib.sha256(PULSE.read_bytes()).hexdigest() == PULSE_SHA256
    with tarfile.open(PULSE) as archive:
        archive.extractall(folder, filter="data")
    return folder / PULSE.name.removesuffix(".tar.gz")


def run_program(program: Path, told: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        timeout=FINISH_S,
    )
    assert done.returncode == 0, f"{program.name}: {done.stderr[-2000:]}"


def _analytics(project: Project) -> dict[str, Any]:
    now = datetime.now(UTC)
    day = timedelta(days=1)
    asked = {"date_from": (now - day).isoformat(), "date_to": (now + day).isoformat()}
    answer = project.get("/v1/analytics", **asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_call_has_its_usage_cost_session_and_messages_from_openinference(
    sent: dict[str, Sent],
) -> None:
    plain, stream, tool, responses, embedding = sent["openinference"].billed(
        session_id="conv-1", user_id="ann", service="openinference"
    )

    for one in (plain, stream, tool, responses):
        assert OPENAI_CALL.items() <= one.items()
    assert (plain["input"], plain["output"]) == (ASKED, ANSWERED)
    assert stream["output"] == ANSWERED
    assert stream["first_token_ms"] is not None
    assert tool["output"] == ["assistant: call look_up"]
    assert responses["output"] == ANSWERED
    assert (embedding["model_requested"], embedding["input_tokens"]) == (
        "text-embedding-3-small",
        8,
    )


def test_a_call_has_its_usage_cost_user_and_messages_from_openllmetry_over_grpc(
    sent: dict[str, Sent],
) -> None:
    plain, stream, tool, responses, embedding = sent["openllmetry"].billed(service="openllmetry")

    for one in (plain, stream, tool, responses):
        assert (OPENAI_CALL | {"model_used": OPENAI_USED}).items() <= one.items()
    assert (plain["input"], plain["output"], plain["user_id"]) == (ASKED, ANSWERED, "ann")
    assert stream["output"] == responses["output"] == ANSWERED
    assert stream["first_token_ms"] is not None
    assert tool["output"] == ["assistant: call look_up"]
    assert embedding["input_tokens"] == 8


def test_a_call_that_two_instrumentations_tell_is_billed_once(sent: dict[str, Sent]) -> None:
    both = sent["both"]

    (call,) = both.billed()
    assert OPENAI_CALL.items() <= call.items()
    assert sorted(row["billing"] for row in both.rows["traces"]) == ["", "repeated"]


def test_the_calls_of_an_agent_are_billed_and_not_the_agent(sent: dict[str, Sent]) -> None:
    agent = sent["pydantic-ai"]

    calls = agent.billed()
    assert len(calls) == 2
    for call in calls:
        assert ANTHROPIC_CALL.items() <= call.items()
        # It makes a conversation of each run, and the client below it knows of none.
        assert len(call["session_id"]) == 36
        assert call["input"][:2] == ASKED
        assert call["tools"] == 1
    assert calls[0]["output"] == ["assistant: call look_up"]
    assert calls[1]["input"][2:] == ["assistant: call look_up", "user: result of look_up"]
    assert calls[1]["output"] == ANSWERED
    assert len({call["session_id"] for call in calls}) == 1
    kinds = sorted((row["kind"], row["tool_name"]) for row in agent.rows["spans"])
    assert kinds == [("agent_run", None), ("tool_use", "look_up")]
    assert {row["agent_name"] for row in agent.rows["spans"]} == {"weather"}


@pytest.mark.parametrize("version", ["langfuse 3", "langfuse 5"])
def test_a_generation_of_langfuse_has_the_session_of_its_trace(
    sent: dict[str, Sent], version: str
) -> None:
    (call,) = sent[version].billed()

    assert OPENAI_CALL.items() <= call.items()
    assert (call["session_id"], call["user_id"]) == ("conv-1", "ann")
    assert call["environment"] == "staging"
    assert (call["input"], call["output"]) == (ASKED, ANSWERED)


def test_the_raw_copies_of_litellm_are_not_billed(sent: dict[str, Sent]) -> None:
    litellm = sent["litellm"]

    openai, anthropic = litellm.billed(user_id="ann")
    assert OPENAI_CALL.items() <= openai.items()
    assert ANTHROPIC_CALL.items() <= anthropic.items()
    # As it says itself what it cost.
    for one in (openai, anthropic):
        assert one["reported_cost"] == one["computed_cost"]
        assert (one["input"], one["output"]) == (ASKED, ANSWERED)
    assert [row["billing"] for row in litellm.rows["traces"]].count("copy") == 2


def test_the_newest_pulse_sends_calls_and_pairs_of_tools(sent: dict[str, Sent]) -> None:
    pulse = sent["pulse"]

    calls = pulse.billed(session_id="conv-1", user_id="ann")
    assert len(calls) == 3
    for call in calls:
        # It says nothing of its cache.
        assert (call["provider"], call["input_tokens"], call["output_tokens"]) == (
            "openai",
            2000,
            300,
        )
        assert call["reported_cost"] == "0.008"
        assert '"turn":1' in call["metadata"].replace('"1"', "1")
    assert calls[0]["output"] == ANSWERED
    assert calls[2]["input"][2:] == ["assistant: call look_up", "tool: result of "]
    asked, answered = pulse.rows["spans"]
    assert (asked["event_type"], asked["tool_name"]) == ("tool_request", "look_up")
    assert (asked["pair_role"], answered["pair_role"]) == ("start", "end")
    assert asked["pair_key"] == answered["pair_key"] != ""


@pytest.mark.parametrize("name", SENDERS)
def test_sums_are_those_of_the_calls_that_were_made(sent: dict[str, Sent], name: str) -> None:
    made = {"both": 1, "pydantic-ai": 2, "langfuse 3": 1, "langfuse 5": 1, "litellm": 2, "pulse": 3}
    one = sent[name]

    assert len(one.billed()) == one.analytics["totalRequests"] == made.get(name, 5)
    assert len(one.listed) == len(one.billed())
    assert sum(row["costCents"] for row in one.listed) == pytest.approx(one.analytics["totalCost"])
    assert one.rows["otel_spans"]
