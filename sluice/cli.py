"""The command line: `sluice up` and the tools around it.

This module and those of the commands import what is heavy within the functions that use it, so that
`--help` and `--version` answer at once. A test tells what may not be imported before.
"""

import asyncio
import gc
import importlib
import importlib.metadata
import inspect
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import structlog
import typer

from sluice.commands import (
    datasets,
    dead,
    experiments,
    imports,
    keys,
    persons,
    prices,
    projects,
    retention,
    tokens,
    users,
)
from sluice.commands.demo import send_demo
from sluice.commands.doctor import examine
from sluice.commands.exports import export
from sluice.commands.grafana import make_grafana_user
from sluice.commands.mcp import serve_mcp
from sluice.commands.migrate import migrate_all
from sluice.commands.options import (
    DataDir,
    Host,
    Port,
    WarehousePort,
    address_of,
    own_command,
    settings_with,
)
from sluice.commands.reprice import reprice
from sluice.commands.secret import reseal
from sluice.commands.warehouse import serve_warehouse
from sluice.cores import choose_edges, usable_cores
from sluice.privacy import keep_private

log = structlog.get_logger(__name__)

app = typer.Typer(
    name="sluice",
    help="A self-hosted server for LLM traces and their cost, errors, performance, and uptime."
    "\n\n"
    "Settings are environment variables, such as SLUICE_PORT: docs/settings.md lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


OWNERS = ("node", "warehouse_child")
"""What `sluice up` runs."""


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"sluice {importlib.metadata.version('sluice')}")
        raise typer.Exit


@app.callback()
def _take_options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    # What `--version` needs; the text of `--help` is the app's own.
    pass


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
    """Start an edge: it takes events and writes them to Kafka. Start as many as you need."""
    _run("edge_node", _say_ready, host=host, port=port, data_dir=data_dir)


@app.command()
def worker(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Start a worker: it reads events from Kafka and stores them in ClickHouse.

    Start as many as you need: they share the work.
    """
    _run("worker_node", _say_ready, host=host, port=port, data_dir=data_dir)


@app.command()
def api(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Start an api process: queries, accounts and keys. Start as many as you need."""
    _run("api_node", _say_ready, host=host, port=port, data_dir=data_dir)


@app.command()
def prober(
    region: Annotated[
        str | None,
        typer.Option(help="Name of the region; else SLUICE_PROBER_REGION, else default."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Address of the Sluice that it works for; else SLUICE_PROBER_URL."),
    ] = None,
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
) -> None:
    """Start a prober: it looks at the monitors of a region. Probers of one region share them.

    With --url it runs anywhere, for one project, whose prober key is in SLUICE_PROBER_TOKEN or in a
    file that SLUICE_PROBER_TOKEN_FILE names. Without, it is a part of an installation with Kafka.
    """
    flags = {"prober_region": region, "prober_url": url, "host": host, "port": port}
    is_remote = bool(settings_with(**flags).prober_url)
    kind = "remote_prober_node" if is_remote else "prober_node"
    _run(kind, _say_ready, data_dir=data_dir, **flags)


@app.command()
def deployer(
    name: Annotated[
        str | None,
        typer.Option(help="Its own name; else SLUICE_DEPLOY_NAME, else default."),
    ] = None,
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
) -> None:
    """Start a deployer: it builds and runs apps on this machine, beside Kafka and PostgreSQL.

    Each of several has a name and a data directory of its own.
    """
    flags = {"deploy_name": name, "host": host, "port": port, "data_dir": data_dir}
    _run("deployer_node", _say_ready, **flags)


def _run(kind: str, on_ready: Callable[[Any], None], **flags: object) -> NoReturn:
    # Until `settle_heap`: looking at what imports make took a sixth of their time.
    gc.disable()
    import uvloop

    from sluice import logs
    from sluice.paths import paths_of
    from sluice.privacy import close_to_others

    settings = settings_with(**flags)
    logs.set_up(settings)
    close_to_others(paths_of(settings))
    # Before anything else: what is imported and opened later is not theirs.
    chosen = choose_edges(settings.edge_processes, usable_cores()) if kind in OWNERS else None
    children = _fork_edges(chosen.edges) if chosen is not None and chosen.edges else None

    def say_ready(process: Any) -> None:
        # Not before: a start that fails says why in one line.
        if chosen is not None:
            log.info("edge processes", count=chosen.edges, reason=chosen.reason)
        on_ready(process)

    from sluice.serve import serve

    # By its name: `sluice up` needs no client of Kafka.
    open_parts = importlib.import_module(f"sluice.{kind}").open_parts
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        raise typer.Exit(runner.run(serve(settings, open_parts, say_ready, children=children)))


def _fork_edges(count: int) -> Any:
    """Returns the processes that become edges."""
    # NumPy, which nobody here computes with, would start a thread for each processor.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from sluice.edges.children import fork_children

    return fork_children(count)


def _say_ready(process: Any) -> None:
    print(f"Sluice is ready at {address_of(process.settings)}", flush=True)


app.command("migrate")(migrate_all)
app.command("doctor")(examine)
app.command("demo")(send_demo)
app.command("warehouse")(serve_warehouse)
app.command("grafana-user")(make_grafana_user)
app.command("reprice")(reprice)
app.command("export")(export)
app.command("reseal")(reseal)
app.command("mcp")(serve_mcp)
app.add_typer(projects.app, name="project")
app.add_typer(keys.app, name="key")
app.add_typer(tokens.app, name="token")
app.add_typer(users.app, name="user")
app.add_typer(dead.app, name="dead")
app.add_typer(imports.app, name="import")
app.add_typer(retention.app, name="retention")
app.add_typer(prices.app, name="price")
app.add_typer(persons.app, name="person")
app.add_typer(datasets.app, name="dataset")
app.add_typer(experiments.app, name="experiment")


def _flow(commands: typer.Typer) -> None:
    """Joins the lines of each paragraph: the terminal's width breaks them, not the source's."""
    for command in commands.registered_commands:
        text = inspect.getdoc(command.callback) or ""
        command.help = "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            _flow(group.typer_instance)


_flow(app)


def greet(process: Any) -> None:
    """Prints what a person copies: address, key, DSN, first trace, dashboard.

    The key itself is shown once, and a link that signs in at each start, to a person: what is
    printed elsewhere is kept by a journal.
    """
    address, initial = address_of(process.settings), process.initial
    print(f"Sluice is ready at {address}", flush=True)
    if initial is None or initial.plain_key is None:
        print("API key: the first one is gone; make another with: sluice key create", flush=True)
        return
    command = own_command(process.settings, f"key show {initial.key_id}")
    shown, used = command, f"$({command})"
    if initial.is_new and sys.stdout.isatty():
        shown = used = initial.plain_key
    print(f"API key: {shown}")
    if initial.dsn_key is not None:
        from controlplane.dsn import dsn_of

        print(f"DSN: {dsn_of(address, initial.dsn_key, initial.number)}")
    print(f"First trace: {first_trace(address, used)}", flush=True)
    if sys.stdout.isatty() and (path := process.entrance()):
        print(f"Dashboard, signed in once, within 15 minutes: {address}{path}", flush=True)


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
    except Exception as error:
        from sluice.commands.endings import ending_of

        ending = ending_of(error)
        if ending.is_bug and os.environ.get("SLUICE_LOG_LEVEL") == "debug":
            raise
        print(f"sluice: {ending.text}", file=sys.stderr)
        raise SystemExit(ending.code) from None
