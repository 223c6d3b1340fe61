"""Options that several commands take, and how they become settings."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from schemas.settings import PREFIX, Settings
from schemas.settings_reading import load

Host = Annotated[
    str | None, typer.Option(help="Address to listen on; else SLUICE_HOST, else 127.0.0.1.")
]
Port = Annotated[
    int | None,
    typer.Option(min=1, max=65_535, help="Port to listen on; else SLUICE_PORT, else 8080."),
]
WarehousePort = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65_535,
        help="Also serve the store over ClickHouse's HTTP interface, on this port.",
    ),
]
DataDir = Annotated[
    Path | None, typer.Option(help="Folder with all data; else SLUICE_DATA_DIR, else ~/.sluice.")
]
Project = Annotated[
    str | None,
    typer.Option(
        "--project", "-p", help="Name or id of the project. Needed where there are several."
    ),
]


def settings_with(**flags: object) -> Settings:
    """Reads the environment, with what was typed on top."""
    typed = {
        f"{PREFIX}{name.upper()}": str(value) for name, value in flags.items() if value is not None
    }
    return load({**os.environ, **typed})


def own_command(settings: Settings, command: str) -> str:
    """Returns how a person calls another command of ours for the same installation."""
    # `make up` runs it from an environment that nobody has activated.
    program = "sluice" if shutil.which("sluice") else shlex.quote(sys.argv[0])
    if settings.data_dir != Settings().data_dir:
        command += f" --data-dir {shlex.quote(settings.data_dir)}"
    return f"{program} {command}"


def address_of(settings: Settings) -> str:
    """Returns where a client on this machine finds the server of these settings."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
