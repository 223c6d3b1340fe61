"""What the metrics say of requests for apps."""

import asyncio

import aiohttp

from schemas.metrics import REGISTRY
from tests.integration.routing.apps import App
from tests.integration.routing.serving import PROJECT, WAIT_S, Proxy, route, until

PATH = f"/app/{PROJECT}"


def counted(outcome: str, environment: str = "counted") -> float | None:
    whose = {"project": PROJECT, "environment": environment, "outcome": outcome}
    return REGISTRY.get_sample_value("sluice_app_requests_total", whose)


def running(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


async def test_each_request_has_one_outcome(
    before: Proxy, one: App, client: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    url = f"{before.url}{PATH}~counted"
    await before.put(route(one.port, environment="counted"))
    async with client.get(f"{url}/x") as answer:
        await answer.read()
    async with client.get(f"{url}/closed") as answer:
        await answer.read()
    async with client.ws_connect(f"{url}/ws"):
        assert running("sluice_app_sockets") == 1
    with_reader = await asyncio.open_connection("127.0.0.1", before.port)
    with_reader[1].write(f"GET {PATH}~counted/events HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await until(lambda: running("sluice_app_requests_running") == 1)
    await until(lambda: one.asked[-1].path == "/events")
    with_reader[1].close()
    await until(lambda: running("sluice_app_requests_running") == 0)
    await before.put(route(unused_tcp_port, environment="counted"))
    async with client.get(f"{url}/x") as answer:
        assert answer.status == 502

    await until(lambda: running("sluice_app_sockets") == 0)
    outcomes = ("2xx", "4xx", "1xx", "left", "failed")
    assert {outcome: counted(outcome) for outcome in outcomes} == dict.fromkeys(outcomes, 1)
    seconds = {"project": PROJECT, "environment": "counted"}
    assert REGISTRY.get_sample_value("sluice_app_request_seconds_count", seconds) == 3


async def test_a_preview_that_is_gone_leaves_no_series(
    before: Proxy, one: App, client: aiohttp.ClientSession
) -> None:
    await before.put(route(one.port), route(one.port, environment="counted", hosts=()))
    async with client.get(f"{before.url}{PATH}~counted/x") as answer:
        await answer.read()
    assert counted("2xx") == 1

    await before.put(route(one.port))

    assert counted("2xx") is None


async def test_what_strangers_ask_for_makes_no_series_of_its_own(
    before: Proxy, client: aiohttp.ClientSession
) -> None:
    for number in range(3):
        async with (
            asyncio.timeout(WAIT_S),
            client.get(f"{before.url}/app/nobody-{number}/x") as answer,
        ):
            assert answer.status == 503

    text = str([sample.labels for metric in REGISTRY.collect() for sample in metric.samples])
    assert "nobody" not in text
