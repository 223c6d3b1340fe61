"""`sluice price`: in this process, so that no command costs a start."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

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
        (("--run", "x"), "There is no reprice run x"),
    ):
        refused = CliRunner().invoke(app, ["reprice", *arguments])

        assert message in str(refused.exception)
