"""The command line: `sluice up` and the tools around it."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from schemas.settings import Settings, SettingsError, load
from sluice import logs
from sluice.lock import AlreadyRunning
from sluice.node import Node

app = typer.Typer(
    name="sluice",
    help="One self-hosted pipeline for everything a team wants to know about its software.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Host = Annotated[str | None, typer.Option(help="Address to listen on [SLUICE_HOST].")]
Port = Annotated[int | None, typer.Option(help="Port to listen on [SLUICE_PORT].")]
DataDir = Annotated[Path | None, typer.Option(help="Where everything is kept [SLUICE_DATA_DIR].")]


@app.callback()
def root() -> None:
    """One self-hosted pipeline for everything a team wants to know about its software."""


@app.command()
def up(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Start Sluice: everything in one process, on one port."""
    settings = settings_with(host=host, port=port, data_dir=data_dir)
    logs.set_up(settings)
    # Imported here: the other commands need no server and should answer at once.
    import uvloop

    from sluice.serve import serve

    with uvloop_runner(uvloop.new_event_loop) as runner:
        raise typer.Exit(runner.run(serve(settings, greet)))


def uvloop_runner(factory: "type[asyncio.AbstractEventLoop] | object") -> asyncio.Runner:
    """Returns a runner on uvloop."""
    return asyncio.Runner(loop_factory=factory)  # type: ignore[arg-type]


def settings_with(**flags: object) -> Settings:
    """Reads the environment, with what was typed on top."""
    typed = {f"SLUICE_{name.upper()}": str(value) for name, value in flags.items() if value}
    return load({**os.environ, **typed})


def greet(node: Node) -> None:
    """Prints the three lines that a person copies: address, key, first trace."""
    settings = node.settings
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    key = node.initial.plain_key if node.initial else None
    print(f"Sluice is ready at {address}")
    if key is None:
        print("API key: none to show; make one with: sluice key create")
        return
    print(f"API key: {key}")
    print(f"First trace: {first_trace(address, key)}", flush=True)


def first_trace(address: str, key: str) -> str:
    """Returns a command that sends one trace."""
    item = (
        '[{"trace_id":"\'$(python3 -c "import uuid;print(uuid.uuid4())")\'",'
        '"timestamp":"\'$(date -u +%FT%TZ)\'","provider":"openai","model_requested":"gpt-4o",'
        '"request_body":{"messages":[{"role":"user","content":"Hi"}]},"input_tokens":50,'
        '"output_tokens":100,"latency_ms":1200,"status":"success"}]'
    )
    return (
        f"curl -X POST {address}/v1/traces/batch -H 'Authorization: Bearer {key}'"
        f" -H 'Content-Type: application/json' -d '{item}'"
    )


def main() -> None:
    """Runs the command line; a mistake of the operator is one line, not a traceback."""
    try:
        app()
    except (SettingsError, AlreadyRunning) as error:
        print(f"sluice: {error}", file=sys.stderr)
        raise SystemExit(2) from None
