"""The check of a domain's registration, against a registry on loopback."""

import datetime
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import structs

from probes.checking import run
from probes.slots import Due
from probes.tools import Tools
from schemas.uptime.checks import Check
from tests.integration.probes.servers import SETTINGS, Asked, Web, answer, target, web


def day(days: int) -> str:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    return moment.strftime("%Y-%m-%dT00:00:00Z")


class Registry:
    """Answers as IANA's list and as the registry of .com and .co.uk."""

    def __init__(self) -> None:
        self.domains: dict[str, Any] = {}
        self.status = "200 OK"
        self.web: Web | None = None

    def register(self, name: str, days: int | None, *statuses: str) -> None:
        events = [] if days is None else [{"eventAction": "expiration", "eventDate": day(days)}]
        events.insert(0, {"eventAction": "registration", "eventDate": day(-900)})
        self.domains[name] = {"ldhName": name.upper(), "status": statuses, "events": events}

    def handle(self, asked: Asked) -> bytes:
        assert self.web is not None
        if asked.path == "/dns.json":
            services = [
                [["com", "uk"], [self.web.url("/rdap/")]],
                [["moved"], [self.web.url("/old/")]],
            ]
            return answer(json.dumps({"version": "1.0", "services": services}).encode())
        if asked.path.startswith("/old/"):
            path = asked.path.replace("/old/", "/rdap/")
            return answer(b"", status="302 Moved", headers=[f"Location: {path}"])
        found = self.domains.get(asked.path.rpartition("/")[2])
        if found is None:
            return answer(b"{}", status="404 Not Found")
        return answer(json.dumps(found).encode(), status=self.status)

    @property
    def paths(self) -> list[str]:
        assert self.web is not None
        return [asked.path for asked in self.web.asked]


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    made = Registry()
    async with web(made.handle) as served:
        made.web = served
        yield made


@pytest.fixture
async def tools(registry: Registry) -> AsyncIterator[Tools]:
    assert registry.web is not None
    made = Tools(structs.replace(SETTINGS, rdap_bootstrap_url=registry.web.url("/dns.json")))
    yield made
    await made.close()


async def look(tools: Tools, host: str, **fields: Any) -> Check:
    return await run(Due(target(type="domain", host=host, **fields), "here", 0, 0), tools)


async def test_the_end_of_a_registration_is_told(registry: Registry, tools: Tools) -> None:
    registry.register("example.com", 100, "active")

    check = await look(tools, "Example.com.")

    ends = datetime.datetime.fromisoformat(day(100))
    assert (check.outcome, check.message) == ("ok", "")
    assert check.expires_us == int(ends.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("days", "warning", "outcome", "reason"),
    [
        (20, 30, "degraded", "ending_soon"),
        (20, 14, "ok", ""),
        (-2, 14, "fail", "expired"),
        (None, 14, "inconclusive", "unsupported"),
    ],
)
async def test_a_near_end_is_degraded_and_one_that_is_past_fails(
    registry: Registry,
    tools: Tools,
    days: int | None,
    warning: int,
    outcome: str,
    reason: str,
) -> None:
    registry.register("example.com", days)

    check = await look(tools, "example.com", expiry_warning_days=warning)

    assert (check.outcome, check.reason) == (outcome, reason), check.message


async def test_a_domain_that_may_still_be_taken_back_fails(
    registry: Registry, tools: Tools
) -> None:
    registry.register("example.com", 300, "active", "Redemption Period")

    check = await look(tools, "example.com")

    assert (check.outcome, check.reason) == ("fail", "expired")
    assert "redemption period" in check.message


async def test_of_a_host_the_registered_name_above_it_is_found(
    registry: Registry, tools: Tools
) -> None:
    registry.register("example.co.uk", 100)

    check = await look(tools, "www.example.co.uk")

    assert check.outcome == "ok", check.message
    assert registry.paths[1:] == ["/rdap/domain/www.example.co.uk", "/rdap/domain/example.co.uk"]


async def test_a_domain_that_nobody_registered_fails(registry: Registry, tools: Tools) -> None:
    check = await look(tools, "example.com")

    assert (check.outcome, check.reason) == ("fail", "expired")


async def test_a_registry_is_asked_once_in_hours(registry: Registry, tools: Tools) -> None:
    registry.register("example.com", 100)

    for _ in range(5):
        check = await look(tools, "example.com", interval_seconds=1)

    assert check.outcome == "ok"
    assert registry.paths == ["/dns.json", "/rdap/domain/example.com"]


async def test_what_a_registry_fails_to_say_is_not_the_fault_of_a_domain(
    registry: Registry, tools: Tools
) -> None:
    registry.register("example.com", 100)
    registry.status = "429 Too Many Requests"

    check = await look(tools, "example.com")

    assert (check.outcome, check.reason) == ("inconclusive", "rdap")
    assert "429" in check.message


async def test_a_domain_without_a_server_of_rdap_cannot_be_told(tools: Tools) -> None:
    check = await look(tools, "example.test")

    assert (check.outcome, check.reason) == ("inconclusive", "unsupported")


async def test_a_redirect_of_a_registry_is_followed(registry: Registry, tools: Tools) -> None:
    registry.register("example.moved", 100)

    assert (await look(tools, "example.moved")).outcome == "ok"


async def test_a_list_of_servers_that_cannot_be_read_is_said(registry: Registry) -> None:
    assert registry.web is not None
    url = registry.web.url("/rdap/nothing")
    registry.domains["nothing"] = ["no", "list"]
    tools = Tools(structs.replace(SETTINGS, rdap_bootstrap_url=url))
    check = await look(tools, "example.com")
    await tools.close()

    assert (check.outcome, check.reason) == ("inconclusive", "rdap")


@pytest.mark.parametrize("host", ["localhost", "192.0.2.1", "", "a..b"])
async def test_what_is_no_domain_is_not_asked(tools: Tools, host: str) -> None:
    check = await look(tools, host)

    assert check.outcome == "inconclusive"
