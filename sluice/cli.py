"""The command line: `sluice up` and the tools around it."""

import asyncio
import importlib
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import structlog
import typer

from controlplane.errors import ControlPlaneError
from schemas.settings import Settings
from sluice import logs
from sluice.commands import dead, imports, keys, prices, projects, retention, users
from sluice.commands.demo import send_demo
from sluice.commands.doctor import examine
from sluice.commands.errors import FAILED, MISUSE
from sluice.commands.migrate import migrate_all
from sluice.commands.options import (
    DataDir,
    Host,
    Port,
    WarehousePort,
    address_of,
    settings_with,
)
from sluice.commands.reprice import reprice
from sluice.commands.warehouse import serve_warehouse
from sluice.paths import paths_of
from sluice.privacy import close_to_others, keep_private

app = typer.Typer(
    name="sluice",
    help="One self-hosted pipeline for LLM traces, agent spans and what they cost.\n\n"
    "Every setting is an environment variable, SLUICE_ and a name: docs/settings.md lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def up(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    warehouse_port: WarehousePort = None,
) -> None:
    """Start Sluice: everything in one process, on one port. Ctrl-C stops it."""
    flags = {"host": host, "port": port, "data_dir": data_dir}
    if warehouse_port is None:
        _run("node", greet, **flags)
    _run("warehouse_child", greet, warehouse_port=warehouse_port, **flags)


@app.command()
def edge(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Start an edge: it takes events and puts them into Kafka. Any number share the work."""
    _run("edge_node", _say_ready, host=host, port=port, data_dir=data_dir)


@app.command()
def worker(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Start the stream: from Kafka into ClickHouse. Any number of them share the work."""
    _run("worker_node", _say_ready, host=host, port=port, data_dir=data_dir)


@app.command()
def api(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Start an api process: queries, accounts and keys. Any number share the work."""
    _run("api_node", _say_ready, host=host, port=port, data_dir=data_dir)


def _run(kind: str, on_ready: Callable[[Any], None], **flags: object) -> NoReturn:
    settings = settings_with(**flags)
    logs.set_up(settings)
    close_to_others(paths_of(settings))
    # Imported here: the other commands need no server and should answer at once, and `sluice up`
    # needs no client of Kafka.
    import uvloop

    from sluice.serve import serve

    open_parts = importlib.import_module(f"sluice.{kind}").open_parts
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        raise typer.Exit(runner.run(serve(settings, open_parts, on_ready)))


def _say_ready(process: Any) -> None:
    print(f"Sluice is ready at {address_of(process.settings)}", flush=True)


app.command("migrate")(migrate_all)
app.command("doctor")(examine)
app.command("demo")(send_demo)
app.command("warehouse")(serve_warehouse)
app.command("reprice")(reprice)
app.add_typer(projects.app, name="project")
app.add_typer(keys.app, name="key")
app.add_typer(users.app, name="user")
app.add_typer(dead.app, name="dead")
app.add_typer(imports.app, name="import")
app.add_typer(retention.app, name="retention")
app.add_typer(prices.app, name="price")


def greet(process: Any) -> None:
    """Prints the three lines that a person copies: address, key, first trace.

    The key itself is shown once, to a person: what is printed elsewhere is kept by a journal.
    """
    address, initial = address_of(process.settings), process.initial
    print(f"Sluice is ready at {address}", flush=True)
    if initial is None or initial.plain_key is None:
        print("API key: none to show; make one with: sluice key create", flush=True)
        return
    # `make up` runs it from an environment that nobody has activated.
    program = "sluice" if shutil.which("sluice") else shlex.quote(sys.argv[0])
    command = f"{program} key reveal {initial.key_id} --project {initial.project_id}"
    if process.settings.data_dir != Settings().data_dir:
        command += f" --data-dir {shlex.quote(process.settings.data_dir)}"
    shown, used = command, f"$({command})"
    if initial.is_new and sys.stdout.isatty():
        shown = used = initial.plain_key
    print(f"API key: {shown}")
    print(f"First trace: {first_trace(address, used)}", flush=True)


def first_trace(address: str, key: str) -> str:
    """Returns a command that sends one trace; `key` is one, or how a shell gets one."""
    item = (
        '[{"trace_id":"\'$(python3 -c "import uuid;print(uuid.uuid4())")\'",'
        '"timestamp":"\'$(date -u +%FT%TZ)\'","provider":"openai","model_requested":"gpt-4o",'
        '"request_body":{"messages":[{"role":"user","content":"Hi"}]},"input_tokens":50,'
        '"output_tokens":100,"latency_ms":1200,"status":"success"}]'
    )
    return (
        f'curl -X POST {address}/v1/traces/batch -H "Authorization: Bearer {key}"'
        f" -H 'Content-Type: application/json' -d '{item}'"
    )


def main() -> None:
    """Runs the command line; a mistake of the operator is one line, not a traceback."""
    keep_private()
    # What commands print is read by other programs: log lines go beside it, until `up` says how.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        app()
    except MISUSE as error:
        _end(error, 2)
    except FAILED as error:
        _end(error, 1)
    except Exception as error:
        if os.environ.get("SLUICE_LOG_LEVEL") == "debug":
            raise
        print("sluice: unexpected; SLUICE_LOG_LEVEL=debug shows where", end=": ", file=sys.stderr)
        print(f"{type(error).__name__}: {_first_line(error)}", file=sys.stderr)
        raise SystemExit(1) from None


def _end(error: Exception, code: int) -> None:
    text = error.message if isinstance(error, ControlPlaneError) else str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    print(f"sluice: {_first_line(text) or type(error).__name__}", file=sys.stderr)
    raise SystemExit(code) from None


def _first_line(text: object) -> str:
    return next(iter(str(text).splitlines()), "")
