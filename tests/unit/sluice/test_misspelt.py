"""What was typed wrongly is told with what is nearest."""

import pytest
from typer.testing import CliRunner

from sluice.cli import app


@pytest.mark.parametrize(
    ("arguments", "near"),
    [(["upp"], "'up'"), (["up", "--prt", "1"], "--port"), (["key", "revok"], "'revoke'")],
)
def test_the_nearest_command_or_option_is_named_with_exit_code_2(
    arguments: list[str], near: str
) -> None:
    ran = CliRunner().invoke(app, arguments)

    assert ran.exit_code == 2
    assert near in ran.output.partition("Error")[2]
