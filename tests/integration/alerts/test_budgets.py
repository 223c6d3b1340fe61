"""Budgets as they are evaluated: each threshold is told once, whatever crashes or comes late."""

import asyncio
import uuid
from typing import Any, NamedTuple

import msgspec
import pytest

from alerts.llm.budgets import BudgetEvaluation
from clickhouse.client import QueryResult, Warehouse
from controlplane.channels import list_channels
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.keys import KeyDraft, create_key
from controlplane.llm import budget_alerts
from controlplane.llm.budget_alerts import list_alerts
from controlplane.llm.budgets import add_budget, change_budget, list_budgets, remove_budget
from schemas.llm.budgets import Budget, BudgetChange, BudgetForm
from schemas.messages import Message
from schemas.projects import ProjectId
from sluice.demo_budgets import set_budgets
from sluice.erasing import erase_texts
from tests.integration.alerts.alerting import MINUTE_US, Clock, make_channel, outbox
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import make_trace

DOLLAR = 10**12
"""In pico-dollars."""
HOSTILE = "<!channel> <script>alert(1)</script>\"'\n*"


class World(NamedTuple):
    """A project with a channel, and a clock."""

    database: Database
    warehouse: Warehouse
    project_id: ProjectId
    clock: Clock

    async def budget(self, **changes: Any) -> Budget:
        channels = await list_channels(self.database, self.project_id)
        usual = {"name": "All", "amount": 10, "window": "day", "time_zone": "UTC"}
        fields = usual | {"channel_ids": [one.id for one in channels]} | changes
        form = msgspec.convert(fields, BudgetForm)
        return await add_budget(self.database, self.project_id, form)

    def call(self, dollars: float, **changes: Any) -> None:
        now = {"timestamp_us": self.clock.us, "received_at_us": self.clock.us}
        cost = {"reported_cost_pico": int(dollars * DOLLAR)}
        row = make_trace(self.project_id, uuid.uuid4().hex, **(now | cost | changes))
        store_traces(self.warehouse, [row])

    def evaluation(self) -> BudgetEvaluation:
        """A process that has just come: it knows nothing of what was told."""
        return BudgetEvaluation(self.database, self.warehouse, self.clock)

    async def told(self) -> list[Message]:
        rows = await outbox(self.database, self.project_id)
        return [msgspec.json.decode(row.payload, type=Message) for row in rows]

    async def thresholds(self) -> list[tuple[str | None, int | None]]:
        found = await list_alerts(self.database, self.project_id, 100)
        return sorted((one.entity or "", one.threshold or 0) for one in found)


@pytest.fixture
async def world(
    database: Database, warehouse: Warehouse, vault: Vault, project: ProjectId
) -> World:
    await make_channel(database, vault, project)
    return World(database, warehouse, project, Clock())


async def test_each_threshold_is_told_once_as_the_spend_grows(world: World) -> None:
    budget = await world.budget(thresholds=[50, 80, 100])
    evaluation = world.evaluation()

    counts = []
    for dollars in (4, 1, 0.5, 2.5, 0, 5):
        world.call(dollars)
        world.clock.go_on(1)
        await evaluation.work()
        counts.append(len(await world.told()))

    assert counts == [0, 1, 1, 2, 2, 3]
    assert await world.thresholds() == [("", 50), ("", 80), ("", 100)]
    first, *_, last = await world.told()
    assert first.subject == ("[Sluice] Budget All: 50 % used, $5.00 of $10.00 (threshold 50 %)")
    assert (first.urgency, last.urgency) == ("warning", "critical")
    body = msgspec.json.decode(last.body)
    assert (body["budget_id"], body["reached"]) == (
        budget.id,
        [{"entity": None, "threshold": 100, "spent": 13.0, "percent": 130.0}],
    )


async def test_of_several_at_once_the_greatest_is_told_and_none_again(world: World) -> None:
    await world.budget()
    world.call(9)

    for _ in range(2):
        await world.evaluation().work()

    assert len(await world.told()) == 1
    assert await world.thresholds() == [("", 80)]


async def test_two_processes_and_one_that_comes_again_tell_it_once(world: World) -> None:
    await world.budget(scope="user")
    for number in range(30):
        world.call(number, user_id=f"user-{number:02}")

    await asyncio.gather(*(world.evaluation().work() for _ in range(4)))
    await world.evaluation().work()

    (message,) = await world.told()
    assert "25 users reached a threshold" in message.subject
    assert message.text.splitlines()[0].startswith("user-29: 290 % used, $29.00 of $10.00")
    assert "and 5 more users" in message.text
    assert len(await world.thresholds()) == 25


async def test_people_are_told_the_name_of_a_key_and_programs_its_id(world: World) -> None:
    vault = Vault("a secret of the tests, longer than 32 characters")
    made = await create_key(world.database, vault, world.project_id, KeyDraft(HOSTILE))
    await world.budget(scope="key", thresholds=[100])
    world.call(20, api_key=made.key_id)
    world.call(20)

    await world.evaluation().work()

    (message,) = await world.told()
    assert message.text.startswith(f"{HOSTILE}: 200 % used, $20.00 of $10.00")
    reached = msgspec.json.decode(message.body)["reached"]
    assert [one["entity"] for one in reached] == [made.key_id]


async def test_a_process_that_dies_while_it_tells_leaves_nothing_half_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.budget()
    world.call(20)

    async def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(budget_alerts, "put_out", die)
        with pytest.raises(RuntimeError, match="killed"):
            await world.evaluation().work()
    assert (await world.told(), await world.thresholds()) == ([], [])

    await world.evaluation().work()

    assert len(await world.told()) == 1


async def test_a_new_window_is_told_anew_and_a_late_call_of_the_old_one_is_not(
    world: World,
) -> None:
    await world.budget()
    evaluation = world.evaluation()
    yesterday_us = world.clock.us
    world.call(20)
    await evaluation.work()
    world.clock.go_on(24 * 60)
    await evaluation.work()
    world.call(20, timestamp_us=yesterday_us)
    world.clock.go_on(1)
    await evaluation.work()
    assert len(await world.told()) == 1

    world.call(20)
    world.clock.go_on(1)
    await evaluation.work()

    assert len(await world.told()) == 2


async def test_a_rolling_window_is_told_again_after_its_length(world: World) -> None:
    await world.budget(window="rolling", hours=2, thresholds=[100])
    counts = []
    for _ in range(5):
        world.call(20)
        world.clock.go_on(60)
        await world.evaluation().work()
        counts.append(len(await world.told()))

    assert counts == [1, 1, 2, 2, 3]


async def test_a_greater_amount_is_told_anew_and_another_name_is_not(world: World) -> None:
    budget = await world.budget(thresholds=[100])
    of = (world.database, world.project_id, budget.id)
    evaluation = world.evaluation()
    world.call(20)
    await evaluation.work()

    for change, expected in (
        (b'{"name":"Other"}', 1),
        (b'{"amount":15}', 2),
        (b'{"amount":30}', 2),
    ):
        await change_budget(*of, msgspec.json.decode(change, type=BudgetChange))
        world.clock.go_on(1)
        await evaluation.work()
        assert len(await world.told()) == expected, change

    await remove_budget(*of)
    assert await world.thresholds() == []


async def test_texts_of_senders_stay_texts(world: World) -> None:
    await world.budget(name=HOSTILE, scope="metadata", metadata_key="`a'\\.b", amount=1)
    world.call(2, tags={"`a'\\.b": HOSTILE})

    await world.evaluation().work()

    (message,) = await world.told()
    assert msgspec.json.decode(message.body)["reached"][0]["entity"] == HOSTILE
    assert await world.thresholds() == [(HOSTILE, 100)]


async def test_a_call_of_another_project_counts_for_none_of_ours(
    world: World, database: Database, warehouse: Warehouse
) -> None:
    await world.budget(scope="user")
    store_traces(
        warehouse,
        [
            make_trace(
                uuid.uuid4().hex,
                "a",
                user_id="ann",
                reported_cost_pico=99 * DOLLAR,
                timestamp_us=world.clock.us,
            )
        ],
    )

    await world.evaluation().work()

    assert await world.told() == []


async def test_nothing_is_added_up_while_no_calls_come(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    query = Warehouse.query

    async def counted(self: Warehouse, sql: str, *others: Any, **settings: Any) -> QueryResult:
        asked.append(sql)
        return await query(self, sql, *others, **settings)

    await world.budget()
    evaluation = world.evaluation()
    world.call(1)
    await evaluation.work()
    monkeypatch.setattr(Warehouse, "query", counted)

    for _ in range(10):
        world.clock.us += MINUTE_US // 10
        await evaluation.work()
    idle = [sql for sql in asked if "system.parts" not in sql]
    world.call(1)
    world.clock.go_on(1)
    await evaluation.work()

    assert idle == []
    assert "FROM traces" in asked[-1]


async def test_an_unusual_hour_is_told_once_for_its_model(world: World) -> None:
    await world.budget(scope="model", measure="tokens", amount=10**9, anomaly_minimum=1000)
    await world.budget(name="Cents", measure="cost", amount=10**9, anomaly_minimum=50)
    week_us = 7 * 24 * 60 * MINUTE_US
    for age in range(1, 5):
        at = {"timestamp_us": world.clock.us - age * week_us, "input_tokens": 900}
        world.call(1, **at)
        world.call(1, **at, model_requested="other")
    world.call(2, input_tokens=5000, model_requested="other")
    world.call(1, input_tokens=1000)

    for _ in range(2):
        await asyncio.gather(world.evaluation().work(), world.evaluation().work())

    (message,) = await world.told()
    assert "other: 5,000 tokens, where 0 tokens is usual" in message.subject
    assert msgspec.json.decode(message.body)["anomalies"] == [
        {"entity": "other", "amount": 5000.0, "usual": 0.0}
    ]
    (alert,) = await list_alerts(world.database, world.project_id, 10)
    assert (alert.kind, alert.threshold, alert.entity) == ("anomaly", None, "other")


async def test_a_person_who_is_erased_is_in_no_budget_and_nothing_that_was_told(
    world: World,
) -> None:
    await world.budget(scope="user")
    await world.budget(name="Of ann", scope="user", value="ann")
    await world.budget(name="Of bob", scope="user", value="bob")
    world.call(20, user_id="ann")
    world.call(20, user_id="bob")
    await world.evaluation().work()

    for _ in range(2):
        await erase_texts(world.database, world.project_id, (), "ann")

    assert await world.thresholds() == [("bob", 100), ("bob", 100)]
    left = await list_budgets(world.database, world.project_id)
    assert [one.value for one in left] == [None, "bob"]
    assert all("ann" not in msgspec.json.encode(one).decode() for one in await world.told())


async def test_the_demo_makes_its_budgets_once(world: World) -> None:
    for _ in range(2):
        await set_budgets(world.database, world.project_id)

    made = await list_budgets(world.database, world.project_id)
    found = [(one.scope, one.window) for one in made]
    assert found == [("project", "month"), ("key", "week"), ("user", "day")]
