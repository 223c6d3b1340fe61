"""A person leaves every system, and no byte of the installation's folder names them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.persons import session_person
from schemas.projects import ProjectId
from tests.e2e.payloads import trace
from tests.e2e.person_places import (
    copy_calls,
    send_calls,
    send_errors,
    send_telemetry,
    write_about,
)
from tests.e2e.server import Project, Server, create_project, wait_for
from tests.e2e.stored_bytes import drop_replaced_parts, find_words
from tests.poison import append_poison

pytestmark = pytest.mark.slow

NAME, OTHER = "zq7c1f2e9person", "zq7c1f2e9another"
WHO = f"{NAME}@secret.example"
TABLES = {
    *("traces", "session_sums", "spans", "scores", "errors", "transactions", "transaction_spans"),
    *("attachments", "feedback", "logs", "session_updates", "otel_spans", "otel_points"),
    *("messages", "experiment_calls"),
}
KINDS = {
    *("LLM calls", "agent spans", "scores", "errors", "transactions", "spans of transactions"),
    *("attachments", "feedback", "log records", "sessions", "spans of OpenTelemetry"),
    *("points of metrics", "messages to models and from them", "issues", "commits of releases"),
    *("messages", "budgets", "alerts of budgets", "incidents", "lines of incidents"),
    *("events of monitors", "items of datasets", "items of annotation queues"),
}


def test_no_byte_of_an_installation_names_a_person_who_is_erased(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        project = create_project(server)
        plant(server, project)
        server.kill()  # What is in no file but a WAL is looked at too.
        assert find_words(server.data_dir, theirs(project)) >= TABLES | {"control.db", "log.db"}
        server.start()
        persons = f"/api/v1/projects/{project.project_id}/persons"
        with server.client(project.make_token(name="admin", scope="admin")) as admin:
            export = admin.get(f"{persons}/export", params={"person": WHO})
            assert {json.loads(line)["what"] for line in export.text.splitlines()} == KINDS
            form = {"person": WHO, "confirm": WHO}
            assert admin.post(f"{persons}/erasures", json=form).status_code == 202
            wait_for(is_done(admin, persons), "the erasure", timeout_s=60)
            assert admin.get(persons, params={"person": WHO}).json()["total"] == 0
            assert project.get("/v1/datasets/d/items").json()["items"] == []
        server.kill()

        drop_replaced_parts(server.data_dir / "warehouse")

        assert find_words(server.data_dir, theirs(project)) == set()
        assert "traces" in find_words(server.data_dir, {OTHER.encode()})
        assert NAME not in server.output.read_text()


def plant(server: Server, project: Project) -> None:
    """Has all systems know two people, and tells one budget of what it has reached."""
    write_about(project, WHO)
    for send in (send_calls, send_errors, send_telemetry):
        send(project, WHO)
    other = trace(metadata={"userId": OTHER}, output_text=OTHER)
    assert project.post("/v1/traces/batch", [other]).status_code == 202
    append_poison(server.data_dir, project.project_id, {"metadata": {"userId": WHO}})
    server.wait_stored()
    copy_calls(project, WHO, NAME)
    told = "the alert of a budget"
    wait_for(lambda: project.get("/v1/budgets/alerts").json()["alerts"], told, timeout_s=30)


def theirs(project: Project) -> set[bytes]:
    """Returns how a person stands in files: the id, and the hash that sessions have of it."""
    hashed = session_person(ProjectId(project.project_id), WHO)
    return {NAME.encode(), hashed.to_bytes(8, "little")}


def is_done(admin: httpx.Client, persons: str) -> Callable[[], Any]:
    """Tells whether the erasure is over."""
    return lambda: admin.get(f"{persons}/erasures").json()["erasures"][0]["state"] == "done"
