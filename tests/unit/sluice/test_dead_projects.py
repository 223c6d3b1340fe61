"""Dead letters and the projects that they belong to, or belonged to."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from controlplane.projects import delete_project, insert_project
from eventlog.log import TopicPartition
from eventlog.records import DeadLetter
from eventlog.sqlite_log import SqliteLog
from schemas.checkpoints import Intent
from schemas.kinds import TRACES
from schemas.projects import ProjectId
from sluice.commands.control import Control, opened, run
from sluice.commands.dead import app
from sluice.commands.errors import CommandError
from sluice.commands.options import settings_with

HEAD = TopicPartition(TRACES.name, 0)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An installation with its log, whose server is stopped."""
    path = tmp_path / "data"

    async def make() -> None:
        async with opened(settings_with(data_dir=path)):
            pass

    asyncio.run(make())
    SqliteLog(path / "log.db").close()
    return path


def make_project(data_dir: Path, name: str) -> ProjectId:
    async def work(control: Control) -> ProjectId:
        async with control.database.session() as session:
            project, _ = await insert_project(session, control.vault, name, admin_id=None)
            return ProjectId(str(project.id))

    return run(work, data_dir)


def delete(data_dir: Path, project_id: ProjectId) -> None:
    run(lambda control: delete_project(control.database, project_id), data_dir)


def put(data_dir: Path, ref: str, project_id: ProjectId) -> None:
    body = b'{"trace_id":"t1"}'
    dead_letter = DeadLetter(ref, project_id, TRACES.name, "pulse.trace", 1, "unfit", body)
    with closing(SqliteLog(data_dir / "log.db")) as log:
        asyncio.run(log.complete(HEAD, Intent(0, 0), [dead_letter]))


def records(data_dir: Path) -> int:
    with closing(SqliteLog(data_dir / "log.db")) as log:
        return len(log.read(HEAD, 0, 100, 1 << 20))


def dead(data_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data-dir", str(data_dir)])


def refs(listed: Result) -> list[str]:
    return [line.split("\t")[0] for line in listed.stdout.splitlines()[1:]]


def test_a_dead_letter_of_a_project_that_is_gone_is_not_sent_again(data_dir: Path) -> None:
    gone = make_project(data_dir, "Gone")
    put(data_dir, "a", gone)
    delete(data_dir, gone)

    ran = dead(data_dir, "replay", "a")

    assert isinstance(ran.exception, CommandError)
    assert str(ran.exception) == f"a belongs to project {gone}, which does not exist any more"
    assert records(data_dir) == 0


def test_replay_all_leaves_the_dead_letters_of_a_project_that_is_gone(data_dir: Path) -> None:
    gone, shop = [make_project(data_dir, name) for name in ("Gone", "Shop")]
    put(data_dir, "a", gone)
    put(data_dir, "b", shop)
    delete(data_dir, gone)

    ran = dead(data_dir, "replay", "--all")

    assert ran.exit_code == 1
    assert ran.stdout == "replayed 1, left 1\n"
    assert f"left: a belongs to project {gone}, which does not exist any more" in ran.stderr
    assert records(data_dir) == 1


def test_dead_letters_are_listed_by_the_name_of_their_project_or_its_id(data_dir: Path) -> None:
    shop, other = [make_project(data_dir, name) for name in ("Shop", "Other")]
    put(data_dir, "a", other)
    put(data_dir, "b", shop)

    for wanted in ("Shop", shop):
        assert refs(dead(data_dir, "list", "--project", wanted)) == ["b"]


def test_dead_letters_of_an_unknown_project_are_not_said_to_be_none(data_dir: Path) -> None:
    ran = dead(data_dir, "list", "--project", "Nobody")

    assert isinstance(ran.exception, CommandError)
    assert "there is no project 'Nobody'" in str(ran.exception)
