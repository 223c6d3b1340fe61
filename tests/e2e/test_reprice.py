"""`sluice reprice` over a server that is killed while events come: each cost changes once."""

import json
import random
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.payloads import new_id, span, trace
from tests.e2e.seeds import seed_of
from tests.e2e.server import Project, Server, create_project, wait_for
from tests.e2e.store_sums import read_sums, rollups_of
from tests.e2e.test_kill import pause

SMALL_CHUNKS = (sys.executable, "-m", "tests.e2e.small_chunks_up")
KILLS = 2
RANGE = {"date_from": "2026-10-01T00:00:00Z", "date_to": "2026-12-01T00:00:00Z"}
COSTS = ("computed_cost", "reported_first_cost", "computed_first_cost", "unpriced")


def traces(count: int) -> list[dict[str, Any]]:
    """Calls that a list prices, that none does, and whose senders say what they cost."""
    models = ("gpt-4o", "house-model", "gpt-4o-mini")
    return [
        trace(
            timestamp=f"2026-11-{1 + number % 20:02}T{number % 24:02}:30:00Z",
            model_requested=models[number % 3],
            input_tokens=1000 + number,
            output_tokens=number,
            session_id=f"session {number % 7}",
            **({"cost_cents": 0.5} if number % 5 == 0 else {}),
        )
        for number in range(count)
    ]


def spans(count: int) -> list[dict[str, Any]]:
    return [
        span(
            span_id=new_id(),
            timestamp=f"2026-11-{1 + number % 20:02}T10:00:00Z",
            kind="llm_response",
            event_type="assistant",
            model=("claude-sonnet-4-5", "house-model")[number % 2],
            metadata={"usage": {"input_tokens": 100 + number, "output_tokens": 10}},
        )
        for number in range(count)
    ]


def send(project: Project, path: str, items: list[dict[str, Any]]) -> None:
    for first in range(0, len(items), 100):
        answer = project.post(path, items[first : first + 100])
        assert answer.status_code == 202, answer.text


def chunks_done(server: Server) -> int:
    """Returns how far the run is, in chunks."""
    with closing(sqlite3.connect(f"file:{server.data_dir / 'control.db'}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT progress FROM reprice_run").fetchall()
    return max((json.loads(row[0])["chunk"] for row in rows), default=0)


def set_prices(server: Server, project: Project) -> None:
    own = {"X-Project-Id": project.project_id}
    for body in (
        {"model": "house-*", "rates": {"input": "3", "output": 6}},
        {"model": "*", "provider": "openai", "discountPercent": "25"},
        {"model": "claude-*", "rates": {"input": "1", "output": "1"}, "provider": "anthropic"},
    ):
        answer = server.admin.post("/dashboard/api/prices", json=body, headers=own)
        assert answer.status_code == 201, answer.text


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_changes_each_cost_once(tmp_path: Path) -> None:
    chance = random.Random(seed_of("reprice"))
    with Server(tmp_path / "data", command=SMALL_CHUNKS) as server:
        project, other = create_project(server, "One"), create_project(server, "Other")
        for one in (project, other):
            send(one, "/v1/traces/async", traces(900))
            send(one, "/v1/spans/async", spans(300))
        server.wait_stored()
        untouched = other.get("/v1/analytics", **RANGE).json()
        set_prices(server, project)

        with ThreadPoolExecutor() as pool:
            told = pool.submit(server.run, "reprice", "--from", "2026-10-01", "--to", "2026-11-30")
            for number in range(KILLS):
                wait_for(lambda n=number: chunks_done(server) > 3 * n, "some chunks", timeout_s=60)
                pause(chance.uniform(0.0, 0.2))
                server.kill()
                server.start()
                send(project, "/v1/traces/async", traces(50))
            outcome = told.result(timeout=120)
        server.wait_stored()

        assert "changed:         1200" in outcome, outcome
        assert server.run("reprice", "--run", outcome.split()[1]) == outcome
        assert costs_of(project) == expected(traces(900), 1) + expected(traces(50), KILLS)
        assert other.get("/v1/analytics", **RANGE).json() == untouched
        models = project.get("/v1/models", **RANGE).json()["models"]
        assert {model["unpriced"] for model in models} == {0}
        server.stop()
    sums = read_sums(tmp_path / "data")
    assert_rollups_equal_rows(sums)


def costs_of(project: Project) -> Decimal:
    """Returns the computed cost of all traces in cents, from their rows."""
    total = Decimal(0)
    for offset in range(0, 10_000, 1000):
        page = project.get("/v1/traces", limit=1000, offset=offset).json()["traces"]
        total += sum(Decimal(str(row["computedCostCents"])) for row in page)
        if len(page) < 1000:
            break
    return total


def expected(items: list[dict[str, Any]], times: int) -> Decimal:
    """Returns in cents what the own prices make of traces, worked out by hand."""
    dollars = {
        "house-model": (Decimal(3), Decimal(6)),
        "gpt-4o": (Decimal("2.5") * 3 / 4, Decimal(10) * 3 / 4),
        "gpt-4o-mini": (Decimal("0.15") * 3 / 4, Decimal("0.6") * 3 / 4),
    }
    total = Decimal(0)
    for item in items:
        into, out = dollars[item["model_requested"]]
        total += (item["input_tokens"] * into + item["output_tokens"] * out) / 10_000
    return total * times


def assert_rollups_equal_rows(sums: Any) -> None:
    for base in ("traces", "spans"):
        for rollup in rollups_of(sums, base):
            for project_id, columns in sums[rollup].items():
                rows = sums[base][project_id]
                same = {name: (columns[name], rows[name]) for name in COSTS if name in columns}
                assert all(a == b for a, b in same.values()), (rollup, project_id, same)
