"""Error events read back: pages, filters, and one event with its body."""

from typing import Any

import pytest

from clickhouse.client import Warehouse
from clickhouse.errors.event_filters import EventFilter
from clickhouse.errors.events import EventLine, get_event, list_events
from schemas.projects import ProjectContext, ProjectId
from tests.integration.errors.conftest import Store

NOW_US = 1_795_946_400_000_000
SECOND_US = 1_000_000


def event(number: int, **fields: Any) -> dict[str, Any]:
    """Returns an event that happened so many seconds before now."""
    return {"timestamp": NOW_US // SECOND_US - number, "message": f"m{number}", **fields}


@pytest.fixture
def stored(store: Store) -> list[str]:
    """Stores ten events, newest first; those of even number are of one group."""
    items = [event(number, exception={"type": "AB"[number % 2]}) for number in range(10)]
    for item in items:
        item["message"] = "same"
    return store("error", items, received_at_us=NOW_US)


async def lines(
    warehouse: Warehouse, project: ProjectContext, limit: int = 100, **wanted: Any
) -> list[EventLine]:
    return await list_events(warehouse, project, EventFilter(**wanted), limit=limit)


async def test_pages_follow_each_other_in_both_orders(
    warehouse: Warehouse, project: ProjectContext, stored: list[str]
) -> None:
    for order in ("newest", "oldest"):
        found: list[EventLine] = []
        while page := await list_events(
            warehouse,
            project,
            EventFilter(),
            limit=3,
            order=order,
            beyond=found[-1].place if found else None,
        ):
            found += page

        expected = stored if order == "newest" else stored[::-1]
        assert [line.event_id for line in found] == expected


async def test_events_of_one_moment_are_on_one_page_each(
    warehouse: Warehouse, project: ProjectContext, store: Store
) -> None:
    ids = store("error", [event(0) for _ in range(5)], received_at_us=NOW_US)

    first = await lines(warehouse, project, limit=2)
    rest = await list_events(warehouse, project, EventFilter(), limit=9, beyond=first[-1].place)

    assert sorted(line.event_id for line in [*first, *rest]) == sorted(ids)


async def test_events_of_a_group_are_found_by_its_hash(
    warehouse: Warehouse, project: ProjectContext, stored: list[str]
) -> None:
    all_lines = await lines(warehouse, project)
    hashes = [line.group_hash for line in all_lines]

    one = await lines(warehouse, project, group_hashes=(hashes[0],))
    both = await lines(warehouse, project, group_hashes=(hashes[0], hashes[1]))
    none = await lines(warehouse, project, group_hashes=())

    assert [line.event_id for line in one] == stored[::2]
    assert [line.event_id for line in both] == stored
    assert none == []


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"from_us": NOW_US - SECOND_US}, [0, 1]),
        ({"to_us": NOW_US - SECOND_US}, [1, 2, 3]),
        ({"levels": ("fatal", "info")}, [0, 3]),
        ({"environment": "qa"}, [1]),
        ({"release": "r1"}, [2]),
        ({"user": "u7"}, [0]),
        ({"transaction": "/pay"}, [3]),
        ({"server_name": "web-1"}, [2]),
        ({"trace_id": "ab12"}, [1]),
        ({"handled": False}, [2]),
        ({"tags": (("a.b", "2026-11-29"), ("c", "x"))}, [3]),
        ({"text": "M1"}, [1]),
        ({"text": "%"}, []),
    ],
)
async def test_filters_narrow_a_list(
    warehouse: Warehouse,
    project: ProjectContext,
    store: Store,
    wanted: dict[str, Any],
    expected: list[int],
) -> None:
    thrown = {"type": "E", "mechanism": {"handled": False}}
    ids = store(
        "error",
        [
            event(0, level="fatal", user={"id": "u7"}),
            event(1, environment="qa", contexts={"trace": {"trace_id": "ab12"}}),
            event(2, release="r1", server_name="web-1", exception=thrown),
            event(3, level="info", transaction="/pay", tags={"a.b": "2026-11-29", "c": "x"}),
        ],
        received_at_us=NOW_US,
    )

    found = await lines(warehouse, project, **wanted)

    assert [ids.index(line.event_id) for line in found] == expected


async def test_one_event_is_read_with_its_body(
    warehouse: Warehouse, project: ProjectContext, store: Store
) -> None:
    item = event(4, exception={"type": "Käse", "value": "ü😀"}, extra={"a": 1}, level="warn")
    (event_id,) = store("error", [item], received_at_us=NOW_US)

    found = await get_event(warehouse, project, event_id)
    dashed = f"{event_id[:8]}-{event_id[8:12]}-{event_id[12:16]}-{event_id[16:20]}-{event_id[20:]}"
    again = await get_event(warehouse, project, dashed.upper())

    assert found is not None
    assert found.event.exceptions[0].value == "ü😀"
    assert found.event.event_id == found.line.event_id == event_id
    assert (found.line.type, found.line.level, found.line.handled) == ("Käse", "warning", None)
    assert (found.line.at_us, found.line.received_at_us) == (NOW_US - 4 * SECOND_US, NOW_US)
    assert (found.grouping, found.other_fingerprints) == ("plain", ("other",))
    assert again == found


async def test_no_other_project_sees_an_event(
    warehouse: Warehouse, project: ProjectContext, store: Store
) -> None:
    (event_id,) = store("error", [event(0)], received_at_us=NOW_US)
    other = ProjectContext(ProjectId("other"))

    assert await get_event(warehouse, other, event_id) is None
    assert await lines(warehouse, other) == []
    assert await get_event(warehouse, project, "0" * 32) is None
