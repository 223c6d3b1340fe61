"""Probers that reach Sluice by HTTP alone: they share, outlive each other, and lose nothing."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.uptime.probing import LEASE_S, SHARDS
from tests.e2e.remote_probers import REGION, Owner, gaps_s, remote, slots_s
from tests.e2e.server import KEY, Server, create_project, wait_for
from tests.e2e.shop import Shop

pytestmark = pytest.mark.slow

ASK = {"region": REGION, "holder": "0123456789abcdef"}
HAND_OVER_S = LEASE_S + 5
MONITORS = 40


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as running:
        yield running
        running.shutdown()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may stop."""
    with Server(tmp_path / "edge") as server:
        yield server


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that goes on."""
    with Server(tmp_path_factory.mktemp("probers") / "edge") as server:
        yield server


@pytest.fixture
def owner(edge: Server) -> Owner:
    return Owner(create_project(edge, "Shop"), edge)


class TestTargets:
    def test_no_other_credential_is_told_what_to_look_at(self, edge: Server) -> None:
        project = create_project(edge, "Secrets")
        made = Owner(project, edge)
        monitor_id = made.add("https://example.com", headers={"Authorization": "a secret"})

        token = project.make_token()
        keys = (made.http.headers["Authorization"].removeprefix("Bearer "), token, project.key)
        for key in (*keys, "sk_probe_" + "0" * 48, KEY):
            answer = edge.client(key).post("/v1/probes/targets", json=ASK)
            assert (answer.status_code, "a secret" in answer.text) == (401, False)

        told = edge.client(made.prober_key).post("/v1/probes/targets", json=ASK).json()
        (target,) = told["targets"]
        assert target["monitor_id"] == monitor_id
        assert target["headers"] == {"Authorization": "a secret"}

    def test_the_key_of_another_project_is_told_nothing_of_this_one(self, edge: Server) -> None:
        mine, theirs = (Owner(create_project(edge, "Shop"), edge) for _ in range(2))
        mine.add("https://example.com/mine")

        told = edge.client(theirs.prober_key).post("/v1/probes/targets", json=ASK).json()

        assert (told["targets"], told["project_id"]) == ([], theirs.project_id)
        # Nor does its lease take anything of this one.
        assert len(told["shards"]) == SHARDS
        told = edge.client(mine.prober_key).post("/v1/probes/targets", json=ASK).json()
        assert len(told["shards"]) == SHARDS
        assert len(told["targets"]) == 1

    def test_a_prober_key_reaches_nothing_else(self, edge: Server) -> None:
        key = Owner(create_project(edge, "Shop"), edge).prober_key

        with edge.client(key) as http:
            for path in ("/v1/monitors", "/v1/incidents", "/v1/traces", "/api/v1/me", "/v1/issues"):
                assert http.get(path).status_code == 401, path
            assert http.post("/v1/monitors", json={}).status_code == 401
            assert http.post("/v1/traces/async", json=[]).status_code == 401
            assert http.post("/v1/checks", json=[]).status_code == 202

    def test_only_monitors_of_the_region_are_told_and_no_heartbeats(self, edge: Server) -> None:
        made = Owner(create_project(edge, "Shop"), edge)
        here = made.add("https://example.com", regions=["us", REGION])
        made.add("https://example.com", regions=["us"])
        paused = made.add("https://example.com")
        made.http.post(f"/v1/monitors/{paused}/pause")

        told = edge.client(made.prober_key).post("/v1/probes/targets", json=ASK).json()

        assert [one["monitor_id"] for one in told["targets"]] == [here]

    def test_what_has_not_changed_is_not_told_again(self, edge: Server) -> None:
        made = Owner(create_project(edge, "Shop"), edge)
        monitor_id = made.add("https://example.com")
        http = edge.client(made.prober_key)
        first = http.post("/v1/probes/targets", json=ASK).json()
        ask = {**ASK, "known": first["mark"], "holds": [int(one) for one in first["shards"]]}

        assert http.post("/v1/probes/targets", json=ask).json()["targets"] is None
        made.change(monitor_id, timeout_ms=500)
        (target,) = http.post("/v1/probes/targets", json=ask).json()["targets"]

        assert (target["timeout_ms"], target["revision"]) == (500, 2)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"region": "EU"},
            {"holder": "x"},
            {"holds": [SHARDS]},
            {"done_us": -1},
            {"more": 1},
        ],
    )
    def test_an_ask_that_is_none_is_rejected(self, edge: Server, wrong: dict[str, object]) -> None:
        made = Owner(create_project(edge, "Shop"), edge)

        answer = edge.client(made.prober_key).post("/v1/probes/targets", json={**ASK, **wrong})

        assert answer.status_code == 422

    def test_a_key_names_only_so_many_regions_and_probers(self, edge: Server) -> None:
        made = Owner(create_project(edge, "Shop"), edge)
        http = edge.client(made.prober_key)

        def asked(**fields: str) -> int:
            return http.post("/v1/probes/targets", json={**ASK, **fields}).status_code

        assert [asked(region=f"r{number}") for number in range(101)] == [200] * 100 + [409]
        holders = [asked(region="r0", holder=f"holder-{number:03d}") for number in range(64)]
        assert holders == [200] * 63 + [409]


@pytest.mark.alone
def test_two_share_monitors_and_when_one_dies_the_other_takes_over(
    tmp_path: Path, edge: Server, owner: Owner, shop: Shop
) -> None:
    ids = [owner.add(shop.url, interval_seconds=2) for _ in range(MONITORS)]
    with (
        remote(tmp_path / "one", edge.url, owner.prober_key) as one,
        remote(tmp_path / "two", edge.url, owner.prober_key) as two,
    ):
        probers = (one, two)
        wait_for(lambda: min(looks_at(prober) for prober in probers), "both to look")
        wait_for(lambda: sum(looks_at(prober) for prober in probers) == MONITORS, "a share each")
        assert all(looks_at(prober) > MONITORS / 5 for prober in probers)
        before = shop.asked
        wait_for(lambda: shop.asked > before + 2 * MONITORS, "two rounds of both")

        one.kill()
        wait_for(lambda: looks_at(two) == MONITORS, "the other", timeout_s=HAND_OVER_S)
        before = shop.asked
        wait_for(lambda: shop.asked > before + 3 * MONITORS, "three rounds of one")
        code, _ = two.stop()
        assert code == 0, two.tail()
    edge.wait_stored()

    for monitor_id in ids:
        checks = owner.checks(monitor_id)
        keys = [(found["slot"], found["attempt"]) for found in checks]
        assert len(keys) == len(set(keys))
        assert {found["outcome"] for found in checks} == {"ok"}
        gaps = gaps_s(slots_s(checks))
        assert max(gaps) <= 2 + HAND_OVER_S
        assert sum(gap > 2 for gap in gaps) <= 1, "more than the one hand-over"


def test_one_that_restarts_while_nobody_answers_goes_on_and_delivers_all_of_it_once(
    tmp_path: Path, own: Server, shop: Shop
) -> None:
    owner = Owner(create_project(own, "Shop"), own)
    monitor_id = owner.add(shop.url)
    prober = remote(tmp_path / "prober", own.url, owner.prober_key)
    with prober:
        wait_for(lambda: owner.checks(monitor_id), "the first check")
        own.stop()
        before = shop.asked
        wait_for(lambda: shop.asked > before + 3, "it goes on")

        prober.kill()
        prober.start()
        before = shop.asked
        wait_for(lambda: shop.asked > before + 3, "it goes on after a crash")
        code, _ = prober.stop()
        assert code == 0, prober.tail()
        prober.start()
        before = shop.asked
        wait_for(lambda: shop.asked > before + 3, "it goes on after a stop")

        own.start()
        wait_for(lambda: prober.metric("sluice_probe_spool_bytes") == 0, "delivery", timeout_s=60)
        code, _ = prober.stop()
    own.wait_stored()

    checks = owner.checks(monitor_id)
    assert {one["outcome"] for one in checks} == {"ok"}
    slots = slots_s(checks)
    assert len(slots) == len(set(slots))
    # A start takes longer than this monitor's second; all that was looked at is there.
    assert max(gaps_s(slots)) < 10
    assert shop.asked - 2 <= len(slots) <= shop.asked


def test_a_change_holds_within_5_seconds_and_skips_or_doubles_no_slot(
    tmp_path: Path, edge: Server, owner: Owner, shop: Shop
) -> None:
    monitor_id = owner.add(shop.url)
    with remote(tmp_path / "prober", edge.url, owner.prober_key):
        wait_for(lambda: owner.checks(monitor_id), "the first check")
        for timeout_ms in (700, 600):
            owner.change(monitor_id, timeout_ms=timeout_ms)
            before = shop.asked
            wait_for(lambda before=before: shop.asked > before + 5, "checks after it")  # type: ignore[misc]
        owner.change(monitor_id, url=shop.url + "/new", expected_status=404)
        wait_for(
            lambda: owner.checks(monitor_id)[-1]["outcome"] == "fail", "the change", timeout_s=7
        )
    edge.wait_stored()

    slots = slots_s(owner.checks(monitor_id))
    assert set(gaps_s(slots)) == {1.0}


def test_where_a_project_has_a_prober_of_its_own_that_of_sluice_up_leaves_its_monitors_alone(
    tmp_path: Path, shop: Shop
) -> None:
    settings = {"PROBER_REGION": REGION, "PRIVATE_TARGETS": "allow"}
    with Server(tmp_path / "edge", settings=settings) as server:
        first, second = (Owner(create_project(server, "Shop"), server) for _ in range(2))
        monitor_id = first.add(shop.url)
        second.add(shop.url)
        wait_for(lambda: looks_at(server) == 2, "both of them")

        with remote(tmp_path / "prober", server.url, first.prober_key) as prober:
            wait_for(lambda: looks_at(prober) == 1, "its own")
            wait_for(lambda: looks_at(server) == 1, "the other's")
            code, _ = prober.stop()
            assert code == 0, prober.tail()

        wait_for(lambda: looks_at(server) == 2, "both of them again")
        before = len(first.checks(monitor_id))
        wait_for(lambda: len(first.checks(monitor_id)) > before + 2, "checks of the last one")
        server.wait_stored()
        assert max(gaps_s(slots_s(first.checks(monitor_id)))) <= 4


def test_where_it_may_not_go_is_the_probers_own_setting(
    tmp_path: Path, edge: Server, owner: Owner, shop: Shop
) -> None:
    monitor_id = owner.add(shop.url)
    prober = remote(tmp_path / "prober", edge.url, owner.prober_key, PRIVATE_TARGETS="refuse")
    with prober:
        (first, *_) = wait_for(lambda: owner.checks(monitor_id), "a check")

    assert (first["outcome"], first["reason"], shop.asked) == ("inconclusive", "refused_target", 0)


def test_a_key_that_is_revoked_ends_checks_is_told_and_loses_no_result(
    tmp_path: Path, edge: Server, owner: Owner, shop: Shop
) -> None:
    monitor_id = owner.add(shop.url)
    with remote(tmp_path / "prober", edge.url, owner.prober_key) as prober:
        wait_for(lambda: owner.checks(monitor_id), "the first check")
        listed = edge.run("token", "list").splitlines()
        (row,) = [line.split("\t") for line in listed if owner.prober_key[-4:] in line]
        edge.run("token", "revoke", row[0])

        wait_for(lambda: prober.client(None).get("/ready").status_code == 503, "it is told")
        assert "401" in prober.client(None).get("/ready").text
        wait_for(lambda: prober.metric("sluice_probe_spool_bytes") > 0, "results wait")
        known = shop.asked
        wait_for(lambda: shop.asked > known, "it looks until its lease ends")
        known = at_rest(shop)
        code, _ = prober.stop()
        assert code == 0, prober.tail()

        prober.settings["PROBER_TOKEN"] = owner.project.make_token(forProbers=True)
        prober.start()
        wait_for(lambda: shop.asked > known + 2, "it looks again")
        wait_for(lambda: prober.metric("sluice_probe_spool_bytes") == 0, "delivery", timeout_s=60)
    assert owner.prober_key not in prober.output.read_text()
    assert len(re.findall("rejected: this prober is told nothing", prober.output.read_text())) == 1
    edge.wait_stored()
    assert len(owner.checks(monitor_id)) >= known


def test_its_files_are_its_owners_and_of_one_project(
    tmp_path: Path, edge: Server, owner: Owner, shop: Shop
) -> None:
    owner.add(shop.url, headers={"X-Secret": "hidden"})
    other = Owner(create_project(edge, "Other"), edge)
    with remote(tmp_path / "prober", edge.url, owner.prober_key) as prober:
        wait_for(lambda: shop.asked, "the first check")
        prober.stop()
        files = [*(tmp_path / "prober").iterdir()]
        assert any(b"hidden" in file.read_bytes() for file in files)
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}

        prober.settings["PROBER_TOKEN"] = other.prober_key
        prober.start()
        wait_for(lambda: "another" in prober.client(None).get("/ready").text, "it is told")
    assert other.http.get("/v1/outcomes").status_code == 401


def looks_at(prober: Server) -> int:
    """How many monitors a process looks at."""
    return int(prober.metric("sluice_probe_targets"))


def at_rest(shop: Shop) -> int:
    """Returns how often it was asked, once nobody asks any more."""
    asked = [-1]

    def is_quiet() -> bool:
        asked.append(shop.asked)
        return len(asked) > 30 and len(set(asked[-30:])) == 1

    wait_for(is_quiet, "nobody to ask", timeout_s=HAND_OVER_S)
    return shop.asked
