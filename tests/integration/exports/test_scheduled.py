"""Scheduled exports: what a run writes, when it is due, who runs it, who is told of failures."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from clickhouse.client import Warehouse
from clickhouse.exports.registry import EXPORTED
from controlplane import exports
from controlplane.channels import add_channel
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.outbox_models import AlertOutbox
from processors.exports import scheduled
from processors.exports.scheduled import Places, Schedules, Stretch, Sums, stretch_of
from processors.exports.slices import Grain, Slice
from processors.exports.stored import us_of
from processors.exports.targets import S3Access
from schemas.channels import ChannelConfig, ChannelForm
from schemas.exports import Plan, Schedule
from schemas.projects import ProjectContext, ProjectId
from tests.integration.exports.bucket import ACCESS_KEY, SECRET_KEY, fake_s3
from tests.integration.exports.test_files import store_calls
from tests.integration.exports.test_runs import files_in, ids_in
from tests.integration.issues.seen import make_project

SECRET = "a secret of the tests, longer than 32 characters"
DAILY = Plan("day", "parquet", "folder")
"""`store_calls` stores ten calls a day, from 1 June on."""


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2025, 6, 2, 0, 20, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def database(
    migrated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Database]:
    file = shutil.copy(migrated_file, tmp_path_factory.mktemp("plane") / "control.db")
    database = Database(f"sqlite:///{file}")
    yield database
    await database.close()


@pytest.fixture
async def project(database: Database) -> ProjectContext:
    return ProjectContext(await make_project(database))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def places(root: Path) -> Places:
    return Places(folder=str(root))


async def planned(database: Database, project: ProjectContext, plan: Plan, clock: Clock) -> None:
    await exports.set_schedule(database, project.project_id, plan, now_us=us_of(clock.now))


async def state(database: Database, project: ProjectContext) -> Schedule:
    found = await exports.find_schedule(database, project.project_id)
    assert found is not None
    return found


async def test_each_run_writes_the_days_that_are_over(
    database: Database, warehouse: Warehouse, project: ProjectContext, tmp_path: Path, clock: Clock
) -> None:
    store_calls(warehouse, project, 25)
    runner = Schedules(database, warehouse, places(tmp_path), clock)
    await planned(database, project, DAILY, clock)

    await runner.work()
    first, of_first = await state(database, project), files_in(tmp_path)
    await runner.work()  # nothing is due
    clock.now += timedelta(days=1)
    await runner.work()
    second = await state(database, project)

    own = tmp_path / project.project_id
    assert len(ids_in(own)) == 20
    assert {path.parent.name for path in own.rglob("*.parquet")} == {  # noqa: ASYNC240
        "received_date=2025-06-01",
        "received_date=2025-06-02",
    }
    assert of_first.items() <= files_in(tmp_path).items()
    assert (first.rows, first.error, first.is_running) == (10, "", False)
    assert (second.rows, second.failures) == (10, 0)
    assert first.done_before_us == us_of(datetime(2025, 6, 2, tzinfo=UTC))
    assert first.next_us == us_of(datetime(2025, 6, 3, 0, 15, tzinfo=UTC))


async def test_hours_have_folders_of_their_own(
    database: Database, warehouse: Warehouse, project: ProjectContext, tmp_path: Path, clock: Clock
) -> None:
    store_calls(warehouse, project, 25)
    await planned(database, project, Plan("hour", "jsonl", "folder"), clock)

    await Schedules(database, warehouse, places(tmp_path), clock).work()

    names = {name.split("/", 1)[1] for name in files_in(tmp_path) if name.endswith(".jsonl")}
    # The eleventh came at midnight, in an hour that is not over.
    hours = (0, 2, 4, 7, 9, 12, 14, 16, 19, 21)
    assert names == {
        f"traces/received_date=2025-06-01/received_hour={hour:02}/part-00000.jsonl"
        for hour in hours
    }
    assert (await state(database, project)).next_us == us_of(
        datetime(2025, 6, 2, 1, 15, tzinfo=UTC)
    )


async def test_a_failure_is_told_once_and_tried_again_later_each_time(
    database: Database,
    warehouse: Warehouse,
    project: ProjectContext,
    tmp_path: Path,
    clock: Clock,
) -> None:
    store_calls(warehouse, project, 10)
    hook = ChannelForm(
        name="ops",
        kind="slack",
        config=ChannelConfig(webhook_url="https://hooks.slack.com/services/T0/B0/secret"),
    )
    await add_channel(database, Vault(SECRET), project.project_id, hook)
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    runner = Schedules(database, warehouse, places(blocked), clock, wait_s=0.0)
    await planned(database, project, DAILY, clock)

    pauses = []
    for _ in range(3):
        await runner.work()
        failed = await state(database, project)
        pauses.append(failed.next_us - us_of(clock.now))
        clock.now += timedelta(microseconds=pauses[-1])
    await Schedules(database, warehouse, places(tmp_path / "good"), clock).work()

    assert pauses == [60_000_000, 120_000_000, 240_000_000]
    assert failed.failures == 3
    assert failed.error == "the folder refused it: Not a directory"
    async with database.reading() as session:
        told = list(await session.scalars(select(AlertOutbox)))
    assert [(one.source, one.target_kind) for one in told] == [("exports", "slack")]
    assert "the export of the day failed" in told[0].payload
    good = await state(database, project)
    assert (good.failures, good.error, good.rows) == (0, "", 10)


async def test_one_process_runs_it_and_another_takes_over_when_nothing_is_heard(
    database: Database, warehouse: Warehouse, project: ProjectContext, tmp_path: Path, clock: Clock
) -> None:
    store_calls(warehouse, project, 10)
    await planned(database, project, DAILY, clock)
    gone = await exports.take_schedule(database, "gone", us_of(clock.now))

    await Schedules(database, warehouse, places(tmp_path), clock).work()
    waited = files_in(tmp_path)
    clock.now += timedelta(microseconds=exports.LEASE_US)
    await Schedules(database, warehouse, places(tmp_path), clock).work()
    late = exports.Ended(now_us=0, next_us=0, rows=0, bytes=0, error="late")
    await exports.end_schedule(database, project.project_id, "gone", late)

    assert gone is not None
    assert waited == {}
    assert len(ids_in(tmp_path)) == 10
    assert (await state(database, project)).error == ""


async def test_a_bucket_has_a_prefix_for_each_project(
    database: Database, warehouse: Warehouse, project: ProjectContext, clock: Clock
) -> None:
    store_calls(warehouse, project, 10)
    await planned(database, project, Plan("day", "csv", "s3"), clock)

    async with fake_s3() as store:
        access = S3Access(store.url, "eu", ACCESS_KEY, SECRET_KEY)
        there = Places(s3_url="s3://data/exports", access=access)
        await Schedules(database, warehouse, there, clock).work()

    day = f"data/exports/{project.project_id}/traces/received_date=2025-06-01"
    assert sorted(store.objects) == [f"{day}/_manifest.csv.json", f"{day}/part-00000.csv"]


async def test_a_place_that_the_operator_took_away_is_a_failure(
    database: Database, warehouse: Warehouse, project: ProjectContext, clock: Clock
) -> None:
    await planned(database, project, DAILY, clock)

    await Schedules(database, warehouse, Places(), clock).work()

    assert "SLUICE_EXPORT_FOLDER" in (await state(database, project)).error


async def test_another_plan_begins_from_the_first_row(
    database: Database, warehouse: Warehouse, project: ProjectContext, tmp_path: Path, clock: Clock
) -> None:
    store_calls(warehouse, project, 10)
    runner = Schedules(database, warehouse, places(tmp_path), clock)
    await planned(database, project, DAILY, clock)
    await runner.work()
    await planned(database, project, DAILY, clock)
    kept = (await state(database, project)).done_before_us

    await planned(database, project, Plan("day", "jsonl", "folder"), clock)
    await runner.work()

    assert kept > 0
    assert {Path(name).suffix for name in files_in(tmp_path)} == {".json", ".jsonl", ".parquet"}
    await exports.remove_schedule(database, project.project_id)
    assert await exports.find_schedule(database, project.project_id) is None


@pytest.mark.parametrize(
    ("every", "done", "before", "expected"),
    [
        ("hour", None, (1, 9), (None, (1, 0))),
        ("hour", (1, 8), (1, 9), None),
        ("hour", (1, 23), (2, 0), ((1, 0), (2, 0))),
        ("day", (1, 0), (2, 0), ((1, 0), (2, 0))),
    ],
)
def test_rows_that_change_are_written_anew_once_a_day_for_as_long_as_they_may(
    every: Grain,
    done: tuple[int, int] | None,
    before: tuple[int, int],
    expected: tuple[tuple[int, int] | None, tuple[int, int]] | None,
) -> None:
    def at(moment: tuple[int, int] | None) -> datetime:
        return (
            datetime(2025, 6, *moment, tzinfo=UTC) if moment else datetime(1970, 1, 1, tzinfo=UTC)
        )

    changing = timedelta(days=EXPORTED["deployments"].changes_days)
    taken = Schedule(
        project_id=ProjectId("p"),
        plan=Plan(every, "jsonl", "folder"),
        next_us=0,
        done_before_us=us_of(at(done)),
        started_us=0,
        ended_us=None,
        rows=0,
        bytes=0,
        failures=0,
        error="",
        is_running=True,
    )

    stretch = stretch_of("deployments", taken, at(before))
    plain = stretch_of("traces", taken, at(before))

    assert plain == Stretch(at(done), at(before), every)
    if expected is None:
        assert stretch is None
    else:
        first, last = expected
        began = at(first) - changing if first else at(None)
        assert stretch == Stretch(began, at(last), "day")


def test_a_day_of_rows_that_change_is_not_over_while_they_may() -> None:
    day = datetime(2025, 6, 1, tzinfo=UTC)
    of_calls, of_uptime = (
        Slice(table, day, day + timedelta(days=1)) for table in ("traces", "uptime_days")
    )
    morning = day + timedelta(days=1, hours=6)

    assert [one.is_over(morning) for one in (of_calls, of_uptime)] == [True, False]
    assert of_uptime.is_over(morning + timedelta(days=2))


async def test_a_long_export_of_one_project_keeps_no_other_waiting(
    database: Database,
    warehouse: Warehouse,
    project: ProjectContext,
    tmp_path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = ProjectContext(await make_project(database, "Other"))
    for one in (project, other):
        store_calls(warehouse, one, 10)
        await planned(database, one, DAILY, clock)
        clock.now += timedelta(microseconds=1)
    ended = asyncio.Event()
    run, end = Schedules._run, exports.end_schedule

    async def slow_run(self: Schedules, taken: Schedule, written: Sums) -> None:
        if taken.project_id == project.project_id:
            await asyncio.wait_for(ended.wait(), 30)
        await run(self, taken, written)

    async def noting_end(*arguments: Any) -> None:
        await end(*arguments)
        ended.set()

    monkeypatch.setattr(Schedules, "_run", slow_run)
    monkeypatch.setattr(scheduled, "end_schedule", noting_end)
    await Schedules(database, warehouse, places(tmp_path), clock).work()

    for one in (project, other):
        assert len(ids_in(tmp_path / one.project_id)) == 10
        assert (await state(database, one)).error == ""


async def _broken(*_: object) -> None:
    raise ZeroDivisionError


async def test_a_bug_ends_a_run_and_is_told(
    database: Database,
    warehouse: Warehouse,
    project: ProjectContext,
    tmp_path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await planned(database, project, DAILY, clock)
    monkeypatch.setattr(Schedules, "_run", _broken)
    await Schedules(database, warehouse, places(tmp_path), clock).work()

    found = await state(database, project)
    assert (found.error, found.is_running) == ("a bug of ours: ZeroDivisionError", False)
