"""What a prober elsewhere says over HTTP, and what it makes of the answers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from probes.delivery import SendLater
from probes.edge import Edge
from probes.following import SourceAway, SourceRejects
from schemas.projects import ProjectId
from schemas.uptime.checks import Check
from schemas.uptime.probing import TargetsAsk
from schemas.uptime.targets import MonitorId
from tests.integration.probes.servers import Asked, Web, web

ASK = TargetsAsk(region="eu", holder="a-prober")
TOLD = {
    "project_id": "p",
    "shards": {"3": 17},
    "lease_seconds": 15,
    "ask_again_seconds": 3,
    "mark": "m",
    "targets": None,
}
Says = Callable[[Asked], tuple[int, Any]]


def check(number: int) -> Check:
    return Check(
        monitor_id=MonitorId(f"mon_{number:08d}"),
        project_id=ProjectId("p"),
        region="eu",
        slot_us=number,
        started_us=number,
        outcome="ok",
    )


@asynccontextmanager
async def edge(says: Says, *, path: str = "", of: str = "") -> AsyncIterator[tuple[Edge, Web]]:
    """A server that answers with a status and JSON, and who asks it."""

    def answer(asked: Asked) -> bytes:
        status, body = says(asked)
        written = msgspec.json.encode(body)
        later = "Retry-After: 42\r\n" if status in (429, 503) else ""
        head = f"HTTP/1.1 {status} So\r\n{later}Connection: close\r\n"
        return f"{head}Content-Length: {len(written)}\r\n\r\n".encode() + written

    async with web(answer) as served:
        made = Edge(served.url(path), "sk_probe_x", of)
        try:
            yield made, served
        finally:
            await made.close()


def told_first(after: Says) -> Says:
    return lambda asked: (200, TOLD) if asked.path.endswith("targets") else after(asked)


async def test_it_asks_with_its_key_below_the_path_of_the_address() -> None:
    async with edge(lambda _: (200, TOLD), path="/sluice/") as (made, served):
        told = await made.ask(ASK)

    (asked,) = served.asked
    assert (asked.method, asked.path) == ("POST", "/sluice/v1/probes/targets")
    assert asked.headers["authorization"] == "bearer sk_probe_x"
    assert msgspec.json.decode(asked.body, type=TargetsAsk) == ASK
    assert told.shards == {3: 17}


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422])
async def test_who_is_told_nothing_is_rejected(status: int) -> None:
    async with edge(lambda _: (status, {"message": "Invalid or expired"})) as (made, _):
        with pytest.raises(SourceRejects, match=f"{status}.*Invalid or expired"):
            await made.ask(ASK)


async def test_what_is_no_answer_of_ours_is_said() -> None:
    async with edge(lambda _: (200, "<html>")) as (made, _):
        with pytest.raises(SourceRejects, match="something else"):
            await made.ask(ASK)


@pytest.mark.parametrize(("status", "later_s"), [(429, 42), (503, 42), (500, 5), (302, 5)])
async def test_an_answer_that_is_none_now_says_when_to_ask_again(
    status: int, later_s: float
) -> None:
    async with edge(lambda _: (status, "")) as (made, _):
        with pytest.raises(SourceAway) as raised:
            await made.ask(ASK)

    assert raised.value.retry_after_s == later_s


async def test_where_nobody_listens_it_is_away() -> None:
    async with edge(lambda _: (200, TOLD)) as (made, served):
        pass
    made = Edge(served.url(), "sk_probe_x", "")
    with pytest.raises(SourceAway):
        await made.ask(ASK)
    await made.close()


async def test_a_key_of_another_project_is_told_nothing_and_sends_nothing() -> None:
    async with edge(lambda _: (200, TOLD), of="another") as (made, served):
        with pytest.raises(SourceRejects, match="project another"):
            await made.ask(ASK)
        with pytest.raises(SendLater):
            await made.send([check(1)])

    assert [asked.path for asked in served.asked] == ["/v1/probes/targets"]


async def test_checks_are_sent_once_it_is_known_whose_they_are() -> None:
    async with edge(told_first(lambda _: (202, {}))) as (made, served):
        with pytest.raises(SendLater):
            await made.send([check(1)])
        await made.ask(ASK)
        await made.send([check(1), check(2)])

    sent = msgspec.json.decode(served.asked[-1].body, type=list[Check])
    assert (served.asked[-1].path, sent) == ("/v1/checks", [check(1), check(2)])


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, SourceRejects), (404, SourceRejects), (500, SourceAway), (503, SendLater)],
)
async def test_what_may_be_taken_later_is_kept(status: int, error: type[Exception]) -> None:
    async with edge(told_first(lambda _: (status, "no"))) as (made, _):
        await made.ask(ASK)
        with pytest.raises(error, match=str(status)) as raised:
            await made.send([check(1)])

    assert getattr(raised.value, "retry_after_s", None) in (None, 42, 0)


async def test_one_that_is_never_taken_is_dropped_alone() -> None:
    taken: list[Check] = []

    def says(asked: Asked) -> tuple[int, Any]:
        sent = msgspec.json.decode(asked.body, type=list[Check])
        if any(one.slot_us == 5 for one in sent):
            return 400, {"error": "Check 5"}
        taken.extend(sent)
        return 202, {}

    async with edge(told_first(says)) as (made, _):
        await made.ask(ASK)
        await made.send([check(number) for number in range(9)])

    assert taken == [check(number) for number in range(9) if number != 5]
