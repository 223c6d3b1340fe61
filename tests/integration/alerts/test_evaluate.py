"""Rules over both stores: what fires, how often, and what a crash or a second process changes."""

import asyncio
import uuid
from typing import Any

import pytest
from msgspec import json
from sqlalchemy import select, update

from alerts.errors import evaluate as evaluating
from clickhouse.client import Warehouse
from clickhouse.failures import QueryTooExpensive, WarehouseUnavailable
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.errors import alert_firing
from controlplane.errors.alert_models import AlertHit
from controlplane.errors.alert_rules import list_rules, replace_rule
from controlplane.errors.changes import IssueChange, change_issues
from controlplane.outbox_models import AlertOutbox
from schemas.errors.alerts import RuleForm, RuleQuery
from schemas.projects import ProjectId
from tests.integration.alerts.alerting import (
    MINUTE_US,
    NOW_US,
    Clock,
    evaluate,
    happen,
    make_channel,
    make_rule,
    outbox,
)
from tests.integration.issues.seen import issues_of, make_project
from tests.integration.queries.transaction_rows import MS, Transaction, store_transactions


def value_of(message: AlertOutbox) -> float:
    value: float = json.decode(message.payload)["body"]["value"]
    return value


class TestNewIssues:
    async def test_each_is_alerted_once(
        self, database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
    ) -> None:
        await make_rule(database, vault, project)
        clock = Clock()

        for names in (["one"], ["one", "two"], []):
            await happen(database, warehouse, project, [{"fingerprint": name} for name in names])
            await evaluate(database, warehouse, clock)
            clock.go_on(1)

        texts = [json.decode(row.payload)["text"] for row in await outbox(database, project)]
        assert [text.splitlines()[1:] for text in texts] == [["- one"], ["- two"]]

    async def test_what_happens_within_the_cooldown_is_told_together_at_its_end(
        self, database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
    ) -> None:
        await make_rule(database, vault, project, cooldown_minutes=30)
        clock = Clock()

        for name, minutes in (("one", 10), ("two", 10), ("three", 9), ("three", 1)):
            await happen(database, warehouse, project, [{"fingerprint": name}])
            await evaluate(database, warehouse, clock)
            clock.go_on(minutes)
        before = [
            json.decode(row.payload)["body"]["value"] for row in await outbox(database, project)
        ]
        await evaluate(database, warehouse, clock)

        after = [
            json.decode(row.payload)["body"]["value"] for row in await outbox(database, project)
        ]
        assert (before, after) == ([1], [1, 2])

    async def test_fewer_than_the_threshold_within_the_window_are_not_told(
        self, database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
    ) -> None:
        await make_rule(database, vault, project, threshold_count=2, threshold_window=10)
        clock = Clock()

        for name, minutes in (("one", 11), ("two", 0)):
            await happen(database, warehouse, project, [{"fingerprint": name}])
            await evaluate(database, warehouse, clock)
            clock.go_on(minutes)
            await evaluate(database, warehouse, clock)
        assert await outbox(database, project) == []
        await happen(database, warehouse, project, [{"fingerprint": "three"}])
        await evaluate(database, warehouse, clock)

        assert len(await outbox(database, project)) == 1

    @pytest.mark.parametrize(
        ("query", "told"),
        [
            (RuleQuery(levels=("fatal",)), ["fatal"]),
            (RuleQuery(environments=("test",)), ["test"]),
            (RuleQuery(tags={"shop": "7"}), ["tagged"]),
            (RuleQuery(transaction_name="/pay"), ["pay"]),
            (RuleQuery(levels=("error",), environments=("test", "live")), ["test"]),
            (RuleQuery(tags={"shop": "8"}), []),
        ],
    )
    async def test_only_events_that_match_are_told(
        self,
        database: Database,
        warehouse: Warehouse,
        vault: Vault,
        project: ProjectId,
        query: RuleQuery,
        told: list[str],
    ) -> None:
        await make_rule(database, vault, project, query=query)
        rows: list[dict[str, Any]] = [
            {"fingerprint": "plain"},
            {"fingerprint": "fatal", "level": "fatal"},
            {"fingerprint": "test", "environment": "test"},
            {"fingerprint": "tagged", "tags": {"shop": "7"}},
            {"fingerprint": "pay", "transaction": "/pay"},
        ]

        await happen(database, warehouse, project, rows)
        await evaluate(database, warehouse, Clock())

        texts = [json.decode(row.payload)["text"] for row in await outbox(database, project)]
        assert [line for text in texts for line in text.splitlines()[1:]] == [
            f"- {name}" for name in told
        ]

    async def test_another_projects_issues_are_not_told(
        self, database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
    ) -> None:
        await make_rule(database, vault, project)
        other = await make_project(database, "Other")

        await happen(database, warehouse, other, [{}])
        await evaluate(database, warehouse, Clock())

        assert await outbox(database, project) == await outbox(database, other) == []


async def test_an_issue_that_comes_back_is_told_by_the_rule_for_that(
    database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
) -> None:
    await make_rule(database, vault, project, rule_type="issue.regression")
    await happen(database, warehouse, project, [{}])
    clock = Clock()
    await evaluate(database, warehouse, clock)
    (issue,) = await issues_of(database, project)
    assert await outbox(database, project) == []

    await change_issues(database, project, [issue.id], IssueChange(status="resolved"), by=None)
    late_us = (await issues_of(database, project))[0].resolved_us
    assert late_us is not None
    for _ in range(2):
        await happen(database, warehouse, project, [{"at_us": late_us + MINUTE_US}])
        await evaluate(database, warehouse, clock)
        clock.go_on(1)

    (message,) = await outbox(database, project)
    assert json.decode(message.payload)["body"]["message"].startswith("1 issue came back")


class TestCounts:
    async def test_errors_are_counted_by_arrival_within_the_window(
        self, database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
    ) -> None:
        counted: dict[str, Any] = {"rule_type": "issue.count_threshold", "threshold_count": 3}
        await make_rule(database, vault, project, **counted, threshold_window=5)
        clock = Clock()
        old = {"received_us": NOW_US - 6 * MINUTE_US}
        late = {"at_us": NOW_US - 900 * MINUTE_US, "received_us": NOW_US - MINUTE_US}

        await happen(database, warehouse, project, [old, old, {}, {}])
        await evaluate(database, warehouse, clock)
        assert await outbox(database, project) == []
        await happen(database, warehouse, project, [late])
        await evaluate(database, warehouse, clock)

        (message,) = await outbox(database, project)
        assert json.decode(message.payload)["body"]["value"] == 3

    async def test_what_stays_above_is_told_again_only_after_the_cooldown(
        self, database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
    ) -> None:
        counted: dict[str, Any] = {"rule_type": "issue.count_threshold", "cooldown_minutes": 20}
        await make_rule(database, vault, project, **counted)
        await happen(database, warehouse, project, [{}])
        clock, told = Clock(), []

        for minutes in (10, 9.9, 0.1, 60):
            await evaluate(database, warehouse, clock)
            told.append(len(await outbox(database, project)))
            clock.go_on(minutes)
        await evaluate(database, warehouse, clock)

        assert told == [1, 1, 1, 2]
        assert (await list_rules(database, project))[0].state == "ok"

    async def test_a_spike_needs_more_than_the_days_before(
        self, database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
    ) -> None:
        spike: dict[str, Any] = {"rule_type": "issue.frequency_spike", "threshold_count": 3}
        await make_rule(database, vault, project, **spike)
        day_us = 1440 * MINUTE_US
        usual = [
            {"at_us": NOW_US - day * day_us - MINUTE_US} for day in range(1, 8) for _ in range(4)
        ]
        clock = Clock()

        await happen(database, warehouse, project, [*usual, *([{}] * 10)])
        await evaluate(database, warehouse, clock)
        assert await outbox(database, project) == []
        await happen(database, warehouse, project, [{}])
        await evaluate(database, warehouse, clock)

        (message,) = await outbox(database, project)
        assert "against a baseline of 4.0" in message.payload

    @pytest.mark.parametrize(
        ("rule_type", "threshold"),
        [("transaction.error_rate", 60), ("transaction.p95_latency", 400)],
    )
    async def test_transactions_are_measured_by_name(
        self,
        database: Database,
        warehouse: Warehouse,
        vault: Vault,
        project: ProjectId,
        rule_type: str,
        threshold: int,
    ) -> None:
        query = RuleQuery(transaction_name="/pay")
        measured: dict[str, Any] = {"rule_type": rule_type, "threshold_count": threshold}
        await make_rule(database, vault, project, **measured, query=query)
        clock = Clock()

        def stored(name: str, count: int) -> None:
            rows = [
                Transaction(
                    project_id=project,
                    event_id=uuid.uuid4().hex,
                    timestamp_us=NOW_US - MINUTE_US,
                    received_at_us=NOW_US - MINUTE_US,
                    name=name,
                    duration_ns=400 * MS,
                    failed=True,
                )
                for _ in range(count)
            ]
            store_transactions(warehouse, rows)

        stored("/other", 9)
        stored("/pay", 4)
        await evaluate(database, warehouse, clock)
        (rule,) = await list_rules(database, project)
        assert (rule.state, await outbox(database, project)) == ("unknown", [])
        stored("/pay", 1)
        await evaluate(database, warehouse, clock)

        assert len(await outbox(database, project)) == 1


class TestOnce:
    async def test_two_evaluators_at_once_write_one_message(
        self, database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
    ) -> None:
        await make_rule(database, vault, project)
        await make_rule(database, vault, project, rule_type="issue.count_threshold")
        await happen(database, warehouse, project, [{}])

        clock = Clock()
        await asyncio.gather(*(evaluate(database, warehouse, clock) for _ in range(4)))
        await evaluate(database, warehouse, clock)

        assert len(await outbox(database, project)) == 2

    async def test_a_crash_before_the_look_is_noted_loses_nothing(
        self,
        database: Database,
        warehouse: Warehouse,
        vault: Vault,
        project: ProjectId,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await make_rule(database, vault, project)
        await happen(database, warehouse, project, [{}])

        async def dies(*_: object) -> None:
            raise RuntimeError("killed")

        with monkeypatch.context() as patched:
            patched.setattr(evaluating, "note_looks", dies)
            with pytest.raises(RuntimeError):
                await evaluate(database, warehouse, Clock())
        await evaluate(database, warehouse, Clock())

        assert len(await outbox(database, project)) == 1

    async def test_a_crash_between_look_and_firing_loses_nothing(
        self,
        database: Database,
        warehouse: Warehouse,
        vault: Vault,
        project: ProjectId,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await make_rule(database, vault, project)
        await happen(database, warehouse, project, [{}])

        async def dies(*_: object) -> None:
            raise RuntimeError("killed")

        with monkeypatch.context() as patched:
            # Within the transaction, after the rule was marked as fired.
            patched.setattr(alert_firing, "put_out", dies)
            with pytest.raises(RuntimeError):
                await evaluate(database, warehouse, Clock())
        (rule,) = await list_rules(database, project)
        assert (rule.last_fired_us, await outbox(database, project)) == (None, [])
        await evaluate(database, warehouse, Clock())
        await evaluate(database, warehouse, Clock())

        assert len(await outbox(database, project)) == 1

    async def test_a_store_that_does_not_answer_delays_and_loses_nothing(
        self,
        database: Database,
        warehouse: Warehouse,
        vault: Vault,
        project: ProjectId,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await make_rule(database, vault, project, environment="production")
        await happen(database, warehouse, project, [{}])

        async def away(*_: object) -> bool:
            raise WarehouseUnavailable("away")

        with monkeypatch.context() as patched:
            patched.setattr(evaluating, "matches", away)
            with pytest.raises(WarehouseUnavailable):
                await evaluate(database, warehouse, Clock())
        await evaluate(database, warehouse, Clock())

        assert len(await outbox(database, project)) == 1

    async def test_a_filter_that_costs_too_much_holds_up_no_other_alert(
        self,
        database: Database,
        warehouse: Warehouse,
        vault: Vault,
        project: ProjectId,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        other = await make_project(database)
        await make_rule(database, vault, project, environment="production")
        await make_rule(database, vault, other)
        await happen(database, warehouse, project, [{}])
        await happen(database, warehouse, other, [{}])

        async def dear(*_: object) -> bool:
            raise QueryTooExpensive("too many rows")

        monkeypatch.setattr(evaluating, "matches", dear)
        await evaluate(database, warehouse, Clock())

        assert [len(await outbox(database, one)) for one in (project, other)] == [1, 1]

    async def test_messages_are_kept_for_a_while(
        self, database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
    ) -> None:
        await make_rule(database, vault, project)
        await happen(database, warehouse, project, [{}])
        clock = Clock()
        await evaluate(database, warehouse, clock)
        async with database.session() as session:
            await session.execute(update(AlertOutbox).values(state="delivered"))

        clock.go_on(89 * 24 * 60)
        await evaluate(database, warehouse, clock)
        kept = len(await outbox(database, project))
        clock.go_on(2 * 24 * 60)
        await evaluate(database, warehouse, clock)

        assert (kept, await outbox(database, project)) == (1, [])


async def test_a_rule_that_is_off_or_has_no_channel_tells_nothing_and_keeps_nothing(
    database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
) -> None:
    ids = [
        await make_rule(database, vault, project, enabled=False),
        await make_rule(database, vault, project, channel_ids=()),
    ]

    await happen(database, warehouse, project, [{}])
    await evaluate(database, warehouse, Clock())

    async with database.reading() as session:
        kept = select(AlertHit).where(AlertHit.rule_id.in_(map(uuid.UUID, ids)))
        assert (await session.scalars(kept)).all() == []
    assert await outbox(database, project) == []


async def test_a_rule_tells_each_of_its_channels(
    database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
) -> None:
    channels = [await make_channel(database, vault, project) for _ in range(3)]
    await make_rule(database, vault, project, channel_ids=tuple(channels))

    await happen(database, warehouse, project, [{}])
    await evaluate(database, warehouse, Clock())

    assert sorted(str(row.channel_id) for row in await outbox(database, project)) == sorted(
        channels
    )


async def test_a_changed_rule_forgets_what_it_has_not_told(
    database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
) -> None:
    channel = await make_channel(database, vault, project)
    rule_id = await make_rule(database, vault, project, threshold_count=2, channel_ids=(channel,))
    await happen(database, warehouse, project, [{}])
    await evaluate(database, warehouse, Clock())

    form = RuleForm(
        name="Now",
        rule_type="issue.regression",
        threshold_window=60,
        threshold_count=1,
        channel_ids=(channel,),
    )
    await replace_rule(database, project, rule_id, form)
    await evaluate(database, warehouse, Clock())

    assert await outbox(database, project) == []
