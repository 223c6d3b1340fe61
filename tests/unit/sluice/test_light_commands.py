"""What needs no store answers at once: what is heavy is imported by the commands that need it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import NamedTuple

import click
import typer.main

from sluice.cli import app

HEAVY = frozenset(
    {
        *("advanced_alchemy", "aiokafka", "alembic", "argon2", "chdb", "clickhouse_connect"),
        *("confluent_kafka", "cryptography", "faust", "genai_prices", "httpx", "jinja2"),
        *("litestar", "mcp", "mode", "numpy", "prometheus_client", "pyarrow", "rich.progress"),
        *("sqlalchemy", "sqlite3", "uvicorn", "uvloop", "zstandard"),
    }
)
WRONG = [
    ("upp",),
    ("up", "--prot", "1"),
    ("key", "revoke"),
    ("dead", "replay"),
    ("project", "set", "one"),
]


class Said(NamedTuple):
    """What a call printed, and how it ended."""

    code: int
    out: str
    err: str


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


def run(*calls: tuple[str, ...]) -> tuple[list[Said], set[str]]:
    """Runs the calls in one new interpreter; returns what they said, and what was imported."""
    script = (
        "import contextlib, io, sys\n"
        "from sluice.cli import main\n"
        f"for call in {calls!r}:\n"
        "    sys.argv, out, err, code = ['sluice', *call], io.StringIO(), io.StringIO(), 0\n"
        "    try:\n"
        "        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err): main()\n"
        "    except SystemExit as end: code = end.code or 0\n"
        "    print(ascii((code, out.getvalue(), err.getvalue())))\n"
        f"print(*({set(HEAVY)!r} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    *said, found = done.stdout.splitlines()
    return [Said(*ast.literal_eval(line)) for line in said], set(found.split())


def test_the_version_is_the_installed_one_and_needs_nothing_heavy() -> None:
    said, heavy = run(("--version",))

    assert said == [Said(0, f"sluice {version('sluice')}\n", "")]
    assert heavy == set()


def test_no_help_of_any_command_needs_anything_heavy() -> None:
    every = list(commands(typer.main.get_command(app)))

    said, heavy = run(*((*path, "--help") for path in every))

    assert len(every) > 25
    assert all("Usage: sluice" in one.out for one in said)
    assert heavy == set()


def test_a_call_that_names_nothing_to_do_ends_with_2() -> None:
    said, _ = run(*WRONG)

    assert [one.code for one in said] == [2] * len(WRONG)


def test_a_call_with_an_unknown_option_needs_nothing_heavy() -> None:
    assert run(*WRONG[:3])[1] == set()


def test_no_line_of_help_ends_where_the_source_ends_it() -> None:
    def walk(command: click.Command) -> Iterator[click.Command]:
        yield command
        for inner in getattr(command, "commands", {}).values():
            yield from walk(inner)

    texts = [command.help or "" for command in walk(typer.main.get_command(app))]

    assert [text for text in texts if "\n" in text.replace("\n\n", "")] == []


def test_all_in_one_process_has_no_client_of_kafka() -> None:
    script = "import sys, sluice.node, sluice.serve; print('confluent_kafka' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == "False\n"
