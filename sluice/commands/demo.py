"""`sluice demo`: sends made-up traffic to a running server, so that every page shows something."""

import asyncio
import secrets
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from schemas.settings import Settings
from sluice.commands.control import Control, opened, refuse_missing
from sluice.commands.errors import CommandError
from sluice.commands.options import DataDir, address_of, own_command, settings_with
from sluice.lock import address_in, holder_of
from sluice.paths import paths_of

if TYPE_CHECKING:
    from controlplane.keys import Key
    from schemas.projects import ProjectId
    from sluice.demo_errors import Dsn, FoundIssue
    from sluice.demo_sending import Amount, Project
    from sluice.demo_uptime import Planned

REMOVED_WITHIN_S = 120

Url = Annotated[
    str | None, typer.Option(help="Address of the server; without it, the one that runs here.")
]
ApiKey = Annotated[
    str | None,
    typer.Option("--key", help="API key of the project to send to; without it, the project demo."),
]
Errors = Annotated[
    int, typer.Option(min=0, max=100_000, help="About how many errors, and as many transactions.")
]
GivenDsn = Annotated[
    str | None, typer.Option(help="With --key: the project's DSN, to send errors too.")
]


def send_demo(
    url: Url = None,
    key: ApiKey = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="Over how many days, up to now.")] = 7,
    traces: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many LLM calls.")] = 5_000,
    spans: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="About how many agent events.")
    ] = 3_000,
    errors: Errors = 1_500,
    dsn: GivenDsn = None,
    seed: Annotated[int | None, typer.Option(help="The same seed makes the same ids.")] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove the project demo and its data.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Send realistic traffic of the last days to a running server, into a project demo.

    It sends LLM calls of several providers, users and environments, some with errors, cached
    tokens or a model without a price. Since a release of the last day, one feature costs more and
    fails more often. It also sends spans of agents with tools and subagents, some items twice, and
    one that is rejected. Errors and transactions of a shop come with it, some of the same requests
    as its LLM calls, and a source map for one of its scripts. Over OTLP it sends traces of three
    services with an assistant, and Claude Code's telemetry. It all goes through the public API.
    """
    settings = settings_with(data_dir=data_dir)
    if remove:
        _remove(settings)
        return
    from sluice.demo_sending import Amount

    seed = secrets.randbelow(1_000_000) if seed is None else seed
    here = address_in(paths_of(settings).lock) or address_of(settings)
    address = (url or here).rstrip("/")
    amount = Amount(days, traces, spans, errors, seed)
    if key is not None:
        _send_to_others(address, key, dsn, amount)
    else:
        _send_to_own(settings, address, amount)


def _send_to_others(address: str, key: str, dsn: str | None, amount: "Amount") -> None:
    from sluice.demo_errors import parse_dsn
    from sluice.demo_sending import Project, refuse_silent, send_traffic

    given = None if dsn is None else parse_dsn(dsn)
    refuse_silent(address)
    typer.echo(send_traffic(Project(address, key, given), amount, lambda issues: None))
    typer.echo(f"seed: {amount.seed}" + ("" if given else "; with --dsn, errors are sent too"))


def _send_to_own(settings: Settings, address: str, amount: "Amount") -> None:
    from sluice.demo_sending import Project, refuse_silent, send_traffic

    _refuse_elsewhere(settings)
    refuse_silent(address)
    own = _demo(settings, address)
    project = Project(address, own.key.plain, own.dsn)
    typer.echo(
        send_traffic(project, amount, partial(_decide, settings, own.key.project_id, amount.days))
    )
    typer.echo(_annotate(settings, project, own.key.project_id))
    typer.echo(_watch(settings, project, own.key.project_id))
    typer.echo(_deploy(settings, project, amount.seed, own.key.project_id))
    typer.echo(f"seed: {amount.seed}")
    dashboard = _dashboard(address, own.key.plain)
    typer.echo(_what_next(settings, address, amount.days, dashboard, own.key.project_id))


class _Demo(NamedTuple):
    key: "Key"
    dsn: "Dsn"


def _demo(settings: Settings, address: str) -> _Demo:
    from sluice.demo_budgets import set_budgets
    from sluice.demo_judges import set_judges
    from sluice.demo_maps import upload_maps
    from sluice.demo_project import demo_dsn, demo_key
    from sluice.demo_prompts import keep_prompts
    from sluice.demo_retention import set_retention

    async def work() -> _Demo:
        async with opened(settings) as control:
            key = await demo_key(control.database, control.vault)
            await upload_maps(control.database, key.project_id, address)
            await set_budgets(control.database, key.project_id)
            await set_judges(control.database, key.project_id)
            await keep_prompts(control.database, key.project_id)
            await set_retention(control.database, key.project_id)
            return _Demo(key, await demo_dsn(control.database, key.project_id))

    return asyncio.run(work())


def _decide(
    settings: Settings, project_id: "ProjectId", days: int, issues: "list[FoundIssue]"
) -> None:
    from sluice.demo_project import decide_issues
    from sluice.demo_releases import set_releases

    async def work() -> None:
        async with opened(settings) as control:
            await set_releases(control.database, project_id, datetime.now(UTC), days)
            await decide_issues(control.database, project_id, issues)

    asyncio.run(work())


def _annotate(settings: Settings, project: "Project", project_id: "ProjectId") -> str:
    """Makes the annotation queue of the demo; returns what there is to see of it."""
    from eventlog.log import LogError
    from sluice.bulk_target import target_of
    from sluice.demo_annotation import set_queue
    from sluice.demo_requests import client_of

    async def work() -> str:
        headers = {"Authorization": f"Bearer {project.key}"}
        async with opened(settings) as control:
            with client_of(project.address, headers) as client, target_of(control) as target:
                try:
                    return await set_queue(control.database, project_id, client, target.log)
                except LogError as error:
                    raise CommandError(f"the annotation queue: {error}") from error

    return asyncio.run(work())


def _watch(settings: Settings, project: "Project", project_id: "ProjectId") -> str:
    """Makes the monitors of the demo with their past; returns what can be read now."""
    from sluice.demo_incidents import Place
    from sluice.demo_requests import Sender, client_of
    from sluice.demo_sending import progress_bars
    from sluice.demo_uptime import make, plan, send_checks

    now_us = int(datetime.now(UTC).timestamp() * 1_000_000)

    async def planned() -> "list[Planned]":
        async with opened(settings) as control:
            return await plan(Place(control.database, control.vault, project_id), now_us)

    async def made(monitors: "list[Planned]") -> str:
        async with opened(settings) as control:
            return await make(Place(control.database, control.vault, project_id), monitors, now_us)

    monitors = asyncio.run(planned())
    headers = {"Authorization": f"Bearer {project.key}"}
    with client_of(project.address, headers) as client, progress_bars() as progress:
        sent = send_checks(Sender(client, progress), monitors, now_us)
    slug = asyncio.run(made(monitors))
    return f"{len(monitors)} monitors with {sent} checks; {project.address}/status/{slug} is public"


def _deploy(settings: Settings, project: "Project", seed: int, project_id: "ProjectId") -> str:
    """Makes the deployments of the demo, with their logs and the traffic around the bad one."""
    from eventlog.log import LogError
    from sluice.bulk_target import target_of
    from sluice.demo_deploys import (
        busy_of,
        has_deployments,
        send_busy,
        send_lines,
        set_deployments,
    )
    from sluice.demo_requests import Sender, client_of
    from sluice.demo_sending import progress_bars

    until = datetime.now(UTC)

    async def is_made() -> bool:
        async with opened(settings) as control:
            return await has_deployments(control.database, project_id, until)

    async def make() -> None:
        async with opened(settings) as control:
            # First: whoever makes them again, after a break, sends the same lines.
            with target_of(control) as target:
                try:
                    await asyncio.to_thread(send_lines, target.log, project_id, until)
                except LogError as error:
                    raise CommandError(f"the logs of deployments: {error}") from error
            await set_deployments(control.database, control.vault, project_id, until)

    if asyncio.run(is_made()) or project.dsn is None:
        return "its deployments are there already"
    headers = {"Authorization": f"Bearer {project.key}"}
    with client_of(project.address, headers) as client, progress_bars() as progress:
        send_busy(Sender(client, progress), project.dsn, seed, busy_of(until))
    asyncio.run(make())
    return "deployments of three months; one of the last hours was bad, and was gone back from"


def _refuse_elsewhere(settings: Settings) -> None:
    try:
        refuse_missing(settings)
    except CommandError as error:
        raise CommandError(f"{error}; for a server on another machine, give --key") from error


def _remove(settings: Settings) -> None:
    refuse_missing(settings)

    async def work() -> bool:
        async with opened(settings) as control:
            return await _removed(control)

    if asyncio.run(work()):
        typer.echo("removed the project demo and all that it had stored")
    else:
        typer.echo("removed the project demo; a server removes what it had stored when it runs")


async def _removed(control: Control) -> bool:
    """Tells whether the stored data is gone too, which a running server sees to."""
    from sluice.demo_project import remove_demo, wait_forgotten

    project_id = await remove_demo(control.database, control.vault)
    if not control.settings.kafka_url and holder_of(control.paths.lock) is None:
        return False
    typer.echo("waiting until the server has deleted its data, about 15 seconds ...", err=True)
    return await wait_forgotten(control.database, project_id, timeout_s=REMOVED_WITHIN_S)


def _dashboard(address: str, key: str) -> str:
    """Returns where the dashboard is; to a person, a link that signs them in."""
    from sluice.demo_sending import sign_in_link

    link = sign_in_link(address, key) if sys.stdout.isatty() else None
    if link is None:
        return f"{address}/ is the dashboard; members of the project demo sign in there"
    return f"{link} signs you in to the dashboard of the demo, once, within 2 minutes"


def _pages(address: str, project_id: "ProjectId") -> tuple[str, ...]:
    """Returns which pages of the dashboard to look at first, a line each."""
    pages = (
        ("errors/issues", "errors, grouped"),
        ("uptime/monitors", "monitors, what is down first"),
        ("uptime/incidents", "incidents: one goes on, and is acknowledged"),
        ("uptime/escalation", "who would be told of them, and when"),
        ("uptime/sla", "service levels, month by month"),
    )
    return tuple(f"  {address}/p/{project_id}/{path} : {what}" for path, what in pages)


def _what_next(
    settings: Settings, address: str, days: int, dashboard: str, project_id: "ProjectId"
) -> str:
    since = datetime.now(UTC) - timedelta(days=days + 1)
    return "\n".join(
        (
            "",
            "What to open next:",
            f"  {dashboard}",
            *_pages(address, project_id),
            f"  export KEY=$({own_command(settings, 'key show -p demo')})",
            f'  curl -H "Authorization: Bearer $KEY" "{address}/v1/analytics?group_by=model'
            f'&date_from={since:%Y-%m-%dT00:00:00Z}&date_to=$(date -u +%FT%TZ)"',
            f"  {address}/docs asks for that key once, and shows and tries every endpoint",
            f"When you have seen enough: {own_command(settings, 'demo --remove')}",
        )
    )
