"""Messages on their way: signed, tried again, given up, held by one, kept from our network."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from alerts import deliver
from alerts.deliver import LEASE_US, Deliverer, email_url
from alerts.errors.trying import try_channel
from alerts.plans import PLANS
from alerts.uptime.trying import unknown_targets
from clickhouse.client import Warehouse
from controlplane.channels import add_channel, list_channels, open_channel
from controlplane.crypto import UnsealError, Vault
from controlplane.database import Database
from controlplane.errors.alert_outbox import list_deliveries
from controlplane.failures import BadRequest, NotFound
from controlplane.outbox import claim, settle
from controlplane.outbox_models import AlertOutbox
from schemas.channels import Channel, ChannelConfig, ChannelForm, ChannelKind
from schemas.messages import Sent
from schemas.projects import ProjectId
from tests.integration.alerts.alerting import (
    Clock,
    evaluate,
    happen,
    make_channel,
    make_rule,
    outbox,
)
from tests.integration.alerts.receiver import Receiver, receiving
from tests.integration.issues.seen import make_project

MOST_ATTEMPTS = 8
SECRET = "whsec of the receiver".replace(" ", "_")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def deliverer(database: Database, vault: Vault, clock: Clock, **changes: Any) -> Deliverer:
    options = {"private_allowed": True, "email_url": "", "pagerduty_url": "", **changes}
    return Deliverer(database, vault, now_us=clock, **options)


@pytest.fixture
async def message(
    database: Database,
    warehouse: Warehouse,
    vault: Vault,
    project: ProjectId,
    receiver: Receiver,
) -> AlertOutbox:
    """A message to the receiver that is due."""
    channel = await make_channel(database, vault, project, receiver.url, SECRET)
    await make_rule(database, vault, project, name="New <b>", channel_ids=(channel,))
    await happen(database, warehouse, project, [{}])
    await evaluate(database, warehouse, Clock())
    (row,) = await outbox(database, project)
    return row


async def state_of(database: Database, project: ProjectId) -> tuple[str, int, int | None]:
    (row,) = await outbox(database, project)
    return row.state, row.attempts, row.last_status


class TestWebhook:
    async def test_the_body_is_the_contracts_and_its_signature_fits(
        self,
        database: Database,
        vault: Vault,
        project: ProjectId,
        receiver: Receiver,
        message: AlertOutbox,
    ) -> None:
        await deliverer(database, vault, Clock()).work()

        (got,) = receiver.received
        expected = hmac.new(SECRET.encode(), got.body, hashlib.sha256).hexdigest()
        assert got.headers["x-sentry-clone-signature"] == f"sha256={expected}"
        assert got.headers["idempotency-key"] == message.dedupe_key
        assert got.head == "POST /hook HTTP/1.1"
        assert got.headers["host"] in receiver.url
        assert list(json.decode(got.body)) == [
            *("ruleId", "ruleName", "ruleType", "value", "threshold", "windowMinutes"),
            *("environment", "organizationId", "triggeredAt", "message", "subject", "text"),
        ]
        assert await state_of(database, project) == ("delivered", 1, 200)

    async def test_what_was_delivered_is_not_sent_again(
        self, database: Database, vault: Vault, receiver: Receiver, message: AlertOutbox
    ) -> None:
        clock = Clock()
        for _ in range(3):
            await deliverer(database, vault, clock).work()
            clock.go_on(600)

        assert len(receiver.received) == 1


class TestRetries:
    async def test_what_was_not_taken_is_sent_again_later_with_the_same_key(
        self,
        database: Database,
        vault: Vault,
        project: ProjectId,
        receiver: Receiver,
        message: AlertOutbox,
    ) -> None:
        receiver.answers = [(503, ""), (200, "")]
        clock = Clock()

        await deliverer(database, vault, clock).work()
        await deliverer(database, vault, clock).work()
        assert await state_of(database, project) == ("pending", 1, 503)
        clock.go_on(1)
        await deliverer(database, vault, clock).work()

        assert await state_of(database, project) == ("delivered", 2, 200)
        assert len({(one.body, one.headers["idempotency-key"]) for one in receiver.received}) == 1

    async def test_the_attempts_are_bounded(
        self,
        database: Database,
        vault: Vault,
        project: ProjectId,
        receiver: Receiver,
        message: AlertOutbox,
    ) -> None:
        receiver.answers = [(500, "")]
        clock = Clock()

        for _ in range(MOST_ATTEMPTS + 2):
            await deliverer(database, vault, clock).work()
            clock.go_on(100)

        assert await state_of(database, project) == ("failed", MOST_ATTEMPTS, 500)
        assert len(receiver.received) == MOST_ATTEMPTS
        (told,) = await list_deliveries(database, project)
        assert (told.last_error, told.delivered_us) == ("HTTP 500: no", None)

    async def test_a_refusal_that_lasts_is_not_tried_again(
        self,
        database: Database,
        vault: Vault,
        project: ProjectId,
        receiver: Receiver,
        message: AlertOutbox,
    ) -> None:
        receiver.answers = [(410, "")]

        await deliverer(database, vault, Clock()).work()

        assert await state_of(database, project) == ("failed", 1, 410)

    async def test_a_receiver_that_never_answers_is_left(
        self,
        database: Database,
        vault: Vault,
        project: ProjectId,
        receiver: Receiver,
        message: AlertOutbox,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        receiver.holds = asyncio.Event()
        monkeypatch.setattr(deliver, "TIMEOUT_S", 0.1)

        await deliverer(database, vault, Clock()).work()
        receiver.holds.set()

        assert await state_of(database, project) == ("pending", 1, None)

    def test_pauses_grow_up_to_an_hour(self) -> None:
        pauses = [PLANS["errors"].pause_s(attempt) or 0 for attempt in range(1, MOST_ATTEMPTS)]

        assert 8 <= pauses[0] <= 12
        assert pauses[:5] == sorted(pauses[:5])
        assert 2880 <= pauses[-1] <= 4320


class TestLeases:
    async def test_two_processes_send_a_message_once(
        self,
        database: Database,
        vault: Vault,
        project: ProjectId,
        receiver: Receiver,
        message: AlertOutbox,
    ) -> None:
        clock = Clock()

        await asyncio.gather(*(deliverer(database, vault, clock).work() for _ in range(5)))

        assert len(receiver.received) == 1

    async def test_what_a_dead_process_held_is_sent_when_its_lease_ends(
        self,
        database: Database,
        vault: Vault,
        project: ProjectId,
        receiver: Receiver,
        message: AlertOutbox,
    ) -> None:
        clock = Clock()
        (held,) = await claim(database, vault, clock(), lease_us=LEASE_US, limit=10)

        await deliverer(database, vault, clock).work()
        assert receiver.received == []
        clock.go_on(LEASE_US / 60_000_000)
        await deliverer(database, vault, clock).work()
        # It was only asleep: what it says now is of an attempt that is no longer the last one.
        await settle(database, held, Sent(500, "late"), clock(), "failed")

        assert await state_of(database, project) == ("delivered", 2, 200)


class TestTargets:
    async def test_a_private_address_is_refused_and_nothing_is_sent(
        self,
        database: Database,
        vault: Vault,
        project: ProjectId,
        receiver: Receiver,
        message: AlertOutbox,
    ) -> None:
        await deliverer(database, vault, Clock(), private_allowed=False).work()

        assert receiver.received == []
        assert await state_of(database, project) == ("failed", 1, None)
        (told,) = await list_deliveries(database, project)
        assert "SLUICE_PRIVATE_TARGETS=allow" in told.last_error

    async def test_a_redirect_is_not_followed(
        self,
        database: Database,
        vault: Vault,
        project: ProjectId,
        receiver: Receiver,
        message: AlertOutbox,
    ) -> None:
        receiver.answers = [(307, f"Location: {receiver.url}/elsewhere\r\n")]

        await deliverer(database, vault, Clock()).work()

        assert len(receiver.received) == 1
        assert await state_of(database, project) == ("failed", 1, 307)

    @pytest.mark.slow
    @pytest.mark.parametrize("private_allowed", [True, False])
    async def test_apprise_reaches_what_is_allowed_alone(
        self,
        database: Database,
        vault: Vault,
        project: ProjectId,
        receiver: Receiver,
        private_allowed: bool,
    ) -> None:
        config = ChannelConfig(url=receiver.url.replace("http:", "json:"))
        sender = deliverer(database, vault, Clock(), private_allowed=private_allowed)

        sent = await try_channel(sender, project, Channel("c", "Ours", "apprise", "", 0), config)

        assert len(receiver.received) == private_allowed
        assert (sent.error == "") is private_allowed
        assert private_allowed or "private address" in sent.error

    @pytest.mark.slow
    async def test_apprise_follows_no_redirect_to_cloud_metadata(
        self, database: Database, vault: Vault, project: ProjectId, receiver: Receiver
    ) -> None:
        receiver.answers = [(302, "Location: http://169.254.169.254/latest/\r\n")]
        config = ChannelConfig(url=receiver.url.replace("http:", "json:"))

        sender = deliverer(database, vault, Clock())
        sent = await try_channel(sender, project, Channel("c", "Ours", "apprise", "", 0), config)

        assert "cloud metadata" in sent.error

    @pytest.mark.slow
    async def test_apprise_reads_no_file_of_this_machine_and_writes_to_no_log(
        self, database: Database, vault: Vault, project: ProjectId, tmp_path: Path
    ) -> None:
        card = tmp_path / "card.json"
        card.write_text('{"type": "message", "attachments": []}')
        urls = [
            f"workflows://localhost:9/id/signature?template={card}",
            f"slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?template=file://{card}",
            f"fcm://project@device/1?keyfile={card}",
        ]
        sender = deliverer(database, vault, Clock())

        for url in [*urls, "syslog://"]:
            config = ChannelConfig(url=url)
            sent = await try_channel(
                sender, project, Channel("c", "Ours", "apprise", "", 0), config
            )
            assert ("log of this machine" if url == "syslog://" else "not know") in sent.error

        assert await unknown_targets([*urls, "json://example.com"]) == [0, 1, 2]

    async def test_email_needs_a_server_of_the_operator(
        self, database: Database, vault: Vault, project: ProjectId
    ) -> None:
        config = ChannelConfig(recipients=("ann@example.com",))

        sender = deliverer(database, vault, Clock())
        sent = await try_channel(sender, project, Channel("c", "Mail", "email", "", 0), config)

        assert "SLUICE_ALERT_EMAIL_URL" in sent.error
        assert sent.lasting

    def test_recipients_go_behind_the_operators_url(self) -> None:
        given = ("a+b@example.com", "c@example.com")

        assert email_url("mailto://u:p@mail?from=x", given) == (
            "mailto://u:p@mail?from=x&to=a%2Bb%40example.com%2Cc%40example.com"
        )


class TestChannels:
    async def test_what_a_channel_sends_to_is_sealed_and_not_told(
        self, database: Database, vault: Vault, project: ProjectId
    ) -> None:
        url = "https://user:pw@hooks.example/T0/secret?token=x"
        made = await make_channel(database, vault, project, url, SECRET)

        (told,) = await list_channels(database, project)
        assert (told.id, told.target) == (made, "https://hooks.example")
        _, config = await open_channel(database, vault, project, made)
        assert config == ChannelConfig(url=url, secret=SECRET)
        with pytest.raises(UnsealError):
            await open_channel(database, Vault("another secret" * 4), project, made)

    async def test_another_projects_channel_is_not_found(
        self, database: Database, vault: Vault, project: ProjectId
    ) -> None:
        other = await make_project(database, "Other")
        theirs = await make_channel(database, vault, other)

        with pytest.raises(NotFound):
            await open_channel(database, vault, project, theirs)
        with pytest.raises(BadRequest, match="channelIds"):
            await make_rule(database, vault, project, channel_ids=(theirs,))

    @pytest.mark.parametrize(
        ("kind", "config"),
        [
            ("webhook", ChannelConfig()),
            ("webhook", ChannelConfig(secret="x")),
            ("webhook", ChannelConfig(url="file:///etc/passwd")),
            ("webhook", ChannelConfig(url="http://")),
            ("webhook", ChannelConfig(url="http://a\r\nX: y")),
            ("webhook", ChannelConfig(url="http://a/" + "x" * 500)),
            ("webhook", ChannelConfig(url="http://a", secret="x" * 201)),
            ("slack", ChannelConfig(url="http://a")),
            ("pagerduty", ChannelConfig(integration_key="k" * 201)),
            ("email", ChannelConfig(recipients=("ann",))),
            ("email", ChannelConfig(recipients=("ann@example.com?smtp=evil.example",))),
            ("email", ChannelConfig(recipients=("ann@example.com",) * 51)),
            ("apprise", ChannelConfig(url="no scheme")),
        ],
    )
    async def test_a_configuration_that_cannot_work_is_rejected(
        self,
        database: Database,
        vault: Vault,
        project: ProjectId,
        kind: ChannelKind,
        config: ChannelConfig,
    ) -> None:
        with pytest.raises(BadRequest):
            await add_channel(database, vault, project, ChannelForm("One", kind, config))
