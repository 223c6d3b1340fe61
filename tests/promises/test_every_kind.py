"""What Sluice promises of every kind of the registry, on both logs."""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from clickhouse.retention import Expiry, Keeping, purge_projects
from eventlog.replays import replacement
from schemas.kinds import KINDS, OTEL_RECORD, Kind
from schemas.projects import ProjectId
from tests.e2e.server import Project, create_project, wait_for
from tests.promises.installations import Installation
from tests.promises.sample import samples_by_kind

T = TypeVar("T")
pytestmark = pytest.mark.slow

SAMPLES = samples_by_kind()
NAMED = os.environ.get("PROMISES_OF", "").split()
TRIED = tuple(kind for kind in KINDS if not NAMED or kind.name in NAMED)
"""All kinds; where kinds were added to a copy of the code, those and one of ours."""
DAY_NS = 86_400 * 10**9
# Each test runs over all kinds at once: a kill, a replay or a purge meets them together, as it does
# in real life, and an installation is started once for all of them.


@pytest.fixture
def project(installation: Installation) -> Project:
    return create_project(installation.front)


def send(running: Installation, project: Project, kind: Kind, items: list[bytes]) -> None:
    sample = SAMPLES[kind.name]
    if not sample.path:
        running.produce(project, kind, items, time.time_ns(), id_of=sample.id_of)
        return
    assert running.post(project, sample.path, sample.body(items)) == sample.status, kind.name


def of_each(ask: Callable[[Kind], T]) -> dict[str, T]:
    """Returns what is said of each kind, by its name."""
    return {kind.name: ask(kind) for kind in TRIED}


def same_for_each(value: T) -> dict[str, T]:
    """Returns what must be said of every kind."""
    return of_each(lambda _: value)


def outcomes(project: Project) -> dict[str, dict[str, int]]:
    return of_each(lambda kind: project.outcomes(kind=kind.name))


def rows(running: Installation, project: Project) -> dict[str, list[int]]:
    """Returns how many rows each table of each kind has."""
    return of_each(lambda kind: [len(running.ids(project, kind, table)) for table in kind.tables])


def items_stored(counts: dict[str, list[int]]) -> dict[str, int]:
    return {name: tables[0] for name, tables in counts.items()}


def test_what_is_accepted_survives_a_kill_and_is_stored_once(
    installation: Installation, project: Project
) -> None:
    for _ in range(10):
        for kind in TRIED:
            send(installation, project, kind, SAMPLES[kind.name].items(5))
    installation.kill()
    installation.wait_stored()

    ids = of_each(lambda kind: installation.ids(project, kind))

    assert {name: len(found) for name, found in ids.items()} == same_for_each(50)
    assert {name: len(set(found)) for name, found in ids.items()} == same_for_each(50)
    assert outcomes(project) == same_for_each({"received": 50, "accepted": 50})


def test_what_is_sent_again_is_counted_and_not_stored(
    installation: Installation, project: Project
) -> None:
    items = of_each(lambda kind: SAMPLES[kind.name].items(4))
    for kind in TRIED:
        send(installation, project, kind, items[kind.name])
    installation.wait_stored()
    before = rows(installation, project)

    for kind in TRIED:
        send(installation, project, kind, items[kind.name] * 2)
    installation.wait_stored()

    assert items_stored(before) == same_for_each(4)
    assert rows(installation, project) == before
    assert outcomes(project) == same_for_each({"received": 12, "accepted": 4, "duplicate": 8})


def test_records_that_come_again_change_nothing(
    installation: Installation, project: Project
) -> None:
    for kind in TRIED:
        send(installation, project, kind, SAMPLES[kind.name].items(6))
    installation.wait_stored()
    before = rows(installation, project)

    installation.rewind()
    installation.wait_stored()

    assert items_stored(before) == same_for_each(6)
    assert rows(installation, project) == before
    assert outcomes(project) == same_for_each({"received": 6, "accepted": 6})


def test_an_item_that_no_step_takes_is_a_dead_letter_and_is_replayed(
    installation: Installation,
) -> None:
    projects = of_each(lambda kind: create_project(installation.front, kind.name))
    fixed = {}
    for kind in TRIED:
        first, last, fixed[kind.name] = SAMPLES[kind.name].items(3)
        bodies = [first, SAMPLES[kind.name].spoiled, last]
        installation.produce(projects[kind.name], kind, bodies, time.time_ns())
    installation.wait_stored()
    dead = of_each(lambda kind: projects[kind.name].outcomes(kind=kind.name))

    with installation.box() as box:
        by_project = {one.project_id: one.ref for one in box.summaries()}
        for kind in TRIED:
            dead_letter = box.find(by_project[ProjectId(projects[kind.name].project_id)])
            box.replay(dead_letter, replacement(dead_letter, fixed[kind.name], None))

    def stored() -> dict[str, int]:
        return of_each(lambda kind: len(installation.ids(projects[kind.name], kind)))

    wait_for(lambda: stored() == same_for_each(3), "the replayed items")
    installation.wait_stored()
    assert dead == same_for_each({"received": 3, "accepted": 2, "dead": 1})
    assert of_each(lambda kind: projects[kind.name].outcomes(kind=kind.name)) == same_for_each(
        {"received": 3, "accepted": 3}
    )


def test_what_was_received_too_long_ago_leaves_every_table(
    installation: Installation, project: Project
) -> None:
    for kind in TRIED:
        sample = SAMPLES[kind.name]
        installation.produce(project, kind, sample.items(3), time.time_ns() - 100 * DAY_NS)
        send(installation, project, kind, sample.items(2))
    installation.wait_stored()
    before = rows(installation, project)

    keeping = Keeping(datetime.now(UTC).date(), default_days=90, own_days={})
    assert asyncio.run(Expiry(installation.store).run(keeping, limit_s=60))

    after = rows(installation, project)
    assert items_stored(before) == same_for_each(5)
    assert items_stored(after) == same_for_each(2)
    for name, tables in after.items():
        assert all(0 < late < early for early, late in zip(before[name], tables, strict=True)), name


def test_a_deleted_project_leaves_every_table(installation: Installation, project: Project) -> None:
    neighbour = create_project(installation.front)
    for kind in TRIED:
        for owner in (project, neighbour):
            send(installation, owner, kind, SAMPLES[kind.name].items(3))
    installation.wait_stored()
    before = rows(installation, neighbour)

    asyncio.run(purge_projects(installation.store, [ProjectId(project.project_id)]))

    assert rows(installation, project) == of_each(lambda kind: [0 for _ in kind.tables])
    assert rows(installation, neighbour) == before
    assert items_stored(before) == same_for_each(3)


def test_every_kind_has_a_sample() -> None:
    assert set(SAMPLES) == {kind.name for kind in KINDS}


def test_names_wires_and_first_tables_belong_to_one_kind_each() -> None:
    for names in (
        [kind.name for kind in KINDS],
        [kind.wire for kind in KINDS],
        # Log records are in one table, whoever sends them.
        [kind.tables[0].name for kind in KINDS if kind is not OTEL_RECORD],
    ):
        assert len(names) == len(set(names))
