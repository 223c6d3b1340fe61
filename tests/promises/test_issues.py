"""What the issues of errors promise beside what every kind does, on both logs."""

from typing import Any

import pytest

from tests.e2e.server import Project, create_project, wait_for
from tests.promises.installations import Installation
from tests.promises.samples.errors import SAMPLES

SAMPLE = SAMPLES["error"]

pytestmark = pytest.mark.slow


def send(running: Installation, project: Project, items: list[bytes]) -> None:
    assert running.post(project, SAMPLE.path, SAMPLE.body(items)) == SAMPLE.status


def issues(project: Project, **params: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.get("/v1/issues", **params).json()["issues"]
    return sorted(found, key=lambda issue: issue["number"])


def test_issues_and_their_counts_equal_the_rows_after_kill_resend_and_replay(
    installation: Installation,
) -> None:
    project = create_project(installation.front)
    batches = [SAMPLE.items(3) for _ in range(6)]  # each of three stacks
    for batch in batches:
        send(installation, project, batch)
    installation.kill()
    send(installation, project, batches[0])
    installation.wait_stored()
    before = issues(project)

    installation.rewind()
    send(installation, project, batches[1])
    installation.wait_stored()

    assert [(one["number"], one["eventCount"]) for one in before] == [(1, 6), (2, 6), (3, 6)]
    assert issues(project) == before
    assert installation.count(project, "errors") == 18


def test_a_replay_reopens_nothing_and_a_new_event_does(installation: Installation) -> None:
    project = create_project(installation.front)
    send(installation, project, SAMPLE.items(2))
    installation.wait_stored()
    ids = [one["id"] for one in issues(project)]
    own = {"X-Project-Id": project.project_id}
    resolve = {"ids": ids, "status": "resolved"}
    admin = installation.front.admin
    assert admin.post("/dashboard/api/issues/bulk", json=resolve, headers=own).status_code == 200

    installation.rewind()
    installation.wait_stored()
    replayed = issues(project, query="is:resolved")
    send(installation, project, SAMPLE.items(1))
    reopened = wait_for(lambda: issues(project, query="is:regressed"), "the regression")

    assert [one["id"] for one in replayed] == ids
    assert [one["timesRegressed"] for one in reopened] == [1]
