"""Monitors over HTTP, from a key to an incident; checks come as a prober sends them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.openapi_words import PARAMETERS
from schemas.uptime.examples import MONITOR
from tests.e2e.server import Project, Server, create_project, wait_for

SECOND = 1_000_000
STEP = 30 * SECOND
KEY = "sk_live_8f3a9c2d1e4b7f6a"
ADDRESS = "https://api.statuspulse.io"
QUIET: dict[str, Any] = {"notifications": [], "escalation_policy": None}
"""Of monitors that fall: nobody outside is told."""
CURL = """\
curl -sS -X POST https://api.statuspulse.io/v1/monitors \\
  -H "Authorization: Bearer sk_live_8f3a9c2d1e4b7f6a" \\
  -H "Content-Type: application/json" \\
  -d '{
    "name": "Checkout Service Gateway",
    "type": "http",
    "url": "https://api.acmecorp.com/v2/health",
    "interval_seconds": 30,
    "expected_status": 200,
    "escalation_policy": "oncall_senior",
    "notifications": ["slack://hooks/T0A1B2C3D/B0X9Y8Z7W/abc123"]
  }'
"""
STATUS = """\
import requests

API_TOKEN = "sk_live_8f3a9c2d1e4b7f6a"
MONITOR_ID = "mon_9x2k4p7q"
BASE_URL = "https://api.statuspulse.io/v1"

headers = {"Authorization": f"Bearer {API_TOKEN}"}
response = requests.get(f"{BASE_URL}/status/{MONITOR_ID}", headers=headers)

if response.status_code == 200:
    data = response.json()
    print(f"Current State: {data['state']}")
    print(f"Avg Response: {data['metrics']['p95_latency_ms']}ms")
    print(f"Uptime (7d): {data['metrics']['uptime_pct']}%")
else:
    print(f"API Error: {response.status_code} - {response.text}")
"""
ACKNOWLEDGE = """\
import requests

headers = {"Authorization": f"Bearer {API_TOKEN}"}
payload = {
    "incident_id": "inc_4m8n2v5w",
    "state": "acknowledged",
    "assignee": "maya.rodriguez@acmecorp.com",
    "notes": "Investigating Redis connection pool saturation. Scaling read replicas."
}

response = requests.post(f"{BASE_URL}/incidents", json=payload, headers=headers)
print(response.json()["message"])
"""


class Keyed:
    """Who holds a monitor key of a project."""

    def __init__(self, server: Server, project: Project, scope: str = "read") -> None:
        self.server = server
        self.project_id = project.project_id
        self.http = server.client(project.make_token(scope=scope, forMonitors=True))

    def ask(self, method: str, path: str, status: int, body: Any = None, **query: str) -> Any:
        """Returns what is answered, with this status."""
        answer = self.http.request(method, f"/v1/{path}", json=body, params=query)
        assert answer.status_code == status, answer.text
        return answer.json()

    def monitor(self, **fields: Any) -> str:
        """Makes a monitor; returns its id."""
        return str(self.ask("POST", "monitors", 201, MONITOR | QUIET | fields)["monitor_id"])

    def send(self, monitor_id: str, first_us: int, outcomes: str, **more: Any) -> None:
        """Sends checks, one each 30 s from a moment on."""
        self.ask("POST", "checks", 202, self.checks(monitor_id, first_us, outcomes, **more))
        self.server.wait_stored()

    def checks(self, monitor_id: str, first_us: int, outcomes: str, **more: Any) -> list[Any]:
        """Returns checks, one each 30 s from a moment on."""
        words = {"o": "ok", "f": "fail"}
        return [
            {
                "monitor_id": monitor_id,
                "region": "default",
                "slot_us": first_us + number * STEP,
                "started_us": first_us + number * STEP,
                "outcome": words[sign],
                "phases": {"total_ms": 100.0 + number},
                **more,
            }
            for number, sign in enumerate(outcomes)
        ]


@pytest.fixture
def keyed(server: Server) -> Iterator[Keyed]:
    holder = Keyed(server, create_project(server, "Shop"), "write")
    yield holder
    holder.http.close()


def ago(seconds: int) -> int:
    return time.time_ns() // 1000 - seconds * SECOND


def test_from_checks_follow_state_incident_and_figures(keyed: Keyed) -> None:
    monitor_id = keyed.monitor()
    assert keyed.ask("GET", f"status/{monitor_id}", 200)["state"] == "unknown"

    keyed.send(monitor_id, ago(120), "ooff")

    status = keyed.ask("GET", f"status/{monitor_id}", 200)
    assert status["state"] == "down"
    assert status["metrics"]["p50_latency_ms"] == 101.0
    assert status["metrics"]["checks"] == 4
    assert set(status["uptime"]) == {"24h", "7d", "30d", "90d"}
    (incident,) = keyed.ask("GET", "incidents", 200)["incidents"]
    assert (incident["state"], incident["monitor_id"]) == ("triggered", monitor_id)
    page = keyed.ask("GET", f"monitors/{monitor_id}/checks", 200, limit="3")
    assert [one["outcome"] for one in page["checks"]] == ["fail", "fail", "ok"]
    rest = keyed.ask("GET", f"monitors/{monitor_id}/checks", 200, cursor=page["next_cursor"])
    assert [one["outcome"] for one in rest["checks"]] == ["ok"]


def test_a_very_late_check_is_read_with_the_stored_ones(keyed: Keyed) -> None:
    monitor_id = keyed.monitor()
    begin = ago(40 * 30)
    keyed.send(monitor_id, begin, "oof" + "o" * 37)
    assert keyed.ask("GET", "incidents", 200)["incidents"] == []

    # A second look at the third slot, which its prober could not send before.
    keyed.send(monitor_id, begin + 2 * STEP, "f", attempt=1)

    def outage() -> Any:
        return keyed.ask("GET", "incidents", 200)["incidents"]

    (incident,) = wait_for(outage, "the outage")
    assert (incident["state"], incident["resolution"]) == ("resolved", "recovered")


def test_a_kill_between_answer_and_state_loses_nothing_and_doubles_nothing(
    server: Server, keyed: Keyed
) -> None:
    monitor_id = keyed.monitor()
    begin = ago(240)
    for number, sign in enumerate("ooffof"):
        keyed.send(monitor_id, begin + number * STEP, sign)
        if number == 3:
            server.kill()
            server.start()
    server.wait_stored()

    (incident,) = keyed.ask("GET", "incidents", 200)["incidents"]
    details = keyed.ask("GET", f"incidents/{incident['incident_id']}", 200)
    assert [line["kind"] for line in details["timeline"]] == ["triggered"]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("monitors", ("limit", "cursor")),
        ("monitors/{monitor_id}/checks", ("limit", "cursor", "date_from", "date_to")),
        ("status/{monitor_id}", ("window",)),
        ("sla", ("month", "months", "timezone", "format", "limit")),
        ("monitors/{monitor_id}/days", ("days", "timezone")),
        ("monitors/{monitor_id}/series", ("window", "step")),
        ("incidents", ("limit", "cursor", "incident_state", "monitor_id")),
    ],
)
def test_the_value_that_each_parameter_shows_is_taken(
    keyed: Keyed, path: str, names: tuple[str, ...]
) -> None:
    of = path.format(monitor_id=keyed.monitor())

    for name in names:
        shown = {name: PARAMETERS[name].example}
        assert keyed.http.get(f"/v1/{of}", params=shown).status_code == 200, shown


def test_days_and_series_tell_how_a_monitor_was(keyed: Keyed) -> None:
    monitor_id = keyed.monitor()
    keyed.send(monitor_id, ago(120), "ooff")

    days = keyed.ask("GET", f"monitors/{monitor_id}/days", 200, days="7", timezone="Asia/Tokyo")
    series = keyed.ask("GET", f"monitors/{monitor_id}/series", 200, window="1h", step="1h")

    assert (len(days["days"]), days["timezone"]) == (7, "Asia/Tokyo")
    assert days["days"][0] == {
        **{"day": days["days"][0]["day"], "state": "before", "uptime_pct": None},
        **{"coverage_pct": 0.0, "downtime_s": 0.0, "outages": 0},
    }
    assert sum(point["ok"] for point in series["points"]) == 2
    assert sum(point["failed"] for point in series["points"]) == 2
    passed = [point["phases_ms"] for point in series["points"] if point["ok"]]
    assert 100 <= passed[0]["total"]["p50"] <= 101
    for path, query in (
        ("days", {"days": "0"}),
        ("days", {"days": "367"}),
        ("days", {"timezone": "Mars/Olympus"}),
        ("series", {"window": "91d"}),
        ("series", {"window": "90d", "step": "1m"}),
        ("series", {"step": "soon"}),
    ):
        keyed.ask("GET", f"monitors/{monitor_id}/{path}", 422, **query)


def test_a_report_tells_what_was_kept_of_a_promise(keyed: Keyed) -> None:
    names = ["=HYPERLINK(1)", "Second", "Third"]
    ids = [keyed.monitor(name=name, sla_target_pct=99.5) for name in names]
    keyed.send(ids[0], ago(120), "ooff")

    first = keyed.ask("GET", "sla", 200, limit="2", months="2")
    rest = keyed.ask("GET", "sla", 200, limit="2", months="2", cursor=first["next_cursor"])
    table = keyed.http.get("/v1/sla", params={"format": "csv"})

    last, now = first["months"]
    lines = now["monitors"] + rest["months"][1]["monitors"]
    assert [line["monitor_id"] for line in lines] == ids
    assert [line["target_pct"] for line in lines] == [99.5] * 3
    assert (first["next_cursor"] is None, rest["next_cursor"]) == (False, None)
    down = lines[0]
    (incident,) = keyed.ask("GET", "incidents", 200)["incidents"]
    assert 0 < down["downtime_s"] < 120
    assert [(one["incident_id"], one["ended_at"]) for one in down["outages"]] == [
        (incident["incident_id"], None)
    ]
    assert down["burn_rates"]["1h"] > 1
    assert now["total"]["downtime_s"] >= down["downtime_s"]
    assert (last["is_over"], last["monitors"][0]["burn_rates"]) == (True, None)
    # What a spreadsheet would run stands there as text.
    assert table.headers["content-type"].startswith("text/csv")
    assert "'=HYPERLINK(1)" in table.text
    assert len(table.text.splitlines()) == 4
    for query in (
        {"month": "2026-13"}, {"month": "2999-01"}, {"months": "13"}, {"timezone": "Mars"},
        {"format": "xml"},
    ):  # fmt: skip
        keyed.ask("GET", "sla", 422, **query)


def test_a_key_of_another_project_reaches_no_figure_of_a_monitor(
    server: Server, keyed: Keyed
) -> None:
    monitor_id = keyed.monitor()
    other = Keyed(server, create_project(server, "Other"))

    for path in ("days", "series"):
        other.ask("GET", f"monitors/{monitor_id}/{path}", 404)
    other.ask("GET", "sla", 404, monitor_id=monitor_id)
    (month,) = other.ask("GET", "sla", 200)["months"]
    assert (month["monitors"], month["total"]["monitors"]) == ([], 0)
    other.http.close()


def test_an_incident_goes_from_hand_to_hand(keyed: Keyed) -> None:
    made = keyed.ask("POST", "incidents", 201, {"state": "triggered", "title": "Slow"})
    one = {"incident_id": made["incident_id"]}

    taken = {"state": "acknowledged", "assignee": "maya", "external_ids": {"jira": "OPS-1"}}
    assert "acknowledged" in keyed.ask("POST", "incidents", 200, one | taken)["message"]
    again = keyed.ask("POST", "incidents", 200, one | taken)
    assert (again["message"].endswith("already"), again["external_ids"]) == (
        True,
        {"jira": "OPS-1"},
    )
    keyed.ask("POST", "incidents", 200, one | {"state": "resolved", "notes": "A restart"})

    refused = keyed.ask("POST", "incidents", 409, one | {"state": "acknowledged"})
    assert refused["message"] == refused["error"]["message"]
    details = keyed.ask("GET", f"incidents/{made['incident_id']}", 200)
    assert [(line["kind"], line["notes"]) for line in details["timeline"]] == [
        ("triggered", ""), ("acknowledged", ""), ("resolved", "A restart"),
    ]  # fmt: skip


def test_what_is_wrong_is_said_in_one_envelope(server: Server, keyed: Keyed) -> None:
    nobody = server.client("sk_live_ffffffffffffffffffff")
    reader = Keyed(server, create_project(server, "Other"), "read")
    body = MONITOR | {"interval_seconds": 0}

    for answer, status in (
        (nobody.get("/v1/monitors"), 401),
        (server.client(None).get("/v1/monitors"), 401),
        (reader.http.post("/v1/monitors", json=MONITOR), 403),
        (keyed.http.get("/v1/status/mon_00000000"), 404),
        (keyed.http.post("/v1/monitors", json=body), 422),
        (keyed.http.post("/v1/monitors", content=b"{"), 422),
        (keyed.http.get("/v1/incidents", params={"stat": "x"}), 422),
        (keyed.http.get("/v1/monitors", params={"cursor": "x"}), 422),
    ):
        told = answer.json()
        assert answer.status_code == status, answer.text
        assert set(told["error"]) == {"code", "message", "details"}
        assert told["message"] == told["error"]["message"]


def test_no_answer_shows_a_secret_of_a_monitor(keyed: Keyed) -> None:
    monitor_id = keyed.monitor(headers={"authorization": "hush-hush"})

    for path in (f"monitors/{monitor_id}", "monitors", f"status/{monitor_id}"):
        text = keyed.http.get(f"/v1/{path}").text
        assert "hush-hush" not in text
        assert "abc123" not in text


def test_a_key_that_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    few = {"MONITOR_REQUESTS_PER_MINUTE": "3"}
    with Server(tmp_path / "data", settings=few) as server:
        holder = Keyed(server, create_project(server, "Shop"))
        answers = [holder.http.get("/v1/monitors") for _ in range(5)]

    assert 429 in [answer.status_code for answer in answers]
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_a_monitor_key_reaches_monitors_alone(server: Server, keyed: Keyed) -> None:
    assert keyed.http.get("/api/v1/projects").status_code == 401
    assert keyed.http.get("/v1/traces").status_code == 401


def test_the_samples_of_the_page_run_as_they_are(tmp_path: Path) -> None:
    with Server(tmp_path / "data", settings={"INIT_MONITOR_KEY": KEY}) as server:
        here = str(server.url)

        made = _run(["sh", "-c", CURL.replace(ADDRESS, here)])
        monitor_id = httpx.Response(201, text=made).json()["monitor_id"]
        program = STATUS.replace(ADDRESS, here)
        unknown = _run([sys.executable, "-c", program])
        known = _run([sys.executable, "-c", program.replace("mon_9x2k4p7q", monitor_id)])
        again = _run([sys.executable, "-c", program + ACKNOWLEDGE])
        with server.client(KEY) as client:
            body = {"state": "triggered", "monitor_id": monitor_id}
            incident = client.post("/v1/incidents", json=body).json()["incident_id"]
        program += ACKNOWLEDGE.replace("inc_4m8n2v5w", incident)
        taken = _run([sys.executable, "-c", program])

    assert "API Error: 404" in unknown
    assert known.splitlines() == [
        "Current State: unknown", "Avg Response: Nonems", "Uptime (7d): None%",
    ]  # fmt: skip
    assert again.splitlines()[-1] == "Incident not found"
    assert taken.splitlines()[-1] == f"Incident {incident} is acknowledged"


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_key_of_single_subjects_does_what_it_says_and_no_more(server: Server) -> None:
    project = create_project(server, "Scopes")
    reader = Keyed(server, project, "monitors:read,incidents:write")
    writer = Keyed(server, project, "monitors:write")
    told = {"state": "triggered", "title": "Checkout is slow"}

    monitor_id = writer.monitor()

    assert reader.ask("GET", f"monitors/{monitor_id}", 200)["ping_url"] is None
    assert reader.ask("POST", "incidents", 201, told)["state"] == "triggered"
    missing = reader.ask("POST", "monitors", 403, MONITOR)
    assert missing["message"] == "This key lacks the scope monitors:write"
    missing = writer.ask("GET", "incidents", 403)
    assert missing["message"] == "This key lacks the scope incidents:read"
    for one in (reader, writer):
        assert one.http.get("/api/v1/me").status_code == 401, "a monitor key reaches no more"


def test_a_time_that_is_over_is_voided_listed_and_counts_again(keyed: Keyed) -> None:
    monitor_id = keyed.monitor()
    begin = ago(20 * 30)
    path = f"monitors/{monitor_id}/exclusions"
    void = {"from": iso(begin), "to": iso(ago(1)), "reason": "Our line <b>was cut</b>"}

    made = keyed.ask("POST", path, 201, void)
    (listed,) = keyed.ask("GET", path, 200)["exclusions"]

    assert listed == made
    assert (made["reason"], made["author"]) == ("Our line <b>was cut</b>", "API token")
    later = keyed.ask("POST", path, 422, void | {"to": iso(ago(-60))})
    assert "cannot be voided" in later["message"]
    keyed.ask("POST", path, 422, void | {"to": iso(begin)})
    keyed.ask("POST", path, 422, void | {"to": "soon"})
    keyed.ask("DELETE", f"{path}/{made['exclusion_id']}", 200)
    keyed.ask("DELETE", f"{path}/{made['exclusion_id']}", 404)
    assert keyed.ask("GET", path, 200)["exclusions"] == []


def iso(moment_us: int) -> str:
    return datetime.fromtimestamp(moment_us / SECOND, UTC).isoformat().replace("+00:00", "Z")
