"""`sluice dataset`: items of a file into a dataset, and back."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.commands.errors import CommandError
from sluice.commands.options import DataDir, Project

if TYPE_CHECKING:
    from schemas.llm.datasets import ItemForm

app = typer.Typer(no_args_is_help=True, help="Write items of files into datasets, and back.")

MOST_BYTES = 8 << 20
"""Of one request."""
Name = Annotated[str, typer.Argument(help="Name of the dataset.")]
Url = Annotated[
    str | None, typer.Option(help="Address of the server; else that of sluice up here.")
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--key", help="API key; else SLUICE_API_KEY; else the oldest of the project here."
    ),
]


@app.command()
def push(
    name: Name,
    file: Annotated[Path, typer.Argument(help="JSON lines or CSV; - is standard input.")],
    url: Url = None,
    key: ApiKey = None,
    project: Project = None,
    data_dir: DataDir = None,
) -> None:
    """Write the items of a file into a dataset, which is made where there is none.

    Items whose ids are there are replaced; what has not changed makes no version.
    """
    from api.llm.dataset_files import read_items
    from sluice.asking import asker

    items = read_items(_content(file), file.name)
    path, changed, version = f"/v1/datasets/{name}", 0, 0
    with asker(url, key, project, data_dir) as server:
        if not server.has(path):
            server.post("/v1/datasets", {"name": name})
        for some in _batches(items):
            written = server.post(f"{path}/items", some)
            changed, version = changed + written["changed"], written["version"]
    typer.echo(f"{changed} of {len(items)} items are new or changed; version {version}")


@app.command()
def pull(
    name: Name,
    file: Annotated[Path, typer.Argument(help="Where to write JSON lines; - is standard output.")],
    as_of: Annotated[int | None, typer.Option(min=0, help="A version; else the newest.")] = None,
    url: Url = None,
    key: ApiKey = None,
    project: Project = None,
    data_dir: DataDir = None,
) -> None:
    """Write the items of a dataset into a file, one a line, as push takes them."""
    from sluice.asking import asker
    from sluice.experiments import items_of

    with asker(url, key, project, data_dir) as server:
        version = server.get(f"/v1/datasets/{name}")["version"] if as_of is None else as_of
        lines = [_line(item) for item in items_of(server, name, version)]
    text = b"".join(lines)
    if str(file) == "-":
        sys.stdout.buffer.write(text)
        return
    try:
        file.write_bytes(text)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from error
    typer.echo(f"{len(lines)} items of version {version}")


def _content(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from error


def _batches(items: "list[ItemForm]") -> Iterator[list[dict[str, object]]]:
    """Yields items as JSON has them, in parts that fit into a request."""
    import msgspec

    from schemas.llm.datasets import MOST_AT_ONCE

    batch: list[dict[str, object]] = []
    size = 0
    for item in items:
        text = msgspec.json.encode(item)
        size += len(text)
        if batch and (len(batch) == MOST_AT_ONCE or size > MOST_BYTES):
            yield batch
            batch, size = [], len(text)
        batch.append(msgspec.json.decode(text))
    if batch:
        yield batch


def _line(item: dict[str, object]) -> bytes:
    import msgspec

    kept = ("id", "input", "expected_output", "metadata", "trace_id", "user_id", "session_id")
    given = {name: item[name] for name in kept if item[name] not in (None, {})}
    return msgspec.json.encode(given) + b"\n"
