"""Heartbeats over HTTP: what jobs say by ping URLs and check-ins, and what is missing."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.e2e.server import Server, create_project, wait_for
from tests.e2e.test_uptime import Keyed

LONG = {"interval_seconds": 3600, "grace_seconds": 600}
PLAN = {
    "schedule": {"type": "crontab", "value": "0 3 * * *"},
    "timezone": "Europe/Berlin",
    "checkin_margin": 5,
    "max_runtime": 10,
    "failure_issue_threshold": 2,
}


class Jobs(Keyed):
    """Who has heartbeat monitors."""

    def heartbeat(self, **fields: Any) -> dict[str, Any]:
        """Makes one; returns it."""
        fields = {"name": "Backup", "type": "heartbeat", **LONG, **fields}
        made: dict[str, Any] = self.ask("POST", "monitors", 201, fields)
        return made

    def checks(self, monitor_id: str) -> list[dict[str, Any]]:
        """Returns its checks, the oldest first."""
        self.server.wait_stored()
        page = self.ask("GET", f"monitors/{monitor_id}/checks", 200, limit="200")
        return list(reversed(page["checks"]))

    def state(self, monitor_id: str) -> str:
        return str(self.ask("GET", f"status/{monitor_id}", 200)["state"])

    def wait_state(self, monitor_id: str, state: str) -> None:
        what = f"{monitor_id} to be {state}"
        wait_for(lambda: self.state(monitor_id) == state, what, timeout_s=60)


@pytest.fixture
def jobs(server: Server) -> Iterator[Jobs]:
    holder = Jobs(server, create_project(server, "Jobs"), "write")
    yield holder
    holder.http.close()


def test_the_ping_url_is_for_those_who_may_write(server: Server) -> None:
    project = create_project(server, "Jobs")
    writer = Jobs(server, project, "write")
    reader = Jobs(server, project)
    made = writer.heartbeat()

    shown = reader.ask("GET", f"monitors/{made['monitor_id']}", 200)
    listed = reader.ask("GET", "monitors", 200)["monitors"]

    assert made["ping_url"].startswith(f"{server.url}/v1/heartbeats/")
    assert shown["ping_url"] is None
    assert [one["ping_url"] for one in listed] == [None]
    assert writer.ask("GET", "monitors", 200)["monitors"][0]["ping_url"] == made["ping_url"]
    assert writer.ask("GET", f"status/{made['monitor_id']}", 200)["state"] == "unknown"


def test_what_a_job_says_of_its_runs_becomes_checks(jobs: Jobs) -> None:
    made = jobs.heartbeat()
    monitor_id, url = made["monitor_id"], made["ping_url"]

    assert httpx.head(url).status_code == 200
    jobs.wait_state(monitor_id, "up")
    assert httpx.post(f"{url}/3", content=b"disk <b>full</b>\x00").json() == {"status": "ok"}
    jobs.wait_state(monitor_id, "down")
    assert httpx.get(f"{url}/0").status_code == 200
    assert httpx.get(f"{url}/fail").status_code == 200
    assert httpx.post(url, content=b"x" * 3_000_000).status_code == 200
    jobs.wait_state(monitor_id, "up")

    found = jobs.checks(monitor_id)
    assert [one["outcome"] for one in found] == ["ok", "fail", "ok", "fail", "ok"]
    assert found[1]["message"] == "exit code 3: disk <b>full</b>"
    assert (found[1]["reason"], len(found[4]["message"])) == ("failed", 1000)
    incidents = jobs.ask("GET", "incidents", 200)["incidents"]
    assert [(one["state"], one["reopened"]) for one in incidents] == [("resolved", 1)]


def test_a_run_takes_from_its_start_to_its_end(jobs: Jobs) -> None:
    made = jobs.heartbeat()
    url, runs = made["ping_url"], [str(uuid4()) for _ in range(2)]

    for run in runs:
        httpx.get(f"{url}/start", params={"rid": run})
    for run in runs:
        httpx.get(url, params={"rid": run})
    httpx.get(url)

    found = jobs.checks(made["monitor_id"])
    assert [one["reason"] for one in found] == ["started", "started", "", "", ""]
    starts = [one["slot"] for one in found[:2]]
    assert [one["started_at"] for one in found[2:4]] == starts
    assert all(one["phases"]["total_ms"] > 0 for one in found[2:4])
    assert found[4]["phases"] == {}
    metrics = jobs.ask("GET", f"status/{made['monitor_id']}", 200)["metrics"]
    assert metrics["checks"] == 3
    assert metrics["p50_latency_ms"] > 0


def test_a_run_that_is_missing_fails_once_and_the_next_ping_ends_it(jobs: Jobs) -> None:
    made = jobs.heartbeat(interval_seconds=1, grace_seconds=1)
    monitor_id = made["monitor_id"]
    httpx.get(made["ping_url"])

    jobs.wait_state(monitor_id, "down")
    jobs.ask("PUT", f"monitors/{monitor_id}/config", 200, LONG)
    httpx.get(made["ping_url"])
    jobs.wait_state(monitor_id, "up")

    found = jobs.checks(monitor_id)
    missed = [one for one in found if one["reason"] == "missed"]
    assert found[0]["outcome"] == found[-1]["outcome"] == "ok"
    assert "that was due at" in missed[0]["message"]
    assert len({one["slot"] for one in missed}) == len(missed) == len(found) - 2
    assert missed[0]["slot"][20:] == found[0]["slot"][20:], "not due a second after the ping"


def test_a_run_that_begins_and_does_not_end_fails(jobs: Jobs) -> None:
    made = jobs.heartbeat(max_runtime_seconds=1)
    httpx.get(f"{made['ping_url']}/start")

    jobs.wait_state(made["monitor_id"], "down")

    found = jobs.checks(made["monitor_id"])
    assert [one["reason"] for one in found] == ["started", "timeout"]
    assert found[1]["started_at"] == found[0]["slot"]


def test_a_pause_ends_what_is_due(jobs: Jobs) -> None:
    made = jobs.heartbeat(interval_seconds=1, grace_seconds=1)
    monitor_id = made["monitor_id"]
    httpx.get(made["ping_url"])
    jobs.wait_state(monitor_id, "down")

    jobs.ask("POST", f"monitors/{monitor_id}/pause", 200)
    jobs.ask("POST", f"monitors/{monitor_id}/resume", 200)
    # What is missing of another one is found meanwhile.
    other = jobs.heartbeat(interval_seconds=1, grace_seconds=1)
    httpx.get(other["ping_url"])
    jobs.wait_state(other["monitor_id"], "down")

    assert jobs.state(monitor_id) == "unknown"
    httpx.get(made["ping_url"])
    jobs.wait_state(monitor_id, "up")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("unknown-unknown-unknown-x", 404),
        ("SECRET/256", 404),
        ("SECRET/..", 404),
        ("SECRET/٣", 404),
    ],
)
def test_what_is_no_ping_is_not_taken(jobs: Jobs, path: str, status: int) -> None:
    secret = jobs.heartbeat()["ping_url"].rpartition("/")[2]

    answer = httpx.get(f"{jobs.server.url}/v1/heartbeats/{path.replace('SECRET', secret)}")

    assert answer.status_code == status


def test_too_many_pings_are_told_to_come_later(jobs: Jobs) -> None:
    url = jobs.heartbeat()["ping_url"]
    with httpx.Client() as client:
        answers = [client.get(url) for _ in range(130)]

    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_check_ins_feed_the_monitor_of_their_job(jobs: Jobs, server: Server) -> None:
    project = create_project(server, "Check-ins")
    mine = Jobs(server, project, "write")
    made = mine.heartbeat(slug="nightly-backup")
    cron = server.url + project.addressed("/api/{number}/cron/nightly-backup/{dsn_key}/")
    run = uuid4().hex

    for status in ("in_progress", "ok"):
        sent = {"status": status, "check_in_id": run}
        # Sent twice, as after an answer that was lost: it counts once.
        for _ in range(2):
            assert httpx.get(cron, params=sent).status_code == 202
    mine.wait_state(made["monitor_id"], "up")
    httpx.get(cron, params={"status": "error", "environment": "staging"})
    httpx.get(cron, params={"status": "error"})
    mine.wait_state(made["monitor_id"], "down")

    found = mine.checks(made["monitor_id"])
    assert [one["reason"] for one in found] == ["started", "", "failed"]
    assert found[1]["started_at"] == found[0]["slot"]


def test_a_check_in_with_a_schedule_makes_its_monitor_and_changes_it(
    jobs: Jobs, server: Server
) -> None:
    project = create_project(server, "Upserts")
    mine = Jobs(server, project, "write")
    cron = server.url + project.addressed("/api/{number}/cron/report/{dsn_key}/")

    def monitors() -> list[dict[str, Any]]:
        return list(mine.ask("GET", "monitors", 200)["monitors"])

    httpx.post(cron, json={"status": "ok", "monitor_config": PLAN})
    (made,) = wait_for(monitors, "the monitor")
    mine.wait_state(made["monitor_id"], "up")

    config = made["config"]
    assert (config["cron"], config["timezone"]) == ("0 3 * * *", "Europe/Berlin")
    assert (config["grace_seconds"], config["max_runtime_seconds"]) == (300, 600)
    assert (config["failure_threshold"], config["slug"], made["name"]) == (2, "report", "report")
    hourly = {"type": "interval", "value": 2, "unit": "hour"}
    httpx.post(cron, json={"status": "ok", "monitor_config": {"schedule": hourly}})

    def changed() -> bool:
        (one,) = monitors()
        return (one["config"]["interval_seconds"], one["config"]["cron"]) == (7200, "")

    wait_for(changed, "the new schedule")
    assert [one["outcome"] for one in mine.checks(made["monitor_id"])] == ["ok", "ok"]
