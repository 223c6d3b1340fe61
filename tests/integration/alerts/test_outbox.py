"""One outbox for all: targets without a channel, order, plans, what is dead and sent again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from msgspec import Raw, json

from alerts import deliver
from alerts.deliver import Deliverer
from alerts.plans import PLANS
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.outbox import Outgoing, new_message_id, put_out, seal_target
from schemas.channels import ChannelConfig
from schemas.messages import Message
from schemas.projects import ProjectId
from tests.integration.alerts.alerting import Clock, outbox
from tests.integration.alerts.receiver import Receiver, receiving
from tests.integration.issues.seen import make_project

PAUSES_S = (1, 5, 30, 120, 600)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def deliverer(database: Database, vault: Vault, clock: Clock) -> Deliverer:
    options: dict[str, Any] = {"private_allowed": True, "email_url": "", "pagerduty_url": ""}
    return Deliverer(database, vault, now_us=clock, **options)


async def put(
    database: Database, vault: Vault, project: ProjectId, url: str, key: str, **more: Any
) -> UUID:
    message_id = new_message_id()
    message = Message(
        subject=key,
        text=key,
        summary=key,
        at="",
        incident_key=key,
        body=Raw(json.encode({"key": key})),
    )
    outgoing = Outgoing(
        id=message_id,
        project_id=UUID(project),
        key=f"{project}/{key}",
        message=message,
        target_kind="webhook",
        target="http://…",
        sealed_target=seal_target(vault, message_id, ChannelConfig(url=url)),
        **{"source": "uptime", **more},
    )
    async with database.session() as session:
        await put_out(session, [outgoing], Clock()())
    return message_id


async def test_a_target_without_a_channel_is_sealed_and_gets_its_message_once(
    database: Database, vault: Vault, project: ProjectId, receiver: Receiver
) -> None:
    for _ in range(2):
        await put(database, vault, project, receiver.url, "same key")

    await deliverer(database, vault, Clock()).work()

    (got,) = receiver.received
    assert got.body == b'{"key":"same key"}'
    (row,) = await outbox(database, project)
    assert row.state == "delivered"
    assert receiver.url.encode() not in (row.sealed_target or b"")


async def test_a_message_waits_for_the_one_before(
    database: Database, vault: Vault, project: ProjectId, receiver: Receiver
) -> None:
    receiver.answers = [(503, ""), (200, "")]
    clock = Clock()
    first = await put(database, vault, project, receiver.url, "alert")
    await put(database, vault, project, receiver.url, "recovery", after_id=first)

    await deliverer(database, vault, clock).work()
    assert [one.body for one in receiver.received] == [b'{"key":"alert"}']
    clock.go_on(1)
    await deliverer(database, vault, clock).work()
    await deliverer(database, vault, clock).work()

    keys = [one.body for one in receiver.received]
    assert keys == [b'{"key":"alert"}', b'{"key":"alert"}', b'{"key":"recovery"}']


async def test_a_project_whose_receivers_do_not_answer_keeps_no_other_waiting(
    database: Database,
    vault: Vault,
    project: ProjectId,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other, clock = await make_project(database), Clock()
    receiver.holds = holds = asyncio.Event()
    sender = deliverer(database, vault, clock)
    for number in range(3):
        await put(database, vault, project, receiver.url, f"held {number}")
    monkeypatch.setattr(deliver, "MOST_AT_ONCE", 1)
    await sender.begin()

    await put(database, vault, other, receiver.url, "follower", source="status")
    await put(database, vault, other, receiver.url, "alert")
    for most in (2, 3):
        monkeypatch.setattr(deliver, "MOST_AT_ONCE", most)
        await sender.begin()
        while len(receiver.received) < most:  # noqa: ASYNC110  # it comes by the network
            await asyncio.sleep(0.01)

    keys = [json.decode(one.body)["key"] for one in receiver.received]
    assert keys[1] == "alert"
    assert keys[2].startswith("held")
    holds.set()
    await sender.work()


async def test_what_nobody_takes_is_dead_after_its_plan(
    database: Database, vault: Vault, project: ProjectId, receiver: Receiver
) -> None:
    assert PLANS["uptime"].pauses_s == PAUSES_S
    receiver.answers = [(500, "")]
    clock = Clock()
    await put(database, vault, project, receiver.url, "alert")

    await deliverer(database, vault, clock).work()
    for pause_s in PAUSES_S:
        clock.us += int((pause_s - 0.5) * 1_000_000)
        before = len(receiver.received)
        await deliverer(database, vault, clock).work()
        assert len(receiver.received) == before
        clock.us += 500_000
        await deliverer(database, vault, clock).work()
        assert len(receiver.received) == before + 1
    (row,) = await outbox(database, project)
    assert (row.state, row.attempts, row.last_status) == ("dead", 6, 500)
