"""Items that were made of the calls of a person who is erased."""

import uuid

from clickhouse.persons import Whose
from controlplane.database import Database
from sluice.erasing import erase_copies
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
        await erase_copies(database, world.warehouse, whose)

    for as_of in ("2", "3", "4"):
        kept = (await world.ask(f"{path}/items", as_of=as_of))["items"]
        assert [one["id"] for one in kept] == ["by-hand", his]
