"""What Sluice promises of every kind of the registry, on both logs."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clickhouse.retention import Expiry, Keeping, purge_projects
from schemas.kinds import KINDS, Kind
from schemas.projects import ProjectId
from tests.e2e.server import Project, create_project, wait_for
from tests.promises.installations import Installation
from tests.promises.sample import Sample, samples_by_kind

SAMPLES = samples_by_kind()
EVERY_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
DAY_NS = 86_400 * 10**9


@pytest.fixture
def project(installation: Installation) -> Project:
    return create_project(installation.front)


@pytest.fixture
def sample(kind: Kind) -> Sample:
    return SAMPLES[kind.name]


def send(running: Installation, project: Project, sample: Sample, items: list[bytes]) -> None:
    assert running.post(project, sample.path, sample.body(items)) == sample.status


def outcomes(running: Installation, project: Project, kind: Kind) -> dict[str, int]:
    return project.outcomes(kind=kind.name)


def rows(running: Installation, project: Project, kind: Kind) -> list[int]:
    return [running.count(project, table.name) for table in kind.tables]


@EVERY_KIND
def test_what_is_accepted_survives_a_kill_and_is_stored_once(
    installation: Installation, project: Project, kind: Kind, sample: Sample
) -> None:
    for _ in range(10):
        send(installation, project, sample, sample.items(5))
    installation.kill()
    installation.wait_stored()

    ids = installation.ids(project, kind)

    assert len(ids) == len(set(ids)) == 50
    assert outcomes(installation, project, kind) == {"received": 50, "accepted": 50}


@EVERY_KIND
def test_what_is_sent_again_is_counted_and_not_stored(
    installation: Installation, project: Project, kind: Kind, sample: Sample
) -> None:
    items = sample.items(4)
    send(installation, project, sample, items)
    installation.wait_stored()
    before = rows(installation, project, kind)

    send(installation, project, sample, [*items, *items])
    installation.wait_stored()

    assert before[0] == 4
    assert rows(installation, project, kind) == before
    assert outcomes(installation, project, kind) == {
        "received": 12, "accepted": 4, "duplicate": 8,
    }  # fmt: skip


@EVERY_KIND
def test_records_that_come_again_change_nothing(
    installation: Installation, project: Project, kind: Kind, sample: Sample
) -> None:
    send(installation, project, sample, sample.items(6))
    installation.wait_stored()
    before = rows(installation, project, kind)

    installation.rewind()
    installation.wait_stored()

    assert before[0] == 6
    assert rows(installation, project, kind) == before
    assert outcomes(installation, project, kind) == {"received": 6, "accepted": 6}


@EVERY_KIND
def test_an_item_that_no_step_takes_is_a_dead_letter_and_is_replayed(
    installation: Installation, project: Project, kind: Kind, sample: Sample, tmp_path: Path
) -> None:
    first, last, fixed = sample.items(3)
    installation.produce(project, kind, [first, sample.spoiled, last], time.time_ns())
    installation.wait_stored()
    dead = outcomes(installation, project, kind)
    listed = installation.front.run("dead", "list", "--project", project.project_id)
    (ref,) = [word for word in listed.split() if word.startswith(f"{kind.topic}:")]
    body = tmp_path / "item"
    body.write_bytes(fixed)

    installation.front.run("dead", "replay", ref, "--body", str(body))
    wait_for(lambda: len(installation.ids(project, kind)) == 3, "the replayed item")
    installation.wait_stored()

    assert dead == {"received": 3, "accepted": 2, "dead": 1}
    assert outcomes(installation, project, kind) == {"received": 3, "accepted": 3}


@EVERY_KIND
def test_what_was_received_too_long_ago_leaves_every_table(
    installation: Installation, project: Project, kind: Kind, sample: Sample
) -> None:
    installation.produce(project, kind, sample.items(3), time.time_ns() - 100 * DAY_NS)
    send(installation, project, sample, sample.items(2))
    installation.wait_stored()
    before = rows(installation, project, kind)

    keeping = Keeping(datetime.now(UTC).date(), default_days=90, own_days={})
    assert asyncio.run(Expiry(installation.store).run(keeping, limit_s=60))

    after = rows(installation, project, kind)
    assert (before[0], after[0]) == (5, 2)
    assert all(0 < late < early for early, late in zip(before, after, strict=True))


@EVERY_KIND
def test_a_deleted_project_leaves_every_table(
    installation: Installation, project: Project, kind: Kind, sample: Sample
) -> None:
    neighbour = create_project(installation.front)
    for owner in (project, neighbour):
        send(installation, owner, sample, sample.items(3))
    installation.wait_stored()
    before = rows(installation, neighbour, kind)

    asyncio.run(purge_projects(installation.store, [ProjectId(project.project_id)]))

    assert rows(installation, project, kind) == [0 for _ in kind.tables]
    assert rows(installation, neighbour, kind) == before
    assert before[0] == 3


def test_every_kind_has_a_sample() -> None:
    assert set(SAMPLES) == {kind.name for kind in KINDS}


def test_names_wires_and_tables_belong_to_one_kind_each() -> None:
    for names in (
        [kind.name for kind in KINDS],
        [kind.wire for kind in KINDS],
        [table.name for kind in KINDS for table in kind.tables],
    ):
        assert len(names) == len(set(names))
