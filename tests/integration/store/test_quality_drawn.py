"""Prompts, runs, judges and spend in Grafana: the numbers that the pages of Sluice have."""

import random
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from clickhouse.client import Warehouse
from clickhouse.llm.experiment_scores import score_runs
from clickhouse.llm.experiments import Runs, sum_runs
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.prompt_sums import PromptQuery, sum_prompts
from grafana.boards import query_of
from grafana.plugin import Value, View, expand
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import HOUR_US, START_US, make_trace
from tests.integration.queries.score_rows import make_score, store_scores

PICO = 10**12
LAST_US = START_US + 3 * HOUR_US - 1
DATASET, RUNS = "questions", ("first", "second")
SEED = 4711


def make_calls(project: str) -> list[Any]:
    """Calls of two versions of a prompt; tries of items, one of two calls; questions of a judge."""
    chance, calls = random.Random(SEED), []
    for number in range(60):
        tags = {"experiment.dataset": DATASET, "experiment.run": RUNS[number % 2]}
        tags |= {"experiment.item": f"item-{number // 2 % 9}"}
        given = {
            "timestamp_us": START_US + chance.randrange(3 * HOUR_US),
            "prompt": "support",
            "prompt_version": str(1 + number % 2),
            "latency_ms": float(chance.randrange(100, 5000)),
            "status": "error" if number % 7 == 0 else "success",
            "reported_cost_pico": None if number % 11 == 0 else number * PICO // 100,
            "tags": tags,
            "session_id": "both" if number in (20, 38) else f"s{number}",
        }
        calls.append(make_trace(project, f"t{number}", **given))
    asked = {"environment": "sluice-judge", "tags": {"judge.name": "kind"}}
    asked |= {"reported_cost_pico": PICO // 4, "timestamp_us": START_US + HOUR_US}
    return [*calls, *(make_trace(project, f"q{n}", **asked) for n in range(3))]


@pytest.fixture(scope="module")
def project(warehouse: Warehouse) -> ProjectContext:
    context = ProjectContext(ProjectId(uuid.uuid4().hex))
    for one in (context.project_id, uuid.uuid4().hex):
        store_traces(warehouse, make_calls(one))
        rows = [
            make_score(f"judge-{n}", n, name="kind", source="eval", trace_id=f"t{n}", value=n / 100)
            for n in range(40)
        ]
        store_scores(warehouse, one, [*rows, make_score("by-hand", 1, name="mood", value=1.0)])
    return context


def ask(
    warehouse: Warehouse, project: ProjectContext, name: str, **chosen: Value
) -> Sequence[Sequence[Any]]:
    ends = (START_US // 1000, LAST_US // 1000)
    view = View(*ends, "utc", {"project": [project.project_id]} | chosen)
    return warehouse.query_now(expand(query_of(f"quality: {name}").sql, view), None, {}).rows


async def test_prompts_have_the_numbers_of_their_page(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    wanted = TraceFilter(from_us=START_US, to_us=LAST_US, prompt="support")
    page = await sum_prompts(warehouse, project, PromptQuery(wanted))

    rows = ask(warehouse, project, "Prompts by version")

    found = {row[2]: row for row in rows if row[1] == "support"}
    assert set(found) == {"1", "2"}
    for one in page:
        _, _, _, _, calls, errors, p50, p95, cost, _, unpriced, *_ = found[one.version or ""]
        assert (calls, unpriced) == (one.requests, one.unpriced_requests)
        assert one.error_rate == pytest.approx(errors * 100)
        assert one.p50 == pytest.approx(p50 * 1000, rel=0.02)
        assert one.p95 == pytest.approx(p95 * 1000, rel=0.02)
        assert float(one.cost_cents) == pytest.approx(cost * 100)
        (score,) = one.scores
        drawn = ask(warehouse, project, "Prompts: scores by version")
        by_name = {row[1]: row[2] for row in drawn}
        assert by_name[f"support {one.version} kind"] == pytest.approx(score.average)
    assert ask(warehouse, project, "Prompts by version", prompt=["none"]) == []


async def test_runs_have_the_numbers_of_their_page(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    page = await sum_runs(warehouse, project, Runs(DATASET, RUNS))
    scores = await score_runs(warehouse, project, Runs(DATASET, RUNS))

    rows = ask(warehouse, project, "Runs of datasets")

    found = {row[2]: row for row in rows}
    assert set(found) == set(page) == set(RUNS)
    for name, run in page.items():
        _, _, _, _, items, tries, calls, failed, cost, _, unpriced, p50, p95, said, *_ = found[name]
        assert (items, tries, calls) == (run.items, run.tries, run.calls)
        assert (failed * tries, unpriced) == (pytest.approx(run.failed), run.unpriced)
        assert cost == pytest.approx(float(run.cost))
        assert [p50 * 1000, p95 * 1000] == pytest.approx(list(run.latencies_ms))
        (score,) = (one for one in scores if one.run == name)
        assert said == f"kind {round(score.average or 0, 3):g}"
    assert page["first"].tries < page["first"].calls


async def test_judges_have_their_scores_and_what_they_asked(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    (row,) = ask(warehouse, project, "Judges by name")

    _, judge, scores, average, _, questions, failed, cost, unpriced, latency = row
    assert (judge, scores, questions, failed, unpriced) == ("kind", 40, 3, 0, 0)
    assert (average, cost, latency) == (pytest.approx(0.195), 0.75, pytest.approx(1.2))
    assert sum(one[2] for one in ask(warehouse, project, "Judges: scores given")) == 40
    assert sum(one[2] for one in ask(warehouse, project, "Judges: cost")) == 0.75


async def test_a_judge_that_gave_no_score_has_none_last(warehouse: Warehouse) -> None:
    silent = ProjectContext(ProjectId(uuid.uuid4().hex))
    asked = {"environment": "sluice-judge", "tags": {"judge.name": "kind"}, "status": "error"}
    store_traces(warehouse, [make_trace(silent.project_id, "q", timestamp_us=START_US, **asked)])

    (row,) = ask(warehouse, silent, "Judges by name")

    _, judge, scores, average, last, questions, failed, *_ = row
    assert (judge, scores, questions, failed) == ("kind", 0, 1, 1)
    assert (average, last) == (None, None)


async def test_spend_adds_up_to_what_calls_cost_beside_the_limit(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    spent = sum(one.reported_cost_pico or 0 for one in make_calls("any")) / PICO

    *_, last = ask(warehouse, project, "Spend against the limit", limit="50")
    (model,) = ask(warehouse, project, "Spend by model", limit="50")

    assert (last[1], last[2]) == (pytest.approx(spent), 50)
    assert (model[2], model[3]) == (pytest.approx(spent), pytest.approx(spent / 50))


@pytest.mark.parametrize("written", ["", "1' OR 1=1 --", "\\", "ten"])
async def test_a_limit_that_is_no_number_is_none(
    warehouse: Warehouse, project: ProjectContext, written: str
) -> None:
    rows = ask(warehouse, project, "Spend against the limit", limit=written)

    assert {row[2] for row in rows} == {None}
