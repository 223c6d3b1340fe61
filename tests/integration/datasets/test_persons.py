"""Items that were made of the calls of a person who is erased."""

import uuid

from clickhouse.persons import Whose
from controlplane.database import Database
from sluice.person_items import DatasetItems
from tests.integration.datasets.conftest import World
from tests.integration.queries.rows import START_US, make_trace

OTEL = "5b8efff798038103d269b633813fc60c"


async def test_items_of_a_persons_calls_go_and_those_of_others_stay(
    world: World, database: Database
) -> None:
    hers, his = str(uuid.uuid4()), str(uuid.uuid4())
    path = await world.dataset(items=[{"id": "by-hand", "input": "Ann's own words"}])
    told = f"{OTEL}-00000000000000a1"
    for trace_id, who in ((hers, "ann"), (his, "bob"), (told, "ann")):
        world.store(make_trace(world.project_id, trace_id, user_id=who))
    assert (await world.key.post(f"{path}/from-calls")).status_code == 201
    await world.key.patch(f"{path}/items/{hers}", json={"input": "edited"})
    await world.key.post(f"{path}/items", json={"id": "trace", "input": 1, "trace_id": OTEL})

    for _ in range(2):
        whose = Whose(world.project_id, "ann", START_US + 10**9)
        await DatasetItems().erase(database, world.warehouse, whose)

    for as_of in ("2", "3", "4"):
        kept = (await world.ask(f"{path}/items", as_of=as_of))["items"]
        assert [one["id"] for one in kept] == ["by-hand", his]


async def test_items_of_calls_that_are_gone_are_told_and_erased(
    world: World, database: Database
) -> None:
    hers, his, later = (str(uuid.uuid4()) for _ in range(3))
    path = await world.dataset(items=[])
    for trace_id, who in ((hers, "ann"), (his, "bob"), (later, "ann")):
        world.store(make_trace(world.project_id, trace_id, user_id=who, session_id="s"))
    sent = {"id": "sent", "input": 1, "trace_id": later}
    assert (await world.key.post(f"{path}/items", json=sent)).status_code == 201
    assert (await world.key.post(f"{path}/from-calls")).status_code == 201
    await world.key.patch(f"{path}/items/{hers}", json={"input": "edited"})
    gone = "ALTER TABLE traces DELETE WHERE project_id = {p:String}"
    world.warehouse.command_now(gone, {"p": world.project_id}, {"mutations_sync": 1})

    whose = Whose(world.project_id, "ann", START_US + 10**9)
    items = DatasetItems()
    told = [row async for row in items.rows(database, world.warehouse, whose)]
    await items.erase(database, world.warehouse, whose)

    assert {(row["id"], row["user_id"], row["session_id"]) for row in told} == {
        (one, "ann", "s") for one in (hers, later, "sent")
    }
    kept = (await world.ask(f"{path}/items"))["items"]
    assert [one["id"] for one in kept] == [his]


async def test_a_call_that_says_more_than_an_item_keeps_becomes_an_item_without_it(
    world: World,
) -> None:
    sent, copied = str(uuid.uuid4()), str(uuid.uuid4())
    path = await world.dataset(items=[])
    for trace_id, who in ((sent, "ann"), (copied, 513 * "a")):
        call = make_trace(world.project_id, trace_id, user_id=who, session_id=201 * "s")
        world.store(call)

    item = {"id": "sent", "input": 1, "trace_id": sent, "session_id": "own"}
    one = await world.key.post(f"{path}/items", json=item)
    all_of_them = await world.key.post(f"{path}/from-calls")

    assert (one.status_code, all_of_them.status_code) == (201, 201)
    found = (await world.ask(f"{path}/items"))["items"]
    assert {one["id"]: (one["user_id"], one["session_id"]) for one in found} == {
        **{"sent": ("ann", "own"), sent: ("ann", None), copied: (None, None)}
    }
