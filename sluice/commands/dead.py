"""`sluice dead`: items that no step could take; read them, correct them, send them again."""

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from sluice.commands.control import Control, run, run_in_project
from sluice.commands.errors import CommandError, WrongCall
from sluice.commands.options import DataDir, settings_with
from sluice.commands.output import moment_ns, printable, show_rows
from sluice.paths import paths_of

if TYPE_CHECKING:
    from controlplane.directory import ProjectRow
    from eventlog.dead_letters import DeadLetterBox, Replacement, Summary
    from eventlog.kafka_dead import KafkaDeadLetters
    from eventlog.records import DeadLetter
    from schemas.projects import ProjectId

app = typer.Typer(
    no_args_is_help=True,
    help="Read dead letters (items that could not be stored), and send them again.",
)

REASON_CHARS = 120

Ref = Annotated[str, typer.Argument(help="Name of the dead letter; sluice dead list shows it.")]


@app.command("list")
def list_dead_letters(
    every: Annotated[
        bool, typer.Option("--all", help="Show those that are done with too.")
    ] = False,
    project: Annotated[
        str | None, typer.Option("--project", "-p", help="Name or id of a project.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show, the latest.")] = 100,
    data_dir: DataDir = None,
) -> None:
    """List dead letters, the oldest first."""
    owner = None if project is None else _project_id(project, data_dir)
    with _box(data_dir) as box:
        found = [
            dead_letter
            for dead_letter in box.summaries()
            if (every or dead_letter.waits) and owner in (None, dead_letter.project_id)
        ]
    show_rows(
        ("ref", "received", "project", "topic", "state", "reason"),
        map(_row, found[-limit:]),
        "no dead letters",
    )
    if len(found) > limit:
        typer.echo(f"{len(found) - limit} older ones are not shown: --limit", err=True)


@app.command()
def show(
    ref: Ref,
    raw: Annotated[bool, typer.Option("--raw", help="Print the body alone, as it came.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show one dead letter: why it could not be stored, and its body."""
    with _box(data_dir) as box:
        dead_letter = box.find(ref)
        state = next((_state(one) for one in box.summaries() if one.ref == ref), "")
    if raw:
        typer.get_binary_stream("stdout").write(dead_letter.body)
        return
    for name, value in (
        ("ref", dead_letter.ref),
        ("project", dead_letter.project_id or "-"),
        ("topic", dead_letter.topic),
        ("received", moment_ns(dead_letter.received_at_ns)),
        ("state", state),
        ("replay of", dead_letter.dead_ref or "-"),
        ("reason", dead_letter.reason),
    ):
        typer.echo(f"{name + ':':<11}{printable(value)}")
    typer.echo(f"\n{_readable(dead_letter.body)}")


@app.command()
def replay(
    ref: Annotated[str | None, typer.Argument(help="Name of the dead letter.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every dead letter that is waiting.")
    ] = False,
    body: Annotated[
        Path | None, typer.Option(help="File with the corrected item: one JSON object.")
    ] = None,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", help="Its project, if the dead letter does not say."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Kind of the item in --body, if the dead letter does not say."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Send a dead letter again, as it is or corrected. A server stores it within a second."""
    if (ref is None) != every:
        raise WrongCall("name one dead letter, or give --all")
    if every and body is not None:
        raise WrongCall("--body corrects one dead letter: name it")
    from eventlog.replays import replacement

    corrected = None if body is None else body.read_bytes()
    owner = None if project is None else _project_id(project, data_dir)
    with _box(data_dir) as box:
        projects = _project_ids(data_dir)
        if ref is not None:
            dead_letter = box.find(ref)
            item = replacement(dead_letter, corrected, owner, kind)
            box.replay(dead_letter, _ensure_project(dead_letter, item, projects))
            typer.echo(f"replayed {ref}")
            return
        _replay_all(box, owner, projects)


@app.command()
def discard(
    refs: Annotated[list[str], typer.Argument(help="Names of dead letters.")],
    data_dir: DataDir = None,
) -> None:
    """Mark dead letters that are not worth a repair. They can be replayed while they are kept."""
    with _box(data_dir) as box:
        for ref in refs:
            box.find(ref)
        done = box.discard(refs)
    typer.echo(f"discarded {done}, done before {len(set(refs)) - done}")


def _ensure_project(
    dead_letter: "DeadLetter", item: "Replacement", projects: "AbstractSet[ProjectId]"
) -> "Replacement":
    """Returns the item if there is somebody who could read it. Raises `CommandError`."""
    if item.project_id not in projects:
        raise CommandError(
            f"{dead_letter.ref} belongs to project {item.project_id}, which does not exist any more"
        )
    return item


def _replay_all(
    box: "DeadLetterBox | KafkaDeadLetters",
    owner: "ProjectId | None",
    projects: "AbstractSet[ProjectId]",
) -> None:
    from eventlog.dead_letters import AlreadyReplayed, UnknownDeadLetter
    from eventlog.replays import NotReplayable, replacement

    sent = left = 0
    for summary in box.summaries():
        if not summary.waits or (owner is not None and summary.project_id != owner):
            continue
        try:
            dead_letter = box.find(summary.ref)
            item = replacement(dead_letter, None, None)
            box.replay(dead_letter, _ensure_project(dead_letter, item, projects))
            sent += 1
        except (AlreadyReplayed, UnknownDeadLetter):
            # Another was quicker, or retention: there is nothing left to do.
            continue
        except (CommandError, NotReplayable) as error:
            typer.echo(f"left: {error}", err=True)
            left += 1
    typer.echo(f"replayed {sent}, left {left}")
    if left:
        raise typer.Exit(1)


def _box(data_dir: Path | None) -> "DeadLetterBox | KafkaDeadLetters":
    from eventlog.dead_letters import DeadLetterBox

    settings = settings_with(data_dir=data_dir)
    if not settings.kafka_url:
        return DeadLetterBox(paths_of(settings).log)
    # Imported here: an installation without Kafka needs no client of it.
    from eventlog.kafka_dead import KafkaDeadLetters
    from sluice.cluster import kafka_of

    return KafkaDeadLetters(kafka_of(settings))


def _project_id(project: str, data_dir: Path | None) -> "ProjectId":
    async def work(control: Control, found: "ProjectRow") -> "ProjectId":
        return found.project_id

    return run_in_project(work, project, data_dir)


def _project_ids(data_dir: Path | None) -> "frozenset[ProjectId]":
    from controlplane.directory import all_projects

    async def work(control: Control) -> "frozenset[ProjectId]":
        return frozenset(row.project_id for row in await all_projects(control.database))

    return run(work, data_dir)


def _readable(body: bytes) -> str:
    try:
        return printable(msgspec.json.format(body, indent=2).decode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return printable(body.decode(errors="replace"))


def _state(dead_letter: "Summary") -> str:
    if dead_letter.replayed:
        return "replayed"
    return "discarded" if dead_letter.discarded else "waiting"


def _row(dead_letter: "Summary") -> tuple[str, ...]:
    reason = printable(" ".join(dead_letter.reason.split()))
    return (
        dead_letter.ref,
        moment_ns(dead_letter.received_at_ns),
        dead_letter.project_id or "-",
        dead_letter.topic,
        _state(dead_letter),
        reason if len(reason) <= REASON_CHARS else f"{reason[:REASON_CHARS]}…",
    )
