"""What is too old, or belonged to a deleted project, is gone from every table."""

from pathlib import Path

from tests.e2e.old_rows import add_trace_of_age, count_rows
from tests.e2e.payloads import span, trace
from tests.e2e.server import Project, Server, create_project, wait_for

YEAR = {"date_from": "2020-01-01T00:00:00Z", "date_to": "2290-01-01T00:00:00Z"}


def test_a_deleted_projects_data_is_deleted_and_its_neighbours_is_not(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        doomed, spared = create_project(server, "Doomed"), create_project(server, "Spared")
        for project in (doomed, spared):
            tool = {"tool_use_id": "t", "event_type": "pre_tool_use"}
            assert project.post("/v1/traces/batch", [trace()]).status_code == 202
            assert project.post("/v1/spans/batch", [span(**tool)]).status_code == 202
            assert project.post("/v1/traces/async", [{}]).status_code == 400
        server.wait_stored()

        gone = server.admin.delete(
            f"/dashboard/api/projects/{doomed.project_id}",
            headers={"X-Project-Id": doomed.project_id},
        )

        assert gone.status_code == 200, gone.text
        assert doomed.get("/v1/traces").status_code == 401
        assert doomed.post("/v1/traces/async", [trace()]).status_code == 401
        wait_for(lambda: "project purged" in server.tail(200), "the purge", timeout_s=30)
        server.stop()
        assert count_rows(server.data_dir, doomed.project_id) == {}
        left = count_rows(server.data_dir, spared.project_id)
        assert {"traces", "spans", "span_pairs", "outcomes", "trace_sums"} <= set(left)


def test_rows_go_after_the_days_that_their_project_keeps_them(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        project = create_project(server)
        server.stop()
        for days in (3, 10, 89, 91, 400):
            add_trace_of_age(server.data_dir, project.project_id, days)

        server.start()
        _wait_for_sessions(project, {"3 days", "10 days", "89 days"})
        change = server.admin.patch(
            f"/dashboard/api/projects/{project.project_id}",
            json={"retentionDays": 5},
            headers={"X-Project-Id": project.project_id},
        )
        assert change.status_code == 200, change.text
        server.stop()
        server.start()

        _wait_for_sessions(project, {"3 days"})


def _wait_for_sessions(project: Project, expected: set[str]) -> None:
    def only_expected() -> bool:
        rows = project.get("/v1/traces").json()["traces"]
        # The rollups forget the same days as the base table, a table after the other.
        requests = project.get("/v1/analytics", **YEAR).json()["totalRequests"]
        return {row["sessionId"] for row in rows} == expected and requests == len(expected)

    wait_for(only_expected, f"the traces of {sorted(expected)} alone", timeout_s=20)
