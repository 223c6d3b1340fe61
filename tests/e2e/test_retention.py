"""What is too old, or belonged to a deleted project, is gone from every table and from the log."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.components import forks
from tests.e2e.audit import audit
from tests.e2e.load import Ledger, Load
from tests.e2e.old_rows import (
    add_dead_letters_of_age,
    add_rows_of_ages,
    count_rows,
    dead_letters_of,
)
from tests.e2e.payloads import span, trace
from tests.e2e.server import Project, Server, create_project, wait_for

pytestmark = pytest.mark.slow

YEAR = {"date_from": "2020-01-01T00:00:00Z", "date_to": "2290-01-01T00:00:00Z"}
PURGED = "project purged"
TABLES = {"traces", "spans", "span_marks", "outcomes", "trace_sums"}


def test_a_deleted_projects_data_is_deleted_and_its_neighbours_is_not(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        doomed, spared = create_project(server, "Doomed"), create_project(server, "Spared")
        for project in (doomed, spared):
            tool = {"tool_use_id": "t", "event_type": "pre_tool_use"}
            assert project.post("/v1/traces/batch", [trace()]).status_code == 202
            assert project.post("/v1/spans/batch", [span(**tool)]).status_code == 202
            assert project.post("/v1/traces/async", [{}]).status_code == 400
        server.wait_stored()
        add_dead_letters_of_age(server.data_dir, 0, doomed.project_id, spared.project_id)

        gone = server.admin.delete(
            f"/dashboard/api/projects/{doomed.project_id}",
            headers={"X-Project-Id": doomed.project_id},
        )

        assert gone.status_code == 200, gone.text
        assert doomed.get("/v1/traces").status_code == 401
        assert doomed.post("/v1/traces/async", [trace()]).status_code == 401
        wait_for(lambda: PURGED in server.tail(200), "the purge", timeout_s=30)
        server.stop()
        assert count_rows(server.data_dir, doomed.project_id) == {}
        assert dead_letters_of(server.data_dir, doomed.project_id) == []
        assert set(count_rows(server.data_dir, spared.project_id)) >= TABLES
        assert dead_letters_of(server.data_dir, spared.project_id) == ["0 days 1"]


def test_a_project_that_another_process_deletes_goes_though_both_are_sent_for_all_the_while(
    tmp_path: Path,
) -> None:
    ledger = Ledger()
    with Server(tmp_path / "data") as server:
        doomed, spared = create_project(server, "Doomed"), create_project(server, "Spared")
        load = Load([doomed, spared], ledger, seed="retention/purge")
        load.start(senders=2)
        wait_for(lambda: len(ledger.requests) > 30, "some load")

        delete_by_command(server, doomed.project_id)

        wait_for(lambda: PURGED in server.tail(200), "the purge", timeout_s=60)
        sent = len(ledger.requests)
        wait_for(lambda: len(ledger.requests) > sent + 10, "some load after the purge")
        load.stop()
        found = audit(server, [spared], ledger)
        assert count_rows(server.data_dir, doomed.project_id) == {}
    assert found["stored"] > 30
    assert {r.status for r in ledger.requests if r.project_id == doomed.project_id} >= {202, 401}


def test_rows_go_after_the_days_that_their_project_keeps_them(tmp_path: Path) -> None:
    days = {"RETENTION_DAYS": "90", "RETENTION_SUMS_DAYS": "0"}
    with Server(tmp_path / "data", settings=days) as server:
        project, neighbour = create_project(server), create_project(server, "Neighbour")
        server.stop()
        ages = (3, 10, 89, 91, 400)
        add_rows_of_ages(server.data_dir, project.project_id, ages)
        for age in ages:
            add_dead_letters_of_age(server.data_dir, age, project.project_id, neighbour.project_id)

        server.start()
        _wait_for_ages(project, {3, 10, 89})
        _wait_for_dead_letters(project, {3, 10, 89})
        change = server.admin.patch(
            f"/dashboard/api/projects/{project.project_id}",
            json={"retentionDays": 5},
            headers={"X-Project-Id": project.project_id},
        )
        assert change.status_code == 200, change.text
        server.stop()
        server.start()

        _wait_for_ages(project, {3})
        _wait_for_dead_letters(project, {3})
        _wait_for_dead_letters(neighbour, {3, 10, 89})
        server.stop()
        left = count_rows(server.data_dir, project.project_id)
        assert {left[table] for table in ("traces", "spans", "span_marks", "outcomes")} == {1}


def delete_by_command(server: Server, name: str) -> None:
    """Deletes a project by `sluice project delete`, in a process of its own."""
    arguments = ["project", "delete", name, "--yes", "--data-dir", str(server.data_dir)]
    ran = forks.run(arguments, env=os.environ)
    assert ran.returncode == 0, ran.stderr


def _wait_for_ages(project: Project, days: set[int]) -> None:
    """Returns when tables and rollups alike hold the items of these ages alone."""
    sessions = {f"{number} days" for number in days}

    def found() -> dict[str, Any]:
        spans = project.get("/v1/spans").json()["spans"]
        traces = project.get("/v1/traces").json()["traces"]
        return {
            "traces": {row["sessionId"] for row in traces},
            "spans": {row["sessionId"] for row in spans},
            "requests": project.get("/v1/analytics", **YEAR).json()["totalRequests"],
            "span sums": project.get("/v1/analytics/spans", **YEAR).json()["totalSpans"],
            "outcomes": project.outcomes(**YEAR),
        }

    expected = {
        "traces": sessions,
        "spans": sessions,
        "requests": len(days),
        "span sums": len(days),
        "outcomes": {"accepted": len(days)},
    }
    wait_for(lambda: found() == expected, f"the rows of {sorted(days)} days alone", timeout_s=20)


def _wait_for_dead_letters(project: Project, days: set[int]) -> None:
    """Returns when the log holds the project's dead letters of these ages alone."""

    def ages() -> set[int]:
        refs = dead_letters_of(project.server.data_dir, project.project_id)
        return {int(ref.split()[0]) for ref in refs}

    wait_for(lambda: ages() == days, f"the dead letters of {sorted(days)} days alone", timeout_s=20)
