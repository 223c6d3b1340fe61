"""How sessions fared, over rows as the stream stores them: the table of what counts as what."""

import asyncio
import random
import time
import uuid
from typing import Any

import pytest

from clickhouse.client import Warehouse
from clickhouse.errors.session_health import (
    Health,
    SessionFilter,
    health_by_release,
    health_course,
    read_health,
    sessions_over_time,
)
from grafana.boards import query_of
from grafana.plugin import View, expand
from schemas.projects import ProjectContext, ProjectId
from tests.integration.errors.conftest import Store

NOW_S = int(time.time())
HOUR_S = 3_600
ALL = SessionFilter(from_us=(NOW_S - 86_400) * 1_000_000, to_us=(NOW_S + 60) * 1_000_000)


def update(sid: str, seq: int, status: str = "ok", **more: Any) -> dict[str, Any]:
    attrs = {"release": more.pop("release", "shop@1.0"), "environment": more.pop("env", "prod")}
    began = more.pop("began", NOW_S - 600)
    return {"sid": sid, "seq": seq, "started": began, "status": status, "attrs": attrs, **more}


def sums(began: int = NOW_S - 600, **counts: Any) -> dict[str, Any]:
    return {"aggregates": [{"started": began, **counts}], "attrs": {"release": "shop@1.0"}}


def health(warehouse: Warehouse, project: ProjectContext, wanted: SessionFilter = ALL) -> Health:
    return asyncio.run(read_health(warehouse, project, wanted))


@pytest.mark.parametrize(
    ("sent", "counted"),
    [
        ([("ok", 0)], Health(1)),
        ([("exited", 0)], Health(1)),
        ([("ok", 1)], Health(1, errored=1)),
        ([("exited", 2)], Health(1, errored=1)),
        ([("errored", 0)], Health(1, errored=1)),
        ([("crashed", 1)], Health(1, crashed=1)),
        ([("crashed", 0)], Health(1, crashed=1)),
        ([("abnormal", 0)], Health(1, abnormal=1)),
        ([("unhandled", 1)], Health(1, unhandled=1)),
        ([("what is new", 0)], Health(1, errored=1)),
        ([("ok", 0), ("ok", 1), ("crashed", 2)], Health(1, crashed=1)),
        ([("ok", 3), ("exited", 0)], Health(1)),
    ],
    ids=lambda one: str(one) if isinstance(one, list) else "",
)
def test_a_session_counts_as_what_its_last_update_says(
    warehouse: Warehouse, project: ProjectContext, store: Store, sent: Any, counted: Health
) -> None:
    sid = str(uuid.uuid4())
    updates = [update(sid, n, status, errors=errors) for n, (status, errors) in enumerate(sent)]

    # Each in a block of its own, the last one first: neither says which is the last.
    for one in reversed(updates):
        store("session", [one])

    assert health(warehouse, project) == counted


def test_updates_that_come_again_and_in_any_order_change_nothing(
    warehouse: Warehouse, project: ProjectContext, store: Store
) -> None:
    chance = random.Random(11)
    last, updates = {}, []
    for number in range(120):
        sid = str(uuid.UUID(int=number + 1))
        statuses = ["ok", chance.choice(["ok", "exited", "crashed", "abnormal", "unhandled"])]
        updates += [update(sid, n, one, did=f"u{number % 50}") for n, one in enumerate(statuses)]
        last[number] = statuses[-1]
    again = [*updates, *chance.sample(updates, 60)]
    chance.shuffle(again)
    for first in range(0, len(again), 50):
        store("session", again[first : first + 50])

    found = health(warehouse, project)

    ends = list(last.values())
    assert (found.sessions, found.people) == (120, 50)
    assert found.crashed == ends.count("crashed")
    assert found.abnormal == ends.count("abnormal")
    assert found.unhandled == ends.count("unhandled")
    assert found.crashed_people == len({n % 50 for n, end in last.items() if end == "crashed"})


def test_sums_of_servers_are_added_to_single_sessions(
    warehouse: Warehouse, project: ProjectContext, store: Store
) -> None:
    store("session", [sums(exited=90, errored=5, abnormal=1, unhandled=1, crashed=3)])
    store("session", [sums(exited=8, crashed=1, did="ann"), update("a", 1, "exited", did="ann")])
    store("session", [update("b", 1, "exited", did="bob")])

    found = health(warehouse, project)

    assert found == Health(111, 5, 1, 1, 4, people=2, crashed_people=1)
    assert found.healthy == 100
    assert found.crash_free_sessions == pytest.approx(107 / 111 * 100)
    assert found.crash_free_users == 50.0


def test_without_sessions_or_people_there_is_no_rate(
    warehouse: Warehouse, project: ProjectContext, store: Store
) -> None:
    none = health(warehouse, project)
    store("session", [update("a", 1)])

    one = health(warehouse, project)

    assert (none.crash_free_sessions, none.crash_free_users) == (None, None)
    assert (one.crash_free_sessions, one.crash_free_users) == (100.0, None)


def test_releases_environments_and_moments_have_their_own(
    warehouse: Warehouse, project: ProjectContext, store: Store
) -> None:
    began = NOW_S - NOW_S % HOUR_S
    store(
        "session",
        [
            update("a", 1, "crashed", began=began - 5),
            update("b", 1, release="shop@2.0", began=began - HOUR_S - 5),
            update("c", 1, release="shop@2.0", env="qa", began=began - 5),
            sums(began=began - 5, exited=2),
        ],
    )

    async def ask() -> tuple[Any, ...]:
        own = SessionFilter(from_us=ALL.from_us, to_us=ALL.to_us, environment="prod")
        return (
            await health_by_release(warehouse, project, ALL),
            await health_by_release(warehouse, project, own),
            await health_course(warehouse, project, ALL, "hour"),
            await sessions_over_time(warehouse, project, ALL, "hour"),
        )

    releases, prod, hours, cells = asyncio.run(ask())

    assert releases == {"shop@1.0": Health(3, crashed=1), "shop@2.0": Health(2)}
    assert list(releases) == ["shop@1.0", "shop@2.0"]
    assert prod == {"shop@1.0": Health(1, crashed=1), "shop@2.0": Health(1)}
    earlier, later = ((began - n * HOUR_S) * 1_000_000 for n in (2, 1))
    assert hours == {earlier: Health(1), later: Health(4, crashed=1)}
    assert cells == {"shop@1.0": {later: 3}, "shop@2.0": {earlier: 1, later: 1}}


def test_another_project_has_its_own_sessions(
    warehouse: Warehouse, project: ProjectContext, store: Store
) -> None:
    store("session", [update("a", 1)])
    neighbour = ProjectContext(ProjectId(uuid.uuid4().hex))

    assert health(warehouse, neighbour) == Health()
    assert health(warehouse, project) == Health(1)


def test_grafana_shows_the_same_shares(
    warehouse: Warehouse, project: ProjectContext, store: Store
) -> None:
    store("session", [update("a", 0, did="ann"), update("b", 1, "exited", did="bob")])
    store("session", [update("a", 1, "crashed", did="ann"), sums(exited=7, crashed=1)])
    ends = ALL.from_us // 1000, ALL.to_us // 1000
    view = View(*ends, "utc", {"project": [project.project_id]})

    def shown(name: str) -> Any:
        sql = expand(query_of(f"errors: {name}").sql, view)
        return warehouse.query_now(sql, None, {}).rows

    found = health(warehouse, project)
    assert shown("Sessions") == [(found.sessions,)] == [(10,)]
    assert shown("Crashed sessions") == [(found.crashed,)] == [(2,)]
    assert shown("Crash-free sessions") == [(pytest.approx(0.8),)]
    assert shown("Crash-free users") == [(0.5,)]
    assert [row[0:2] for row in shown("Crash-free by release")] == [("shop@1.0", 10)]
