"""What a project masks is in no row, no issue and no answer: from socket to stored bytes."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.error_rows import Rows, read_rows
from tests.e2e.server import Project, Server, create_project, wait_for

SECRETS = (
    *("hunter2-of-the-test", "4111111111111111", "4111 1111 1111 1111", "sk_live_0a1b2c3d4e5f"),
    *("ann.secret@example.com", "203.0.113.77", "C-77777", "E-55555", "s3cr3t-cookie"),
)
OURS = {
    "masking": {
        **{"emails": True, "ips": True, "ownFields": ["customer number"]},
        "ownPatterns": [{"name": "staff", "pattern": r"\bE-\d{5}\b"}],
    }
}
EVENT: dict[str, Any] = {
    "exception": {
        "values": [
            {
                "type": "LoginFailed",
                "value": "password=hunter2-of-the-test for ann.secret@example.com",
                "stacktrace": {
                    "frames": [
                        {
                            "function": "pay",
                            "filename": "a.py",
                            "vars": {"card": "4111111111111111", "password": "hunter2-of-the-test"},
                        }
                    ]
                },
            }
        ]
    },
    "request": {
        "url": "https://u:hunter2-of-the-test@shop.example/?token=hunter2-of-the-test",
        "headers": {"Cookie": "id=s3cr3t-cookie", "X-Forwarded-For": "203.0.113.77"},
        "data": '{"customerNumber":"C-77777","card":"4111 1111 1111 1111"}',
    },
    "breadcrumbs": [{"message": "GET /?api_key=sk_live_0a1b2c3d4e5f", "data": {"by": "E-55555"}}],
    "user": {"email": "ann.secret@example.com", "ip_address": "203.0.113.77"},
    "tags": {"staff": "E-55555"},
    "transaction": "/login/E-55555",
}
TRANSACTION = {
    "type": "transaction",
    "name": "pay ann.secret@example.com",
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "durationMs": 5,
    "spans": [
        {
            "spanId": "b7ad6b7169203331",
            "op": "db",
            "description": "UPDATE users SET password = 'hunter2-of-the-test'",
            "durationMs": 1,
        }
    ],
}


def put(client: httpx.Client, project: Project, settings: Any) -> httpx.Response:
    headers = {"X-Project-Id": project.project_id}
    return client.put("/dashboard/api/errors/settings", json=settings, headers=headers)


class Stored:
    """One server's answers and files after events with secrets came."""

    def __init__(self, answers: str, rows: Rows, files: bytes) -> None:
        self.answers, self.rows, self.files = answers, rows, files


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    with Server(tmp_path_factory.mktemp("masked") / "data") as server:
        project = create_project(server)
        assert put(server.admin, project, OURS).status_code == 200
        store = project.addressed("/api/{number}/store/?sentry_key={dsn_key}")
        # The stream looks every two seconds: what comes before it has looked is masked as usual.
        wait_for(lambda: _is_masked(project, store), "the settings to count", timeout_s=15)
        assert project.http.post(store, json=EVENT).status_code == 200
        ingest = project.addressed("/v1/ingest?key={dsn_key}")
        assert project.http.post(ingest, json=TRANSACTION).status_code == 202
        server.wait_stored()
        headers = {"X-Project-Id": project.project_id}
        asked = ("issues", "transactions", "outcomes")
        answers = [server.admin.get(f"/dashboard/api/{one}", headers=headers) for one in asked]
        server.stop()
        rows = read_rows(server.data_dir)
        files = b"".join(one.read_bytes() for one in _files(server.data_dir))
        return Stored("".join(one.text for one in answers), rows, files)


def _is_masked(project: Project, store: str) -> bool:
    headers = {"X-Project-Id": project.project_id}
    project.http.post(store, json={"message": "probe E-11111"})
    project.server.wait_stored()
    answer = project.server.admin.get("/dashboard/api/issues", headers=headers)
    return "probe [staff]" in answer.text


def _files(data_dir: Path) -> list[Path]:
    """The control plane: the warehouse's files are compressed, so its rows are read instead."""
    return [one for one in data_dir.rglob("*") if one.is_file() and "control" in one.name]


@pytest.mark.slow
class TestStored:
    @pytest.mark.parametrize("secret", SECRETS)
    def test_no_row_no_issue_and_no_answer_has_a_secret(self, stored: Stored, secret: str) -> None:
        assert secret not in json.dumps(stored.rows, ensure_ascii=False)
        assert secret not in stored.answers
        assert stored.files
        assert secret.encode() not in stored.files

    def test_the_rest_of_an_event_is_kept(self, stored: Stored) -> None:
        (row,) = [one for one in stored.rows["errors"] if one["type"] == "LoginFailed"]

        assert row["title"] == "LoginFailed: password=[Filtered] for [email]"
        frame = row["body"]["exceptions"][0]["frames"][0]
        assert frame["vars"] == {"card": "[card]", "password": "[Filtered]"}
        assert row["body"]["user"]["email"] == "[email]"
        assert row["body"]["tags"] == {"staff": "[staff]"}
        (span,) = stored.rows["transaction_spans"]
        assert span["description"] == "UPDATE users SET password = '[Filtered]'"


class TestTheRoute:
    def test_what_is_set_is_answered_and_the_rest_is_as_by_default(self, server: Server) -> None:
        project = create_project(server)

        answer = put(server.admin, project, OURS)

        assert answer.status_code == 200
        headers = {"X-Project-Id": project.project_id}
        assert server.admin.get("/dashboard/api/errors/settings", headers=headers).json() == (
            answer.json()
        )
        masking = answer.json()["masking"]
        assert (masking["names"], masking["emails"], masking["keptFields"]) == (True, True, [])
        assert answer.json()["grouping"] == {"version": "v2", "rules": []}

    @pytest.mark.parametrize(
        ("settings", "says"),
        [
            ({"masking": {"cards": "no"}}, "Invalid settings"),
            ({"masking": {"emial": True}}, "Invalid settings"),
            ({"grouping": {"version": "v3"}}, "Invalid settings"),
            ({"masking": {"ownPatterns": [{"name": "a", "pattern": "(?<=x)"}]}}, "ownPatterns: a"),
            ({"grouping": {"rules": [{"match": [], "fingerprint": ["a"]}]}}, "rules: 1"),
        ],
    )
    def test_what_cannot_be_set_is_rejected(self, server: Server, settings: Any, says: str) -> None:
        answer = put(server.admin, create_project(server), settings)

        assert answer.status_code == 400
        assert says in answer.json()["error"]
