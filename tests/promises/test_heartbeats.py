"""Heartbeats keep the promises on both logs: each run is told of once, whatever comes again."""

from typing import Any

import httpx
import pytest

from tests.e2e.server import create_project, wait_for
from tests.promises.installations import Installation

pytestmark = pytest.mark.slow


def test_each_run_is_one_check_even_when_all_comes_again(installation: Installation) -> None:
    front, ingest = installation.front, installation.ingest
    project = create_project(front, "Jobs")
    own = {"X-Project-Id": project.project_id}
    new = {"name": "monitors", "scope": "write", "forMonitors": True}
    key = front.admin.post("/dashboard/api/tokens", json=new, headers=own).json()["apiToken"]
    dsn = front.admin.post("/dashboard/api/dsn-keys", json={}, headers=own).json()
    cron = f"{ingest.url}/api/{dsn['projectNumber']}/cron/report/{dsn['publicKey']}/"
    plan = {"schedule": {"type": "interval", "value": 1, "unit": "hour"}}
    job = {"name": "Backup", "type": "heartbeat", "interval_seconds": 1, "grace_seconds": 1}

    with front.client(key) as client:

        def states() -> dict[str, str]:
            found = client.get("/v1/monitors").json()["monitors"]
            return {one["name"]: one["state"] for one in found}

        def checks(monitor_id: str) -> list[dict[str, Any]]:
            installation.wait_stored()
            page = client.get(f"/v1/monitors/{monitor_id}/checks", params={"limit": 200})
            return list(page.json()["checks"])

        made = client.post("/v1/monitors", json=job).json()
        monitor_id, path = made["monitor_id"], made["ping_url"].partition("/v1/")[2]
        assert httpx.get(f"{ingest.url}/v1/{path}").status_code == 200
        wait_for(lambda: states()["Backup"] == "down", "the missing run", timeout_s=60)
        longer = {"interval_seconds": 3600, "grace_seconds": 3600}
        client.put(f"/v1/monitors/{monitor_id}/config", json=longer)
        assert httpx.get(f"{ingest.url}/v1/{path}").status_code == 200
        for status in ("in_progress", "ok"):
            sent = {"status": status, "monitor_config": plan}
            assert httpx.post(cron, json=sent).status_code == 202
        wait_for(
            lambda: states() == {"Backup": "up", "report": "up"}, "both to be up", timeout_s=60
        )
        (report,) = [
            one["monitor_id"]
            for one in client.get("/v1/monitors").json()["monitors"]
            if one["name"] == "report"
        ]
        before = {one: checks(one) for one in (monitor_id, report)}

        installation.kill()
        installation.rewind()
        wait_for(lambda: states() == {"Backup": "up", "report": "up"}, "both again", timeout_s=60)

        assert {one: checks(one) for one in (monitor_id, report)} == before
        reasons = [one["reason"] for one in reversed(before[monitor_id])]
        assert (reasons[0], reasons[-1]) == ("", "")
        assert set(reasons[1:-1]) == {"missed"}
        slots = [one["slot"] for one in before[monitor_id]]
        assert len(set(slots)) == len(slots)
        assert [one["reason"] for one in before[report]] == ["", "started"]
