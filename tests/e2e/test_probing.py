"""`sluice up` looks at its monitors itself: from a monitor to states, incidents and figures."""

import threading
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.components.processes import free_ports
from tests.e2e.server import Server, create_project, wait_for
from tests.e2e.shop import Shop

pytestmark = pytest.mark.slow

LONG_S = 30


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as running:
        yield running
        running.shutdown()


def probing(path: Path, **settings: str) -> Server:
    return Server(path / "data", settings={"PROBER_REGION": "default", **settings})


def keyed(server: Server) -> httpx.Client:
    project = create_project(server, "Shop")
    return server.client(project.make_token(scope="write", forMonitors=True))


def add(http: httpx.Client, url: str, *, interval_seconds: int = 1) -> str:
    form = {"name": "Shop", "type": "http", "url": url, "interval_seconds": interval_seconds}
    made = http.post("/v1/monitors", json=form)
    assert made.status_code == 201, made.text
    return str(made.json()["monitor_id"])


def state(http: httpx.Client, monitor_id: str) -> str:
    return str(http.get(f"/v1/status/{monitor_id}").json()["state"])


def checks(http: httpx.Client, monitor_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.get(f"/v1/monitors/{monitor_id}/checks").json()["checks"]
    return found


def test_a_monitor_is_looked_at_and_what_is_seen_becomes_incidents(
    tmp_path: Path, shop: Shop
) -> None:
    with probing(tmp_path, PRIVATE_TARGETS="allow") as server, keyed(server) as http:
        monitor_id = add(http, shop.url)
        wait_for(lambda: state(http, monitor_id) == "up", "it is up")

        shop.status = 503
        wait_for(lambda: state(http, monitor_id) == "down", "it is down")
        (incident,) = http.get("/v1/incidents").json()["incidents"]
        assert (incident["monitor_id"], incident["state"]) == (monitor_id, "triggered")
        failed = next(one for one in checks(http, monitor_id) if one["outcome"] == "fail")
        assert (failed["reason"], failed["status_code"]) == ("status", 503)
        assert "503" in failed["message"]

        shop.status = 200
        wait_for(lambda: state(http, monitor_id) == "up", "it is up again")
        (incident,) = http.get("/v1/incidents").json()["incidents"]
        assert incident["state"] == "resolved"


def test_after_a_kill_it_goes_on_and_no_slot_is_twice(tmp_path: Path, shop: Shop) -> None:
    with probing(tmp_path, PRIVATE_TARGETS="allow") as server, keyed(server) as http:
        monitor_id = add(http, shop.url)
        wait_for(lambda: len(checks(http, monitor_id)) >= 3, "the first checks")
        server.kill()
        before = shop.asked
        server.start()

        wait_for(lambda: shop.asked > before + 2, "it is looked at again")
        wait_for(lambda: state(http, monitor_id) == "up", "it is up")
        server.wait_stored()
        slots = [(one["slot"], one["attempt"]) for one in checks(http, monitor_id)]
        assert len(slots) == len(set(slots))

        assert http.post(f"/v1/monitors/{monitor_id}/pause").status_code == 200
        last = wait_for_rest(shop)
        assert http.post(f"/v1/monitors/{monitor_id}/resume").status_code == 200
        wait_for(lambda: shop.asked > last, "it is looked at again")


def test_over_a_crash_no_slot_is_missing_and_none_is_twice(tmp_path: Path, shop: Shop) -> None:
    """A crash and a start that together take less than the interval."""
    with probing(tmp_path, PRIVATE_TARGETS="allow") as server, keyed(server) as http:
        ids = [add(http, shop.url, interval_seconds=LONG_S) for _ in range(15)]
        wait_for(lambda: shop.asked >= len(ids), "a round", timeout_s=LONG_S + 10)
        server.kill()
        server.start()
        wait_for(lambda: shop.asked >= 3 * len(ids), "two more", timeout_s=3 * LONG_S)
        server.wait_stored()

        for monitor_id in ids:
            slots = [datetime.fromisoformat(one["slot"]) for one in checks(http, monitor_id)]
            gaps = {(later - earlier).total_seconds() for later, earlier in pairwise(slots)}
            assert gaps == {LONG_S}


def test_while_its_canary_cannot_be_reached_failures_tell_nothing(
    tmp_path: Path, shop: Shop
) -> None:
    shop.status = 503
    (closed,) = free_ports(1)
    settings = {"PRIVATE_TARGETS": "allow", "PROBER_CANARY": f"127.0.0.1:{closed}"}
    with probing(tmp_path, **settings) as server, keyed(server) as http:
        monitor_id = add(http, shop.url)
        (first, *_) = wait_for(lambda: checks(http, monitor_id), "a check")

        assert (first["outcome"], first["reason"]) == ("inconclusive", "offline")


def wait_for_rest(shop: Shop) -> int:
    """Returns how often it was asked when nobody has asked for 3 s, of a second each."""
    quiet = threading.Event()
    while True:
        before = shop.asked
        quiet.wait(3)
        if shop.asked == before:
            return before


def test_an_address_of_this_machine_is_not_looked_at_unless_allowed(
    tmp_path: Path, shop: Shop
) -> None:
    with probing(tmp_path) as server, keyed(server) as http:
        monitor_id = add(http, shop.url)
        (first, *_) = wait_for(lambda: checks(http, monitor_id), "a check")

        assert (first["outcome"], first["reason"]) == ("inconclusive", "refused_target")
        assert "SLUICE_PRIVATE_TARGETS=allow" in first["message"]
        assert (state(http, monitor_id), shop.asked) == ("unknown", 0)
