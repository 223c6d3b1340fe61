"""`sluice price`: in this process, so that no command costs a start."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from controlplane.database import Database
from controlplane.llm.reprices import request_run
from sluice import repricing
from sluice.cli import app

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs commands on an installation of this test's own, with a project `Default`."""
    monkeypatch.setenv("SLUICE_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "control.db").touch()  # as a server leaves one

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["price", *arguments])

    return command


def listed(run: Run) -> list[list[str]]:
    return [line.split("\t") for line in run("list").stdout.splitlines()[1:]]


def test_prices_are_set_replaced_listed_and_removed(run: Run) -> None:
    run("set", "GPT-4o*", "-r", "input=2", "-r", "cache-read=0.20", "--from", "2026-01-01")
    run("set", "gpt-4o*", "-r", "input=3", "--from", "2026-01-01")
    run("set", "*", "--discount", "15", "--provider", "openai", "--until", "2026-12-31")
    run("alias", "set", "mine", "openai/gpt-4o")

    assert listed(run) == [
        ["2", "any", "gpt-4o*", "2026-01-01", "-", "input 3"],
        ["3", "openai", "*", "-", "2026-12-31", "15 % off the list"],
        ["4", "any", "mine", "-", "-", "as openai/gpt-4o"],
    ]
    run("remove", "2")
    run("remove", "3")
    run("alias", "remove", "4")
    assert listed(run) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set", "m"), "give either --rate NAME=USD"),
        (("set", "m", "-r", "inptu=1"), "--rate 'inptu=1': a rate is one of input, output"),
        (("set", "m", "-r", "input=x"), "--rate input 'x' is no number"),
        (("set", "m", "-r", "input=1", "--from", "1.6.2026"), "--from '1.6.2026' is no day"),
        (("alias", "set", "m", "gpt-4o"), "'gpt-4o' is no PROVIDER/MODEL"),
        (
            ("alias", "set", "m", "openai/gtp-4o"),
            "Nobody prices openai/gtp-4o: did you mean openai/",
        ),
    ],
)
def test_a_mistake_names_the_value_and_the_way_out(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    refused = run(*arguments)

    assert message in str(refused.exception)
    assert listed(run) == []


def test_a_range_that_is_none_is_rejected(run: Run) -> None:
    for arguments, message in (
        (("--from", "x", "--to", "2026-01-01"), "--from 'x' is no date"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "is after"),
        (("--from", "2026-02-01"), "give --from and --to"),
        (("--list", "--project", "x"), "give --from and --to"),
        (("--cancel", "x"), "There is no reprice run x"),
        (("--run", "x"), "There is no reprice run x"),
    ):
        refused = CliRunner().invoke(app, ["reprice", *arguments])

        assert message in str(refused.exception)


def test_runs_are_listed_and_cancelled(run: Run, tmp_path: Path) -> None:
    async def ask() -> str:
        database = Database(f"sqlite:///{tmp_path / 'data' / 'control.db'}")
        asked = await request_run(database, None, 0, 86_400_000_000)
        await database.close()
        return asked

    run("list")  # makes the installation
    run_id = asyncio.run(ask())

    cancelled = CliRunner().invoke(app, ["reprice", "--cancel", run_id])
    shown = CliRunner().invoke(app, ["reprice", "--list"])
    again = CliRunner().invoke(app, ["reprice", "--cancel", run_id])

    assert "state:           cancelled" in cancelled.stdout
    cells = shown.stdout.splitlines()[1].split("\t")
    assert [cells[0], *cells[2:6]] == [
        *(run_id, "cancelled", "all"),
        *("1970-01-01 00:00:00Z", "1970-01-02 00:00:00Z"),
    ]
    assert cells[6:] == ["-", "0", "0", "+0.000000000000 USD"]
    assert "has ended already: cancelled" in str(again.exception)


def test_who_stops_waiting_is_told_that_the_run_goes_on(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    run("list")
    monkeypatch.setattr(repricing, "_followed", interrupted)

    stopped = CliRunner().invoke(app, ["reprice", "--from", "2026-01-01", "--to", "2026-01-02"])

    assert stopped.exit_code == 130
    assert "the run goes on in the server" in stopped.stderr
    assert "sluice reprice --cancel " in stopped.stderr
