"""Commands beside a running server: it keeps running, and feels what they change."""

import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from ingest.llm.demo_experiment import QUESTIONS
from ingest.otel.demo import Shop
from ingest.otel.demo_coding import Coding
from sluice.demo_otel import CODING_OF, TALKS_OF
from tests.e2e.old_rows import count_rows
from tests.e2e.payloads import span, trace
from tests.e2e.server import wait_for
from tests.integration.cli.conftest import KEY, Place, serving

pytestmark = pytest.mark.slow

SOON_S = 20
# A deleted project is left alone for some seconds first, until nothing of it is on its way.
PURGED_S = 60
AMOUNT = ("--traces", "600", "--spans", "300", "--errors", "120")
BUSY = 187
"""Calls around the bad deployment: one every 40 s of 125 minutes."""


def told_over_otlp() -> int:
    """How many calls the demo tells so, and those of its runs, whatever the clock says."""
    turns = Shop(7, datetime.now(UTC), 2).conversations(600 // TALKS_OF)
    coding = Coding(7, datetime.now(UTC), 2).sessions(600 // CODING_OF)
    spans = [*chain.from_iterable(turns), *chain.from_iterable(one.spans for one in coding)]
    counted = ("gen_ai.usage.input_tokens", "input_tokens")
    return 2 * len(QUESTIONS) + sum(
        not span.attributes.keys().isdisjoint(counted) for span in spans
    )


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def issues_of(client: httpx.Client) -> dict[str, tuple[str, int]]:
    """Returns the status and the count of events of each issue, by its id."""
    listed = client.get("/v1/issues", params={"state": "all", "limit": "100"}).json()["issues"]
    return {one["id"]: (one["status"], one["eventCount"]) for one in listed}


class TestKeys:
    def test_a_new_key_works_at_once_and_a_revoked_one_stops_within_seconds(
        self, served: Place
    ) -> None:
        plain = served.run("key", "create", "short-lived").out.strip()
        ids = {line[1]: line[0] for line in served.run("key", "list").lines}
        with served.client(plain) as client:
            before = client.get("/v1/traces").status_code
            served.run("key", "revoke", ids["short-lived"])
            deadline = time.monotonic() + SOON_S
            while (after := client.get("/v1/traces").status_code) == 200:
                assert time.monotonic() < deadline
                time.sleep(0.1)

        assert (before, after) == (200, 401)


class TestPeople:
    def test_a_new_password_signs_in_and_ends_older_sessions(self, served: Place) -> None:
        first, second = "correct horse", "battery staple"
        served.run("user", "add", "ann@example.com", "--password-stdin", given=f"{first}\n")
        with httpx.Client(base_url=served.url, trust_env=False, verify=False) as browser:
            old = browser.post(
                "/api/auth/sign-in/email", json={"email": "ann@example.com", "password": first}
            )
            served.run(
                "user", "password", "ann@example.com", "--password-stdin", given=f"{second}\n"
            )
            projects = browser.get("/dashboard/api/projects")
            refused = browser.post(
                "/api/auth/sign-in/email", json={"email": "ann@example.com", "password": first}
            )
            new = browser.post(
                "/api/auth/sign-in/email", json={"email": "ann@example.com", "password": second}
            )

        assert (old.status_code, projects.status_code) == (200, 401)
        assert (refused.status_code, new.status_code) == (401, 200)


class TestDoctor:
    def test_it_asks_the_running_server(self, served: Place) -> None:
        ran = served.run("doctor")

        assert ran.code == 0, ran.out
        assert "server's store: works" in ran.out
        assert "holds the data directory" in ran.out

    def test_a_server_is_found_at_another_port_than_the_setting(self, served: Place) -> None:
        ran = served.run("doctor", SLUICE_PORT="1")

        assert ran.code == 0
        assert "server's store: works" in ran.out


@pytest.fixture(scope="module")
def sent(served: Place) -> Place:
    """A place whose server runs, after a demo."""
    amount = (*AMOUNT, "--seed", "7", "--days", "2")
    # Not at the port of the setting: the data directory says where its server listens.
    ran = served.run("demo", *amount, SLUICE_PORT="1")
    assert ran.code == 0, ran.err
    assert "seed: 7" in ran.out
    assert "sluice demo --remove" in ran.out
    return served


@pytest.fixture(scope="module")
def demo_key(sent: Place) -> str:
    """The key that the demo tells of."""
    return sent.run("key", "show", "-p", "demo").out.strip()


class TestDemo:
    def test_a_wrong_key_is_refused(self, served: Place) -> None:
        ran = served.run("demo", "--key", "pulse_sk_wrong")

        assert ran.code == 1
        assert "does not know this API key" in ran.err

    def test_every_page_of_traces_shows_something(self, sent: Place, demo_key: str) -> None:
        now = datetime.now(UTC)
        whole = {"date_from": iso(now - timedelta(days=4)), "date_to": iso(now)}
        with sent.client(demo_key) as client:
            listed = client.get("/v1/traces", params={"status": "error"}).json()
            session = listed["traces"][0]["sessionId"]
            totals = client.get("/v1/analytics", params=whole).json()
            groups = {
                name: client.get("/v1/analytics", params={**whole, "group_by": name}).json()
                for name in ("model", "provider", "user", "environment", "metadata.feature")
            }

            assert client.get(f"/v1/sessions/{session}").status_code == 200
        assert totals["totalRequests"] == 600 + BUSY + told_over_otlp()
        assert totals["totalCost"] > 0
        assert totals["unpriced"]
        assert totals["errorRate"] > 0
        assert all(len(answer["groups"]) > 1 for answer in groups.values())

    def test_every_page_of_spans_shows_something(self, sent: Place, demo_key: str) -> None:
        now = datetime.now(UTC)
        whole = {"date_from": iso(now - timedelta(days=4)), "date_to": iso(now)}
        with sent.client(demo_key) as client:
            totals = client.get("/v1/analytics/spans", params=whole).json()
            ends = client.get("/v1/spans", params={"kind": "tool_use"}).json()["spans"]

        assert totals["totalSpans"] >= 300
        assert min(totals["agentRuns"], totals["toolCalls"], totals["avgSessionDurationMs"]) > 0
        assert totals["costCents"] > 0
        assert len(totals["spansByKind"]) == 6
        assert any(span["durationMs"] for span in ends)

    def test_every_page_of_errors_and_performance_shows_something(
        self, sent: Place, demo_key: str
    ) -> None:
        now = datetime.now(UTC)
        whole = {"date_from": iso(now - timedelta(days=4)), "date_to": iso(now)}
        with sent.client(demo_key) as client:
            found = {"query": "is:regressed type:DuplicateOrder"}
            eventually(lambda: client.get("/v1/issues", params=found).json()["issues"])
            statuses = Counter(status for status, _ in issues_of(client).values())
            groups = client.get("/v1/transactions", params=whole).json()["transactions"]
            asked = {**whole, "span_op": "ai", "limit": "1"}
            call = client.get("/v1/transactions/spans", params=asked).json()["spans"][0]
            linked = client.get(f"/v1/transactions/{call['slowestTransaction']}").json()["links"]

        assert statuses["open"] > 30
        assert statuses["resolved"] == 3
        assert statuses["ignored"] == 2
        assert len(groups) == 15
        assert "llm_call" in {one["kind"] for one in linked}

    def test_one_issue_is_shown_in_its_source_and_says_which_frame_is_not(
        self, sent: Place, demo_key: str
    ) -> None:
        with sent.client(demo_key) as client:
            found = client.get("/v1/issues", params={"query": "farewell", "state": "all"}).json()
            issue = f"/v1/issues/{found['issues'][0]['id']}/events"
            event_id = client.get(issue).json()["events"][0]["id"]
            told = client.get(f"{issue}/{event_id}/source-maps").json()
            event = client.get(f"{issue}/{event_id}").json()["body"]

        frames = event["exceptions"][0]["frames"]
        assert [one["filename"].rpartition("/")[2] for one in frames] == [
            *("confetti.min.js", "main.ts", "wrap.ts", "papers.ts")
        ]
        assert "throw new RangeError" in frames[-1]["contextLine"]
        assert (told["mapped"], told["notMapped"]) == (3, 1)
        (why,) = [one["reason"] for one in told["frames"] if one["state"] == "not_mapped"]
        assert "no debug id" in why
        assert "sluice demo" not in sent.run("token", "list").out, "its token is revoked"

    def test_the_ledger_shows_what_came_twice_and_what_was_refused(
        self, sent: Place, demo_key: str
    ) -> None:
        with sent.client(demo_key) as client:
            deadline = time.monotonic() + SOON_S
            while True:
                ledger = client.get("/v1/outcomes").json()
                if ledger["totals"]["duplicate"] >= 25 and ledger["totals"]["invalid"]:
                    break
                assert time.monotonic() < deadline, ledger
                time.sleep(0.1)

        assert ledger["balanced"]

    def test_its_status_page_shows_three_months_of_monitors_in_every_state(
        self, sent: Place
    ) -> None:
        with sent.client() as client:
            page = client.get("/status/demo-shop.json").json()

        states = {one["name"]: one["state"] for one in page["components"]}
        assert set(states.values()) == {"up", "degraded", "down", "paused"}
        assert states["Checkout"] == "up"
        checkout = next(one for one in page["components"] if one["name"] == "Checkout")
        assert 99.8 < checkout["uptime_pct"]["90d"] < 100
        known = [day for day in checkout["days"][1:] if day["uptime_pct"] is not None]
        assert len(known) == 89
        assert [one["state"] for one in page["incidents"][:3]] == [
            "investigating", "identified", "resolved",
        ]  # fmt: skip
        assert len(page["maintenance"]) == 1

    def test_its_monitors_have_a_policy_and_it_names_pages_that_are_there(
        self, sent: Place, demo_key: str
    ) -> None:
        ran = sent.run("demo", *AMOUNT, "--seed", "7", "--days", "2")
        paths = re.findall(r"/p/[^/ ]+/(\S+) : ", ran.out)
        made = sent.run("token", "create", "--monitors", "-p", "demo")

        assert {"uptime/monitors", "uptime/incidents", "uptime/sla"} <= set(paths)
        with sent.client(demo_key) as client:
            link = {"api_key": demo_key, "redirect_url": f"{client.base_url}"}
            signed_in = client.post("/dashboard/api/local-login-token", json=link).json()
            client.get(signed_in["login_url"], follow_redirects=True)
            project = re.findall(r"/p/([^/ ]+)/", ran.out)[0]
            answers = [client.get(f"/p/{project}/{path}").status_code for path in paths]
        assert answers == [200] * len(paths)
        with sent.client(made.out.strip()) as client:
            listed = client.get("/v1/escalation-policies").json()["escalation_policies"]
            monitors = client.get("/v1/monitors?limit=100").json()["monitors"]
        assert [one["name"] for one in listed] == ["shop_oncall"]
        naming = {one["config"]["escalation_policy"] for one in monitors}
        assert naming == {None, "shop_oncall"}

    def test_its_deployments_have_logs_and_the_failed_one_shows_its_error(
        self, sent: Place
    ) -> None:
        token = sent.run("token", "create", "-p", "demo", "--scope", "read").out.strip()
        with sent.client(token) as client:
            listed = client.get("/api/v1/deployments").json()["data"]
            failed = next(one for one in listed if one["status"] == "failed")

            def lines_of(one: dict[str, Any]) -> list[dict[str, Any]]:
                lines: list[dict[str, Any]] = client.get(f"/api/v1/logs/{one['id']}").json()["data"]
                return lines

            eventually(lambda: all(lines_of(one) for one in listed))
            errors = [one["message"] for one in lines_of(failed) if one["level"] == "error"]
        assert failed["error_msg"].splitlines()[0] == errors[-1]
        assert any("imagelib==9.1" in one for one in errors)

    def test_the_same_seed_again_adds_nothing(self, sent: Place, demo_key: str) -> None:
        with sent.client(demo_key) as client:
            issues = issues_of(client)
            incidents = client.get("/status/demo-shop.json").json()["incidents"]
        ran = sent.run("demo", *AMOUNT, "--seed", "7", "--days", "2")

        assert ran.code == 0
        with sent.client() as client:
            page = client.get("/status/demo-shop.json").json()
        assert page["incidents"] == incidents
        assert len(page["components"]) == 8
        with sent.client(demo_key) as client:
            assert client.get("/v1/traces").json()["total"] == 600 + BUSY + told_over_otlp()
            assert issues_of(client) == issues

    def test_it_adds_nothing_to_the_project_of_a_person(self, sent: Place) -> None:
        with sent.client() as client:
            listed = client.get("/v1/traces").json()["traces"]

        assert all("feature" not in row["metadata"] for row in listed)

    def test_with_a_key_it_fills_that_project_and_speaks_of_no_other(self, sent: Place) -> None:
        *_, key = sent.run("project", "create", "Trial").out.split()

        ran = sent.run("demo", "--key", key, "--traces", "10", "--spans", "1")

        assert ran.code == 0
        assert "demo --remove" not in ran.out
        with sent.client(key) as client:
            assert client.get("/v1/traces").json()["total"] == 10 + 24  # and two runs of a dataset


def test_a_deleted_project_and_a_removed_demo_go_with_all_their_data(place: Place) -> None:
    with serving(place):
        assert place.run("demo", "--traces", "50", "--spans", "10", "--errors", "20").code == 0
        demo = {line[1]: line[0] for line in place.run("project", "list").lines}["demo"]
        kept = place.run("project", "list").lines[0][0]
        _, doomed, *_, key = place.run("project", "create", "Doomed").out.split()
        with place.client() as neighbour, place.client(key) as client:
            for sender in (neighbour, client):
                assert sender.post("/v1/traces/batch", json=[trace()]).status_code == 202
                assert sender.post("/v1/spans/batch", json=[span()]).status_code == 202

            deleted = place.run("project", "delete", "Doomed", "--yes")
            eventually(lambda: not client.post("/v1/auth/login").json()["authenticated"])
            removed = place.run("demo", "--remove")
            eventually(lambda: "project purged" in place.log.read_text())
        listed = [line[0] for line in place.run("project", "list").lines]

    assert f"deleted {doomed}" in deleted.out
    assert removed.out == "removed the project demo and all that it had stored\n"
    assert listed == [kept]
    assert count_rows(place.data_dir, demo) == {}
    assert count_rows(place.data_dir, doomed) == {}
    assert {"traces", "spans"} <= set(count_rows(place.data_dir, kept))


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PURGED_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


class TestExport:
    def test_a_project_is_taken_away_and_a_second_run_finds_it_there(
        self, served: Place, tmp_path: Path
    ) -> None:
        with served.client() as client:
            client.post("/v1/traces/batch", json=[trace(), trace()]).raise_for_status()
            stored = len(client.get("/v1/traces", params={"limit": 1000}).json()["traces"])
        asked = ("export", "--to", str(tmp_path), "--kinds", "traces")
        project_id = served.run("project", "list").lines[0][0]
        own = {"SLUICE_EXPORT_TOKEN": KEY}

        by_own_token = served.run(*asked, "--project", project_id)
        files = list(tmp_path.rglob("*.parquet"))
        by_key = served.run(*asked, "--format", "jsonl", **own)
        wrong = served.run(*asked, SLUICE_EXPORT_TOKEN=f"{KEY[:-1]}b")

        assert by_own_token.code == by_key.code == 0, by_own_token.err + by_key.err
        assert by_own_token.err.startswith(f"{stored} rows written")
        assert sum(pq.read_metadata(file).num_rows for file in files) == stored
        [lines] = tmp_path.rglob("*.jsonl")
        assert len(lines.read_text().splitlines()) == stored
        assert (wrong.code, "401" in wrong.err) == (1, True)
        assert "sluice export" not in served.run("token", "list").out


class TestExperiments:
    def test_a_file_becomes_a_dataset_and_two_runs_of_commands_are_compared(
        self, served: Place, tmp_path: Path
    ) -> None:
        rows = "".join(f'{{"id":"q{n}","input":{n},"expected_output":"{n}"}}\n' for n in range(4))
        file, back = tmp_path / "items.jsonl", tmp_path / "back.jsonl"
        file.write_text(rows)
        name, key = served.run("project", "list").lines[0][1], {"SLUICE_API_KEY": KEY}

        pushed = served.run("dataset", "push", "cli", str(file), "--project", name)
        again = served.run("dataset", "push", "cli", str(file), **key)
        run, fails = ("experiment", "run", "cli", "--run"), 'test "$EXPERIMENT_ITEM" != q2'
        first = served.run(*run, "a", "--", "cat", **key)
        second = served.run(*run, "b", "--", "sh", "-c", fails, **key)
        served.run("dataset", "pull", "cli", str(back), **key)
        with served.client() as client:
            wait_for(lambda: runs_of(client, "cli") == {"a": 4, "b": 4}, "calls of both runs")
        compared = served.run("experiment", "compare", "cli", "a", "b", "--items", "1", **key)
        failing = served.run("experiment", "compare", "cli", "a", "b", "--fail-below", "x=1", **key)

        assert "4 of 4 items are new or changed; version 1" in pushed.out
        assert "0 of 4" in again.out
        assert (first.code, second.code, "1 failed" in second.out) == (0, 1, True)
        assert back.read_text() == rows
        assert "failures" in compared.out
        assert (compared.code, failing.code) == (0, 1)
        assert "run B has no such score" in failing.err


def runs_of(client: httpx.Client, dataset: str) -> dict[str, int]:
    runs = client.get(f"/v1/datasets/{dataset}/runs").json()["runs"]
    return {one["name"]: one["calls"] for one in runs}
