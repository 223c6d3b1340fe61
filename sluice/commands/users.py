"""`sluice user`: people who may sign in, and the projects that they may enter."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.commands import invitations
from sluice.commands.control import Control, run, run_in_project
from sluice.commands.errors import CommandError
from sluice.commands.options import DataDir, Project
from sluice.commands.output import moment, printable, show_rows

if TYPE_CHECKING:
    from controlplane.directory import ProjectRow

app = typer.Typer(no_args_is_help=True, help="Invite, add, list and remove people.")

Email = Annotated[str, typer.Argument(help="Email of the person.")]
# Not an option with a value: every user of the machine can read those.
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@app.command("list")
def list_people(data_dir: DataDir = None) -> None:
    """List all people, with their projects and their role in each."""
    from controlplane.directory import all_users

    rows = run(lambda control: all_users(control.database), data_dir)
    show_rows(
        ("id", "email", "name", "projects", "since"),
        (
            (
                row.user_id,
                row.email,
                row.name,
                ", ".join(f"{name} ({role})" for name, role in row.projects) or "-",
                moment(row.created_at),
            )
            for row in rows
        ),
        "no people yet; add one with: sluice user add EMAIL",
    )


@app.command()
def add(
    email: Email,
    name: Annotated[str | None, typer.Option(help="Name of the person, for a new account.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="May manage keys and members.")] = False,
    project: Project = None,
    password_stdin: PasswordStdin = False,
    existing: Annotated[
        bool,
        typer.Option("--existing", help="Add the existing account of this email, if you trust it."),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Make an account for a person and add it to a project.

    With --existing, add an account that is there already. Somebody else may have made it under this
    email: Sluice sends no mail to check that.
    """
    from controlplane.members import NewAccount, add_account, add_newcomer
    from controlplane.projects import as_role

    role = as_role("admin" if admin else "user")

    async def work(control: Control, found: "ProjectRow") -> str:
        if existing:
            member = await add_account(control.database, found.project_id, email, role)
        elif await _is_known(control, email):
            raise CommandError(
                f"{email} has an account already, which somebody else may have made: send a link"
                " (sluice user invite), or add it with --existing if you trust it"
            )
        else:
            shown, secret = name or email.partition("@")[0], _read_password(password_stdin)
            new = NewAccount(email=email, role=role, name=shown, password=secret)
            member = await add_newcomer(control.database, found.project_id, new)
        return printable(f"{member.email} is {member.role} of {found.name}")

    typer.echo(run_in_project(work, project, data_dir))


@app.command()
def role(
    email: Email,
    new_role: Annotated[str, typer.Argument(metavar="ROLE", help="admin or user.")],
    project: Project = None,
    data_dir: DataDir = None,
) -> None:
    """Change the role of a member. The last admin of a project stays admin."""

    from controlplane.directory import user_of
    from controlplane.members import change_role, checked_role

    async def work(control: Control, found: "ProjectRow") -> str:
        user = await user_of(control.database, email)
        wanted = checked_role(new_role)
        member = await change_role(control.database, found.project_id, user.user_id, wanted)
        return printable(f"{member.email} is {member.role} of {found.name}")

    typer.echo(run_in_project(work, project, data_dir))


@app.command()
def password(email: Email, password_stdin: PasswordStdin = False, data_dir: DataDir = None) -> None:
    """Give a person a new password, and end their sessions."""

    from controlplane.directory import set_password, user_of

    async def work(control: Control) -> None:
        await user_of(control.database, email)
        await set_password(control.database, email, _read_password(password_stdin))

    run(work, data_dir)
    typer.echo(f"{email} has a new password; all sessions have ended")


@app.command()
def remove(email: Email, project: Project = None, data_dir: DataDir = None) -> None:
    """Remove a person from a project. The last admin of a project stays."""

    from controlplane.directory import user_of
    from controlplane.members import remove_member

    async def work(control: Control, found: "ProjectRow") -> str:
        user = await user_of(control.database, email)
        await remove_member(control.database, found.project_id, user.user_id)
        return printable(found.name)

    typer.echo(f"{email} may no longer enter {run_in_project(work, project, data_dir)}")


app.command()(invitations.invite)
app.command("invitations")(invitations.list_pending)
app.command()(invitations.uninvite)


async def _is_known(control: Control, email: str) -> bool:
    from controlplane.directory import user_of
    from controlplane.failures import NotFound

    try:
        await user_of(control.database, email)
    except NotFound:
        return False
    return True


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
