"""Events on their way to webhooks: once each, signed, tried again, dead, sent again by hand."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import json
from sqlalchemy import select

from alerts.deliver import Deliverer
from alerts.uptime.webhooks import put_out_all
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.uptime.incidents import IncidentForm, handle_incident
from controlplane.uptime.webhook_messages import MessagePlace, list_messages, replay
from controlplane.uptime.webhooks import (
    add_webhook,
    get_webhook,
    list_webhooks,
    open_webhook,
    remove_webhook,
    replace_webhook,
)
from controlplane.webhook_models import Webhook as WebhookRow
from schemas.projects import ProjectId
from schemas.uptime.webhooks import MAX_WEBHOOKS, Webhook, WebhookForm, WebhookMessage
from tests.integration.alerts.alerting import Clock
from tests.integration.alerts.receiver import Receiver, receiving
from tests.integration.issues.seen import make_project

PAUSES_S = (1, 5, 30, 120, 600)
FAR_US = 4_000_000_000_000_000
"""Later than any time that a test takes from the machine."""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def deliverer(database: Database, vault: Vault, clock: Clock, **changes: Any) -> Deliverer:
    options = {"private_allowed": True, "email_url": "", "pagerduty_url": "", **changes}
    return Deliverer(database, vault, now_us=clock, **options)


async def made(
    database: Database, vault: Vault, project: ProjectId, url: str, **more: Any
) -> tuple[Webhook, str]:
    return await add_webhook(database, vault, project, WebhookForm(url=url, **more))


async def trigger(database: Database, project: ProjectId, title: str = "Slow <b>") -> str:
    form = IncidentForm(state="triggered", title=title)
    incident, _, _ = await handle_incident(database, project, form, "ann")
    return incident.incident_id


async def messages(
    database: Database, project: ProjectId, webhook: Webhook, **more: Any
) -> list[WebhookMessage]:
    options: dict[str, Any] = {"state": None, "limit": 100, **more}
    return await list_messages(database, (project, webhook.webhook_id), **options)


async def test_an_event_is_posted_once_and_signed(
    database: Database, vault: Vault, project: ProjectId, receiver: Receiver
) -> None:
    _, secret = await made(database, vault, project, receiver.url)
    incident_id = await trigger(database, project)
    clock = Clock()

    await asyncio.gather(put_out_all(database, clock), put_out_all(database, clock))
    await put_out_all(database, clock)
    for _ in range(2):
        await deliverer(database, vault, clock).work()

    (got,) = receiver.received
    expected = hmac.new(secret.encode(), got.body, hashlib.sha256).hexdigest()
    assert got.headers["x-statuspulse-signature"] == expected
    assert got.headers["x-statuspulse-event"] == "incident.triggered"
    body = json.decode(got.body)
    assert got.headers["idempotency-key"] == body["event_id"]
    assert body["event_type"] == "incident.triggered"
    assert body["project_id"] == project
    assert body["incident"]["incident_id"] == incident_id
    assert (body["incident"]["title"], body["incident"]["state"]) == ("Slow <b>", "triggered")
    assert secret not in got.body.decode()


async def test_only_the_types_that_it_asks_for_and_only_of_its_project_since_it_was_made(
    database: Database, vault: Vault, project: ProjectId
) -> None:
    await trigger(database, project)
    every, _ = await made(database, vault, project, "https://example.com/all")
    resolved, _ = await made(
        database, vault, project, "https://example.com/some", events=["incident.resolved"]
    )
    other = await make_project(database)
    others, _ = await made(database, vault, other, "https://example.com/other")
    incident_id = await trigger(database, project)
    form = IncidentForm(state="resolved", incident_id=incident_id)
    await handle_incident(database, project, form, "ann")

    await put_out_all(database)

    types = sorted(one.event_type for one in await messages(database, project, every))
    assert types == ["incident.resolved", "incident.triggered"]
    (one,) = await messages(database, project, resolved)
    assert one.event_type == "incident.resolved"
    assert await messages(database, other, others) == []
    with pytest.raises(NotFound):
        await messages(database, other, every)


async def test_what_is_not_taken_is_tried_after_each_pause_and_dead_at_the_end(
    database: Database, vault: Vault, project: ProjectId, receiver: Receiver
) -> None:
    webhook, _ = await made(database, vault, project, receiver.url)
    await trigger(database, project)
    clock = Clock()
    await put_out_all(database, clock)
    receiver.answers = [(404, "")]  # a receiver that is being deployed says so for a while

    for number, pause_s in enumerate(PAUSES_S, 1):
        await deliverer(database, vault, clock).work()
        (one,) = await messages(database, project, webhook)
        assert (one.state, one.attempts, one.last_status) == ("pending", number, 404)
        assert one.next_attempt_us - clock() == pause_s * 1_000_000
        clock.us += pause_s * 1_000_000 - 1
        await deliverer(database, vault, clock).work()
        assert len(receiver.received) == number
        clock.us += 1
    await deliverer(database, vault, clock).work()

    (dead,) = await messages(database, project, webhook, state="dead")
    assert (dead.attempts, len(receiver.received)) == (6, 6)
    assert len({got.body for got in receiver.received}) == 1

    receiver.answers = [(200, "")]
    assert await replay(database, (project, webhook.webhook_id), None) == 1
    clock.us = FAR_US
    await deliverer(database, vault, clock).work()
    (one,) = await messages(database, project, webhook)
    assert (one.state, one.event_id) == ("delivered", dead.event_id)
    assert receiver.received[-1].body == receiver.received[0].body
    assert await replay(database, (project, webhook.webhook_id), None) == 0
    assert await replay(database, (project, webhook.webhook_id), one.delivery_id) == 1
    with pytest.raises(NotFound):
        await replay(database, (project, webhook.webhook_id), "none")


async def test_a_private_address_is_not_posted_to(
    database: Database, vault: Vault, project: ProjectId, receiver: Receiver
) -> None:
    webhook, _ = await made(database, vault, project, receiver.url)
    await trigger(database, project)
    clock = Clock()
    await put_out_all(database, clock)

    await deliverer(database, vault, clock, private_allowed=False).work()

    (one,) = await messages(database, project, webhook)
    assert one.state == "dead"
    assert "SLUICE_PRIVATE_TARGETS" in one.last_error
    assert receiver.received == []


async def test_a_change_holds_for_what_waits_and_the_secret_stays(
    database: Database, vault: Vault, project: ProjectId, receiver: Receiver
) -> None:
    webhook, secret = await made(database, vault, project, "https://example.com/gone")
    await trigger(database, project)
    clock = Clock()
    await put_out_all(database, clock)
    of = (project, webhook.webhook_id)
    form = WebhookForm(url=f"{receiver.url}?token=a", events=["monitor.up"], description="Chat")

    changed = await replace_webhook(database, vault, of, form)
    await deliverer(database, vault, clock).work()

    assert (changed.events, changed.description) == (["monitor.up"], "Chat")
    assert "token" not in changed.target
    (got,) = receiver.received
    expected = hmac.new(secret.encode(), got.body, hashlib.sha256).hexdigest()
    assert got.headers["x-statuspulse-signature"] == expected


async def test_a_page_of_deliveries_goes_on_where_the_last_one_ended(
    database: Database, vault: Vault, project: ProjectId
) -> None:
    webhook, _ = await made(database, vault, project, "https://example.com/all")
    for number in range(3):
        await trigger(database, project, str(number))
    await put_out_all(database)
    every = await messages(database, project, webhook)

    first = await messages(database, project, webhook, limit=2)
    place = MessagePlace(first[-1].created_us, first[-1].delivery_id)
    rest = await messages(database, project, webhook, beyond=place)

    assert [*first, *rest] == every
    assert len(every) == 3


async def test_what_is_sealed_opens_for_its_webhook_alone_and_is_not_told(
    database: Database, vault: Vault, project: ProjectId
) -> None:
    url = "https://ann:pass@example.com/hook/path?key=1"
    webhook, secret = await made(database, vault, project, url)
    other, _ = await made(database, vault, project, "https://example.com/other")

    listed = await list_webhooks(database, project)
    assert [one.target for one in listed] == ["https://example.com", "https://example.com"]
    assert secret not in repr(listed)
    _, held = await open_webhook(database, vault, project, webhook.webhook_id)
    assert (held.url, held.secret) == (url, secret)
    async with database.session() as session:
        rows = {row.id: row for row in await session.scalars(select(WebhookRow))}
        rows[other.webhook_id].sealed_secret = rows[webhook.webhook_id].sealed_secret
    with pytest.raises(Exception, match="seal"):
        await open_webhook(database, vault, project, other.webhook_id)


@pytest.mark.parametrize(
    "address",
    ["ftp://example.com/hook", "https://", "example.com/hook", "https://a b/", "http://x:0/"],
)
async def test_a_url_that_nothing_can_be_posted_to_is_rejected(
    database: Database, vault: Vault, project: ProjectId, address: str
) -> None:
    with pytest.raises(BadRequest, match="url"):
        await made(database, vault, project, address)


async def test_there_are_at_most_ten_and_a_removed_one_takes_its_deliveries(
    database: Database, vault: Vault, project: ProjectId
) -> None:
    first, _ = await made(database, vault, project, "https://example.com/0")
    for number in range(1, MAX_WEBHOOKS):
        await made(database, vault, project, f"https://example.com/{number}")
    with pytest.raises(Conflict):
        await made(database, vault, project, "https://example.com/more")
    await trigger(database, project)
    await put_out_all(database)

    await remove_webhook(database, project, first.webhook_id)

    with pytest.raises(NotFound):
        await get_webhook(database, project, first.webhook_id)
    with pytest.raises(NotFound):
        await messages(database, project, first)
    await made(database, vault, project, "https://example.com/more")
