"""People who are told of incidents: from a check to a message at a receiver, through a kill too."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from schemas.uptime.examples import POLICY
from tests.e2e.server import Server, create_project, wait_for
from tests.e2e.test_uptime import STEP, Keyed, ago

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
SECRET = "hush-hush-hush"


class Receiver:
    """A server on loopback that notes what is posted to it, in order."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any]] = []
        noted = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                noted.append((self.path, json.loads(self.rfile.read(length))))
                self.send_response(202 if "enqueue" in self.path else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def at(self, path: str) -> list[Any]:
        """Returns what came at a path."""
        return [body for place, body in self.received if place == path]

    def wait(self, path: str, count: int) -> list[Any]:
        """Returns what came at a path, once it is so much."""
        wait_for(lambda: len(self.at(path)) >= count, f"{count} messages at {path}")
        return self.at(path)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Server]:
    settings = {"PRIVATE_TARGETS": "allow", "PAGERDUTY_URL": f"http://{receiver.place}"}
    folder = tmp_path_factory.mktemp("notifications")
    with Server(folder / "data", settings=settings) as server:
        yield server


@pytest.fixture
def keyed(own: Server) -> Iterator[Keyed]:
    holder = Keyed(own, create_project(own, "Shop"), "write")
    yield holder
    holder.http.close()


def states(keyed: Keyed) -> list[str]:
    """Returns what became of the messages about the only incident."""
    (incident,) = keyed.ask("GET", "incidents", 200)["incidents"]
    told = keyed.ask("GET", f"incidents/{incident['incident_id']}", 200)["notifications"]
    return [one["state"] for one in told]


def test_a_kill_between_flip_and_message_loses_none_and_doubles_none(
    own: Server, keyed: Keyed, receiver: Receiver
) -> None:
    monitor_id = keyed.monitor(
        escalation_policy=None,
        notifications=[f"json://{receiver.place}/apprise", f"http://{receiver.place}/hook"],
    )
    begin = ago(300)
    keyed.ask("POST", "checks", 202, keyed.checks(monitor_id, begin, "ooff"))
    # Messages follow a second and a half later.
    wait_for(lambda: keyed.ask("GET", "incidents", 200)["incidents"], "the incident")
    own.kill()
    assert receiver.at("/hook") == receiver.at("/apprise") == []

    own.start()
    wait_for(lambda: states(keyed) == ["delivered"] * 2, "both to be delivered")
    own.kill()
    own.start()
    keyed.send(monitor_id, begin + 4 * STEP, "oo")

    told = receiver.wait("/hook", 2)
    by_apprise = receiver.wait("/apprise", 2)
    assert [one["event_type"] for one in told] == ["incident.triggered", "incident.resolved"]
    assert [one["type"] for one in by_apprise] == ["failure", "success"]
    assert "is down" in by_apprise[0]["title"]
    wait_for(lambda: states(keyed) == ["delivered"] * 4, "all four to be delivered")
    assert len(receiver.at("/hook")) == len(receiver.at("/apprise")) == 2


def test_pagerduty_hears_of_each_step(keyed: Keyed, receiver: Receiver) -> None:
    keyed.ask("POST", "escalation-policies", 201, {
        "name": "oncall", "steps": [{"notifications": [f"pagerduty://{ROUTING_KEY}"]}],
    })  # fmt: skip
    incident = {"state": "triggered", "title": "Slow", "escalation_policy": "oncall"}
    made = keyed.ask("POST", "incidents", 201, incident | {"severity": "critical"})
    first = receiver.wait("/v2/enqueue", 1)
    for number, state in enumerate(("acknowledged", "resolved"), 2):
        body = {"incident_id": made["incident_id"], "state": state}
        keyed.ask("POST", "incidents", 200, body)
        receiver.wait("/v2/enqueue", number)

    told = receiver.at("/v2/enqueue")
    assert [one["event_action"] for one in told] == ["trigger", "acknowledge", "resolve"]
    assert {(one["routing_key"], one["dedup_key"]) for one in told} == {
        (ROUTING_KEY, made["incident_id"])
    }
    assert first[0]["payload"]["severity"] == "critical"
    details = keyed.ask("GET", f"incidents/{made['incident_id']}", 200)
    kinds = [one["kind"] for one in details["notifications"]]
    assert kinds == ["alert", "acknowledgement", "recovery"]
    assert ROUTING_KEY not in json.dumps(details)


def test_a_test_says_what_each_target_came_to_without_secrets(
    keyed: Keyed, receiver: Receiver
) -> None:
    nobody = f"http://127.0.0.1:1/{SECRET}"
    targets = [f"json://{receiver.place}/try-{SECRET}", nobody, "channel:nobody"]
    made = keyed.ask("POST", "monitors", 201, {
        "name": "Shop", "type": "http", "url": "https://shop.example", "notifications": targets,
    })  # fmt: skip
    assert made["warnings"] == ["notifications: there is no channel:nobody"]

    answer = keyed.ask("POST", f"monitors/{made['monitor_id']}/notifications/test", 200)

    assert [(one["target"], one["ok"]) for one in answer["results"]] == [
        ("json://…", True), ("http://127.0.0.1/…", False),
    ]  # fmt: skip
    assert len(receiver.at(f"/try-{SECRET}")) == 1
    assert SECRET not in json.dumps(answer)
    assert answer["message"] == "1 of 2 targets took the test"


def test_a_target_that_cannot_work_is_named_and_not_told(keyed: Keyed) -> None:
    monitor = {"name": "Shop", "type": "http", "url": "https://shop.example"}
    steps = [{"notifications": ["json://fine.example", f"nope://{SECRET}"]}]

    for path, body, entry in (
        ("monitors", monitor | {"notifications": [f"nope://{SECRET}"]}, "notifications[0]"),
        ("monitors", monitor | {"notifications": [SECRET]}, "notifications[0]"),
        ("monitors", monitor | {"notifications": ["tgram://x"]}, "notifications[0]"),
        ("escalation-policies", {"name": "a", "steps": steps}, "steps[0].notifications[1]"),
    ):
        refused = keyed.ask("POST", path, 422, body)
        assert entry in refused["message"]
        assert SECRET not in json.dumps(refused)
    assert keyed.ask("GET", "monitors", 200)["monitors"] == []


def test_a_policy_is_made_changed_named_and_removed(keyed: Keyed) -> None:
    monitor_id = keyed.monitor(escalation_policy="oncall_senior")
    (warning,) = keyed.ask("GET", f"monitors/{monitor_id}", 200)["warnings"]
    assert "'oncall_senior'" in warning

    made = keyed.ask("POST", "escalation-policies", 201, POLICY)
    assert made["steps"][0] == {"after_seconds": 0, "notifications": ["pagerduty://…"]}
    assert keyed.ask("GET", f"monitors/{monitor_id}", 200)["warnings"] == []
    keyed.ask("POST", "escalation-policies", 409, POLICY)
    back = [{**POLICY["steps"][0], "after_seconds": 1000}, POLICY["steps"][1]]
    path = f"escalation-policies/{made['policy_id']}"
    keyed.ask("PUT", path, 422, {"steps": back})
    keyed.ask("PUT", path, 422, {"repeat": 1})
    changed = keyed.ask("PUT", path, 200, {"repeat_count": 7})
    assert (changed["repeat_count"], changed["steps"]) == (7, made["steps"])
    assert keyed.ask("GET", path, 200)["repeat_count"] == 7
    (listed,) = keyed.ask("GET", "escalation-policies", 200)["escalation_policies"]
    assert listed["policy_id"] == made["policy_id"]

    removed = keyed.ask("DELETE", path, 200)
    assert "Checkout Service Gateway" in removed["warnings"][0]
    keyed.ask("GET", path, 404)
    assert keyed.ask("GET", f"monitors/{monitor_id}", 200)["warnings"] == [warning]


def test_many_that_fall_together_are_one_message(keyed: Keyed, receiver: Receiver) -> None:
    names = [f"Shop {number} <b>" for number in range(6)]
    ids = [
        keyed.monitor(
            name=name,
            escalation_policy=None,
            notifications=[f"http://{receiver.place}/storm"],
        )
        for name in names
    ]
    # In one request: a busy machine may take longer for six than a storm waits for what falls next.
    checks = [one for monitor_id in ids for one in keyed.checks(monitor_id, ago(120), "ff")]
    keyed.ask("POST", "checks", 202, checks)

    (told,) = receiver.wait("/storm", 1)

    assert [one["title"] for one in told["incidents"]] == [f"{name} is down" for name in names]


def test_a_server_without_leave_sends_nothing_to_private_addresses(
    tmp_path: Path, receiver: Receiver
) -> None:
    with Server(tmp_path / "data") as server:
        keyed = Keyed(server, create_project(server, "Shop"), "write")
        made = keyed.monitor(
            notifications=[f"http://{receiver.place}/never", f"json://{receiver.place}/never"]
        )
        answer = keyed.ask("POST", f"monitors/{made}/notifications/test", 200)

    assert [one["ok"] for one in answer["results"]] == [False, False]
    assert all("private address" in one["error"] for one in answer["results"])
    assert receiver.at("/never") == []
