"""`sluice token`: API tokens, with which programs ask about issues and change them."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.commands.control import Control, project_named, run
from sluice.commands.errors import WrongCall
from sluice.commands.options import DataDir, Project
from sluice.commands.output import moment, show_rows

if TYPE_CHECKING:
    from controlplane.tokens import ShownToken, TokenOwner

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API tokens.")

EVERY_PROJECT = "every project"
NO_TOKENS = "no API tokens; make one with: sluice token create NAME"


Scope = Annotated[
    str,
    typer.Option(
        help="What it may do: read, write or admin; or of single subjects, such as"
        " monitors:read,incidents:write."
    ),
]


@app.command("list")
def list_all(project: Project = None, data_dir: DataDir = None) -> None:
    """List every API token, or those of one project. Only the end of each is known."""

    async def work(control: Control) -> "list[ShownToken]":
        from controlplane.tokens import TokenOwner, all_tokens, list_tokens

        if project is None:
            return await all_tokens(control.database)
        found = await project_named(control.database, project)
        return await list_tokens(control.database, TokenOwner(project_id=found.project_id))

    show_rows(
        ("id", "name", "token", "scope", "reaches", "created", "until", "last used"),
        (_row(token) for token in run(work, data_dir)),
        NO_TOKENS,
    )


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What to call the token.")] = "API token",
    scope: Scope = "read",
    project: Project = None,
    user: Annotated[
        str | None,
        typer.Option(help="Email of a person, whose projects it reaches instead of one."),
    ] = None,
    every_project: Annotated[
        bool, typer.Option("--every-project", help="It reaches all projects instead of one.")
    ] = False,
    monitors: Annotated[
        bool, typer.Option("--monitors", help="A monitor key, sk_live_…, of one project.")
    ] = False,
    prober: Annotated[
        bool, typer.Option("--prober", help="A prober key, sk_probe_…, of one project.")
    ] = False,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="It ends after so many days.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make an API token, and print it and nothing else. It is not shown again."""
    if (project is not None) + (user is not None) + every_project > 1:
        raise WrongCall("give one of --project, --user and --every-project")
    if monitors and prober:
        raise WrongCall("give one of --monitors and --prober")
    if (monitors or prober) and (user is not None or every_project):
        raise WrongCall("--monitors, --prober: such a key is of one project")

    async def work(control: Control) -> str:
        from controlplane.tokens import TokenDraft, TokenOwner, create_token

        owner = TokenOwner() if every_project else await _owner(control, project, user)
        until = None if days is None else datetime.now(UTC) + timedelta(days=days)
        draft = TokenDraft(name, scope, until, for_monitors=monitors, for_probers=prober)
        return (await create_token(control.database, owner, draft)).plain

    typer.echo(run(work, data_dir))


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(help="Id of the token; sluice token list shows it.")],
    project: Project = None,
    data_dir: DataDir = None,
) -> None:
    """Revoke an API token. A running server rejects it within two seconds."""

    async def work(control: Control) -> None:
        from controlplane.tokens import revoke_any_token, revoke_token

        if project is None:
            await revoke_any_token(control.database, token_id)
        else:
            await revoke_token(control.database, await _owner(control, project, None), token_id)

    run(work, data_dir)
    typer.echo(f"revoked {token_id}")


async def _owner(control: Control, project: str | None, user: str | None) -> "TokenOwner":
    """Returns the person of an email, or else the project that is named, or the only one."""
    from controlplane.directory import user_of
    from controlplane.tokens import TokenOwner

    if user is not None:
        return TokenOwner(user_id=(await user_of(control.database, user)).user_id)
    return TokenOwner(project_id=(await project_named(control.database, project)).project_id)


def _row(token: "ShownToken") -> tuple[str, ...]:
    reaches = token.email and f"projects of {token.email}"
    return (
        token.token_id,
        token.name,
        f"…{token.last_four}",
        token.scope,
        token.project_name or reaches or EVERY_PROJECT,
        moment(token.created_at),
        moment(token.expires_at),
        moment(token.last_used_at),
    )
