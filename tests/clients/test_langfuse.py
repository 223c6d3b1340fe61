"""What Langfuse's unmodified SDKs for Python keep in Sluice, and fetch from it."""

from collections.abc import Iterator

import pytest

from tests.clients.test_otlp import PROGRAMS, run_program
from tests.components import otlp_sdks
from tests.components.fixtures import require
from tests.e2e.server import Project, Server, create_project, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    require("otlp-sdks")
    with Server(tmp_path_factory.mktemp("langfuse") / "data") as server:
        yield server


@pytest.fixture(params=[3, 5])
def project(request: pytest.FixtureRequest, server: Server) -> Project:
    """A project in which the program has run, with this version."""
    project = create_project(server, f"Langfuse {request.param}")
    prompt = {"name": "support", "prompt": "You are of {{company}}.", "labels": ["production"]}
    headers = {"X-Project-Id": project.project_id}
    kept = server.admin.post("/dashboard/api/prompts", json=prompt, headers=headers)
    assert kept.status_code == 201, kept.text
    told = {"SERVER": server.url, "KEY": project.key, "MODELS": "", "GRPC": ""}
    path = otlp_sdks.path(with_langfuse_3=request.param == 3)
    run_program(PROGRAMS / "langfuse_experiment.py", {**told, "PYTHONPATH": path})
    return project


def test_a_run_has_the_calls_the_costs_and_the_scores_of_an_experiment(project: Project) -> None:
    wait_for(lambda: len(project.get("/v1/scores").json()["scores"]) == 10, "the scores")
    found = wait_for(lambda: project.get("/v1/datasets/sums/runs").json()["runs"], "the run")

    (run,) = found
    assert (run["name"], run["items"], run["calls"], run["missing"]) == ("first", 3, 3, 0)
    # 10 at 2.50 and 1 at 10 dollars for a million tokens.
    assert run["cost_cents"] == pytest.approx(3 * 0.0035)
    averages = {one["name"]: one["average"] for one in run["scores"]}
    assert averages["right"] == pytest.approx(2 / 3)
    assert averages["short"] == 1
    items = project.get("/v1/datasets/sums/results", run="first").json()["items"]
    assert {one["id"]: one["result"]["scores"]["right"] for one in items} == {
        "q0": 1,
        "q1": 1,
        "q2": 0,
    }
