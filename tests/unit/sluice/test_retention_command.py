"""A person's word about the date, and what `sluice doctor` says until it is given."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from controlplane.database import Database
from controlplane.retention import know_day, known_day
from schemas.settings import Settings
from sluice import checks
from sluice.commands.control import opened
from sluice.commands.errors import CommandError
from sluice.commands.options import settings_with
from sluice.commands.retention import app
from sluice.paths import paths_of

LONG_AGO = datetime.now(UTC).date() - timedelta(days=30)


def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An installation whose retention ran long ago."""
    path = tmp_path / "data"

    async def make() -> None:
        async with opened(settings_with(data_dir=path)) as control:
            await know_day(control.database, LONG_AGO)

    asyncio.run(make())
    return path


def confirm(data_dir: Path, day: str) -> Result:
    return CliRunner().invoke(app, [day, "--data-dir", str(data_dir)])


def known(data_dir: Path) -> date | None:
    async def ask() -> date | None:
        database = Database(paths_of(settings_with(data_dir=data_dir)).database_url)
        try:
            return await known_day(database)
        finally:
            await database.close()

    return asyncio.run(ask())


def examine(data_dir: Path) -> checks.Finding:
    settings = Settings(data_dir=str(data_dir))
    return asyncio.run(checks.check_control_plane(settings, paths_of(settings)))


@pytest.mark.parametrize(
    "day",
    ["", "yesterday", str(LONG_AGO), str(today() + timedelta(days=3))],
    ids=["none", "a word", "long ago", "to come"],
)
def test_a_date_that_is_not_the_clock_s_changes_nothing(data_dir: Path, day: str) -> None:
    ran = confirm(data_dir, day)

    assert isinstance(ran.exception, CommandError)
    assert str(today()) in str(ran.exception)
    assert known(data_dir) == LONG_AGO


def test_doctor_asks_for_the_date_until_it_is_confirmed(data_dir: Path) -> None:
    before = examine(data_dir)

    ran = confirm(data_dir, str(today()))

    assert (before.level, "nothing is deleted for its age" in before.text) == ("warning", True)
    assert before.fix.endswith(f"sluice retention confirm {today()}")
    assert ran.exit_code == 0, ran.output
    assert known(data_dir) == today()
    assert examine(data_dir).level == "ok"
