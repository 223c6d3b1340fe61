"""Who is told of incidents: once, in order, nobody too much; on both databases."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import delete, func, select, update

from alerts.uptime import pager
from alerts.uptime.pager import Pager
from controlplane.channels import add_channel, remove_channel
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import Unavailable
from controlplane.models import Project
from controlplane.outbox import open_target
from controlplane.outbox_models import AlertOutbox
from controlplane.projects import insert_project
from controlplane.uptime import paging
from controlplane.uptime.events import note_event
from controlplane.uptime.models import (
    EscalationPolicy,
    IncidentNotice,
    IncidentPaging,
    UptimeEvent,
)
from controlplane.uptime.monitors import change_monitor, pause_monitor, remove_monitor
from controlplane.uptime.policies import add_policy, list_policies, remove_policy
from schemas.channels import ChannelConfig, ChannelForm
from schemas.projects import ProjectId
from schemas.uptime.escalation import PolicyForm
from tests.integration.uptime.paged import A, B, World

ALERT, AGAIN, OVER = ("json", "triggered"), ("json", "reopened"), ("json", "resolved")
PAGERDUTY = "pagerduty://routing-key-of-the-team"


@pytest.fixture
async def world(database: Database, vault: Vault) -> World:
    return await new_world(database, vault)


async def new_world(database: Database, vault: Vault) -> World:
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
        return World(database, vault, ProjectId(str(project.id)))


async def policy(world: World, *steps: tuple[int, list[str]], **more: Any) -> None:
    fields = {
        "name": "oncall",
        "steps": [{"after_seconds": after, "notifications": to} for after, to in steps],
    }
    form = msgspec.convert({**fields, **more}, PolicyForm)
    await add_policy(world.database, world.vault, world.project_id, form)


class TestOneIncident:
    async def test_an_outage_is_told_once_and_its_end_to_the_same_targets(
        self, world: World
    ) -> None:
        monitor = await world.monitor(notifications=[A, B, A])
        await world.see(monitor, "fail")

        for _ in range(3):
            await world.page()
        assert await world.sent() == [ALERT, ALERT]

        await change_monitor(
            world.database,
            world.vault,
            (world.project_id, monitor.monitor_id),
            {"notifications": ["tgram://of/another"]},
        )
        await world.see(monitor, "ok")
        for _ in range(3):
            await world.page()
        assert await world.sent() == [ALERT, ALERT, OVER, OVER]
        rows = await world.messages()
        urls = {open_target(world.vault, row.id, row.sealed_target or b"").url for row in rows[2:]}
        assert urls == {A, B}
        assert {row.after_id for row in rows[2:]} == {row.id for row in rows[:2]}

    async def test_people_are_told_what_the_check_saw(self, world: World) -> None:
        monitor = await world.monitor()
        await world.see(monitor, "fail", "the status is 503, expected 200")
        await world.page()

        await world.see(monitor, "ok")
        await world.page()
        await world.see(monitor, "fail", "no answer within 10 s")
        await world.page()

        down, over, again = [msgspec.json.decode(one.payload) for one in await world.messages()]
        assert down["text"].splitlines()[0] == "the status is 503, expected 200"
        assert down["body"]["incidents"][0]["cause"] == "the status is 503, expected 200"
        assert "503" not in over["text"]
        assert again["text"].splitlines()[0] == "no answer within 10 s"
        async with world.database.reading() as session:
            of = select(UptimeEvent.details).where(UptimeEvent.type == "monitor.down")
            details = [msgspec.json.decode(one) for one in await session.scalars(of)]
        assert {one["cause"] for one in details} == {
            "the status is 503, expected 200",
            "no answer within 10 s",
        }

    async def test_it_is_told_within_three_seconds(self, world: World) -> None:
        await world.see(await world.monitor(), "fail")

        await world.page(1)
        assert await world.sent() == []
        await world.page(2)
        assert await world.sent() == [ALERT]

    async def test_what_is_over_before_anything_was_sent_is_not_told(self, world: World) -> None:
        monitor = await world.monitor()
        await world.see(monitor, "fail")
        await world.see(monitor, "ok")

        await world.page()

        assert await world.sent() == []

    async def test_what_was_acknowledged_before_anything_was_sent_is_not_told(
        self, world: World
    ) -> None:
        monitor = await world.monitor()
        incident_id = await world.act("triggered", monitor_id=monitor.monitor_id)
        await world.act("acknowledged", incident_id=incident_id)

        await world.page()

        assert await world.sent() == []

    async def test_reopened_it_is_told_once_more(self, world: World) -> None:
        monitor = await world.monitor()
        for outcome in ("fail", "ok", "fail", "ok"):
            await world.see(monitor, outcome)
            for _ in range(2):
                await world.page()

        assert await world.sent() == [ALERT, OVER, AGAIN, OVER]

    async def test_a_flap_between_two_looks_is_one_message(self, world: World) -> None:
        monitor = await world.monitor()
        await world.see(monitor, "fail")
        await world.page()
        await world.see(monitor, "ok")
        await world.see(monitor, "fail")

        await world.page()

        assert await world.sent() == [ALERT, AGAIN]

    async def test_whose_alert_was_given_up_is_not_told_of_the_end(self, world: World) -> None:
        monitor = await world.monitor(notifications=[A, B])
        await world.see(monitor, "fail")
        await world.page()
        first, second = await world.messages()
        async with world.database.session() as session:
            change = update(AlertOutbox).where(AlertOutbox.id == first.id).values(state="dead")
            await session.execute(change)

        await world.see(monitor, "ok")
        await world.page()

        assert (await world.messages())[-1].after_id == second.id
        assert await world.sent() == [ALERT, ALERT, OVER]

    async def test_pagerduty_is_told_of_each_step_by_one_key(self, world: World) -> None:
        monitor = await world.monitor(notifications=[PAGERDUTY, A])
        incident_id = await world.act(
            "triggered",
            monitor_id=monitor.monitor_id,
            severity="critical",
            external_ids={"jira": "OPS-12"},
        )
        await world.page()
        for state in ("acknowledged", "resolved"):
            await world.act(state, incident_id=incident_id)
            await world.page()

        rows = [row for row in await world.messages() if row.target_kind == "pagerduty"]
        told = [msgspec.json.decode(row.payload) for row in rows]
        assert [one["action"] for one in told[1:]] == ["acknowledge", "resolve"]
        assert {one["incident_key"] for one in told} == {incident_id}
        assert told[0]["urgency"] == "critical"
        assert "jira: OPS-12" in told[0]["text"]
        assert "acknowledged" not in [
            kind for target, kind in await world.sent() if target == "json"
        ]

    async def test_a_pause_is_told_as_the_end(self, world: World) -> None:
        monitor = await world.monitor()
        await world.see(monitor, "fail")
        await world.page()

        await pause_monitor(world.database, world.vault, (world.project_id, monitor.monitor_id))
        await world.page()

        assert await world.sent() == [ALERT, OVER]
        assert "paused" in (await world.messages())[-1].payload

    async def test_who_had_the_alert_of_a_monitor_that_is_gone_hears_of_its_end(
        self, world: World
    ) -> None:
        monitor = await world.monitor()
        await world.see(monitor, "fail")
        await world.page()
        incident = await world.incident()

        await remove_monitor(world.database, world.project_id, monitor.monitor_id)
        await world.act("resolved", incident_id=incident.id)
        await world.page()

        assert await world.sent() == [ALERT, OVER]


class TestMaintenance:
    async def test_what_happens_in_a_window_is_not_told(self, world: World) -> None:
        now = int(time.time())
        window = {"starts_at": _iso(now - 3600), "ends_at": _iso(now + 3600)}
        monitor = await world.monitor(maintenance_windows=[window])

        await world.see(monitor, "fail")
        await world.see(monitor, "ok")
        await world.page()

        assert await world.sent() == []

    async def test_steps_wait_for_the_end_of_a_window(self, world: World) -> None:
        await policy(world, (60, [B]))
        monitor = await world.monitor(escalation_policy="oncall")
        await world.act("triggered", monitor_id=monitor.monitor_id)
        await world.page()
        now = int(time.time())
        window = {"starts_at": _iso(now - 60), "ends_at": _iso(now + 600)}
        of = (world.project_id, monitor.monitor_id)
        await change_monitor(world.database, world.vault, of, {"maintenance_windows": [window]})

        await world.wait(300)
        assert await world.sent() == [ALERT]
        await world.wait(400)
        assert await world.sent() == [ALERT, ALERT]


class TestPolicies:
    async def test_steps_follow_until_somebody_acknowledges(self, world: World) -> None:
        await policy(world, (0, [A]), (300, [B, A]), (900, ["xml://boss.example"]))
        monitor = await world.monitor(notifications=[], escalation_policy="oncall")
        incident_id = await world.act("triggered", monitor_id=monitor.monitor_id)

        await world.page()
        assert len(await world.sent()) == 1
        await world.wait(290)
        assert len(await world.sent()) == 1
        for _ in range(2):
            await world.wait(10)
            # Whom an earlier step has told is not told again.
            assert len(await world.sent()) == 2
        await world.act("acknowledged", incident_id=incident_id)
        await world.wait(10_000)

        assert await world.sent() == [ALERT, ALERT]

    async def test_steps_end_with_the_incident_and_begin_anew_with_the_next_outage(
        self, world: World
    ) -> None:
        await policy(world, (300, ["xml://boss.example"]))
        monitor = await world.monitor(escalation_policy="oncall")
        await world.see(monitor, "fail")
        await world.page()
        await world.see(monitor, "ok")
        await world.page()
        await world.wait(400)
        assert await world.sent() == [ALERT, OVER]

        await world.see(monitor, "fail")
        await world.page()
        await world.wait(400)

        assert await world.sent() == [ALERT, OVER, AGAIN, ("xml", "triggered")]

    async def test_rounds_repeat_as_often_as_the_policy_says(self, world: World) -> None:
        await policy(world, (0, [A]), (60, [B]), repeat_count=2, remind_after_seconds=600)
        monitor = await world.monitor(notifications=[], escalation_policy="oncall")
        await world.act("triggered", monitor_id=monitor.monitor_id)
        await world.page()

        for _ in range(100):
            await world.wait(60)

        assert await world.sent() == [ALERT, ALERT] + [("json", "reminder")] * 4

    async def test_who_was_away_does_not_make_up_for_rounds(self, world: World) -> None:
        await policy(world, (0, [A]), repeat_count=20, remind_after_seconds=60)
        monitor = await world.monitor(notifications=[], escalation_policy="oncall")
        await world.act("triggered", monitor_id=monitor.monitor_id)
        await world.page()

        await world.wait(86_400)

        assert await world.sent() == [ALERT, ("json", "reminder")]

    async def test_a_policy_that_is_missing_leaves_the_notifications(self, world: World) -> None:
        monitor = await world.monitor(escalation_policy="oncall")
        await world.act("triggered", monitor_id=monitor.monitor_id, title="One")
        await world.page()
        assert await world.sent() == [ALERT]

        await policy(world, (0, ["xml://boss.example"]))
        await world.act("triggered", monitor_id=monitor.monitor_id, title="Two")
        await world.page()
        assert await world.sent() == [ALERT, ALERT, ("xml", "triggered")]

    async def test_an_incident_without_a_monitor_names_its_policy(self, world: World) -> None:
        await policy(world, (0, [A]))

        await world.act("triggered", title="Support is flooded", escalation_policy="oncall")
        await world.page()

        assert await world.sent() == [ALERT]

    async def test_a_policy_that_is_removed_ends_its_steps(self, world: World) -> None:
        await policy(world, (0, [A]), (60, [B]))
        monitor = await world.monitor(notifications=[], escalation_policy="oncall")
        await world.act("triggered", monitor_id=monitor.monitor_id)
        await world.page()
        (one,) = await policies(world)

        await remove_policy(world.database, world.project_id, one)
        await world.wait(600)

        assert await world.sent() == [ALERT]


class TestChannels:
    async def test_a_channel_is_told_by_its_name(self, world: World) -> None:
        config = ChannelConfig(url="https://hooks.example/x", secret="whispered")
        form = ChannelForm("ops", "webhook", config)
        channel = await add_channel(world.database, world.vault, world.project_id, form)
        monitor = await world.monitor(notifications=["channel:ops", "channel:nobody"])

        await world.see(monitor, "fail")
        await world.page()
        await world.see(monitor, "ok")
        await world.page()

        rows = await world.messages()
        assert [row.channel_id for row in rows] == [UUID(channel.id)] * 2
        await remove_channel(world.database, world.project_id, channel.id)
        assert await world.messages() == []

    async def test_another_projects_channel_is_not_told(
        self, world: World, database: Database, vault: Vault
    ) -> None:
        other = await new_world(database, vault)
        form = ChannelForm("ops", "webhook", ChannelConfig(url="https://hooks.example/x"))
        await add_channel(database, vault, other.project_id, form)

        await world.see(await world.monitor(notifications=["channel:ops"]), "fail")
        await world.page()

        assert await world.messages() == await other.messages() == []


class TestStorms:
    async def test_many_that_fall_together_are_one_message_and_so_is_their_end(
        self, world: World
    ) -> None:
        monitors = [await world.monitor(name=f"Shop {number}") for number in range(7)]
        monitors.append(await world.monitor(name="Paged", notifications=[PAGERDUTY, A]))

        for outcome, sent in (("fail", ALERT), ("ok", OVER)):
            for monitor in monitors:
                await world.see(monitor, outcome)
            before = len(await world.sent())
            await world.page(2)
            assert len(await world.sent()) == before
            await world.page(4)
            told = (await world.sent())[before:]
            # PagerDuty groups by itself, and resolves one by one.
            assert sorted(told) == sorted([sent, ("pagerduty", sent[1])])

        text = msgspec.json.decode((await world.messages())[0].payload)["text"]
        assert all(f"Shop {number} is down" in text for number in range(7))

    async def test_nobody_waits_longer_than_ten_seconds(self, world: World) -> None:
        for number in range(6):
            await world.see(await world.monitor(name=f"Shop {number}"), "fail")
        await world.page(2)
        assert await world.sent() == []
        world.us += 8 * 1_000_000
        await world.see(await world.monitor(name="The last"), "fail")

        await world.look()

        assert await world.sent() == [ALERT]

    async def test_few_are_told_one_by_one(self, world: World) -> None:
        for number in range(4):
            await world.see(await world.monitor(name=f"Shop {number}"), "fail")

        await world.page()

        assert await world.sent() == [ALERT] * 4


class TestManyProjects:
    async def test_a_flood_of_one_project_is_told_in_parts_and_keeps_no_other_waiting(
        self, world: World, database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # All in one transaction takes longer than PostgreSQL is given: it would never end.
        monkeypatch.setattr(paging, "OF_A_PROJECT", 3)
        monkeypatch.setattr(paging, "AT_ONCE", 4)
        for number in range(8):
            await world.see(await world.monitor(name=f"Shop {number}"), "fail")
        other = await new_world(database, vault)
        await other.see(await other.monitor(), "fail")

        await other.page(20)

        assert await other.sent() == [ALERT]
        assert len(await world.sent()) == 3
        other.us += 1_000_000
        await other.look()
        await other.look()
        assert len(await world.sent()) == 8

    async def test_what_one_project_meets_keeps_no_other_waiting(
        self, world: World, database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = await new_world(database, vault)
        for one in (world, other):
            await one.see(await one.monitor(), "fail")

        async def page(*of: Any, **more: Any) -> int:
            if str(of[2]) == world.project_id:
                raise Unavailable("The control plane does not answer", retry_after_s=1)
            return await paging.page(*of, **more)

        monkeypatch.setattr(pager, "page", page)
        with pytest.raises(Unavailable):
            await other.page()

        assert (await world.sent(), await other.sent()) == ([], [ALERT])


class TestOnce:
    async def test_several_that_look_at_once_tell_once(self, world: World) -> None:
        await world.see(await world.monitor(), "fail")
        await world.page(0)
        world.us += 2_000_000

        await asyncio.gather(*(world.look() for _ in range(5)))

        assert await world.sent() == [ALERT]

    async def test_a_crash_before_the_messages_are_kept_loses_nothing(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await world.see(await world.monitor(), "fail")

        async def dies(*_: object) -> None:
            raise RuntimeError("killed")

        with monkeypatch.context() as patched:
            patched.setattr(paging, "write_wants", dies)
            with pytest.raises(RuntimeError):
                await world.page()
        assert await world.messages() == []
        await world.look()

        assert await world.sent() == [ALERT]

    async def test_one_project_whose_secrets_do_not_open_keeps_no_other_waiting(
        self, world: World, database: Database, vault: Vault
    ) -> None:
        theirs = await new_world(database, Vault("another secret" * 4))
        await theirs.see(await theirs.monitor(), "fail")
        await world.see(await world.monitor(), "fail")

        await world.page()

        assert await world.sent() == [ALERT]

    async def test_old_events_are_forgotten(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await world.see(await world.monitor(), "fail")
        monkeypatch.setattr(pager, "KEPT_US", -1)

        await world.page()
        assert await world.sent() == [ALERT]
        await Pager(world.database, world.vault, lambda: world.us).work()

        async with world.database.reading() as session:
            assert await session.scalar(select(func.count(UptimeEvent.id))) == 0


async def test_a_warning_goes_to_the_notifications_of_its_monitor_once(world: World) -> None:
    monitor = await world.monitor(name="Shop", escalation_policy="oncall")
    for is_quiet in (False, True):
        async with world.database.session() as session:
            await note_event(
                session,
                project_id=UUID(world.project_id),
                type="certificate.expiring",
                at_us=monitor.created_us,
                now_us=monitor.created_us,
                monitor_id=monitor.monitor_id,
                quiet=is_quiet,
                details={"message": "The certificate ends in 7 days"},
            )

    for _ in range(2):
        await world.page()

    assert await world.sent() == [("json", "certificate.expiring")]
    assert "ends in 7 days" in (await world.messages())[0].payload


async def test_a_deleted_project_takes_all_with_it(world: World) -> None:
    await policy(world, (0, [B]))
    await world.see(await world.monitor(escalation_policy="oncall"), "fail")
    await world.page()
    assert await world.sent() == [ALERT, ALERT]

    async with world.database.session() as session:
        await session.execute(delete(Project).where(Project.id == UUID(world.project_id)))

    async with world.database.reading() as session:
        for table in (UptimeEvent, EscalationPolicy, IncidentPaging, IncidentNotice, AlertOutbox):
            count = await session.scalar(select(func.count()).select_from(table))
            assert (table.__tablename__, count) == (table.__tablename__, 0)


async def test_a_project_that_waits_to_be_purged_tells_nobody(world: World) -> None:
    await world.see(await world.monitor(), "fail")
    async with world.database.session() as session:
        change = update(Project).where(Project.id == UUID(world.project_id))
        await session.execute(change.values(deleted_at=datetime.now(UTC)))

    await world.page()

    assert await world.sent() == []


async def policies(world: World) -> list[str]:
    found = await list_policies(world.database, world.vault, world.project_id)
    return [one.policy_id for one in found]


def _iso(at_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))
