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
    """List everybody, with the projects they may enter and their role there."""
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
        "nobody yet; add somebody with: sluice user add EMAIL",
    )


@app.command()
def add(
    email: Email,
    name: Annotated[str | None, typer.Option(help="Name, if the email is new here.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="May manage keys and members.")] = False,
    project: Project = None,
    password_stdin: PasswordStdin = False,
    existing: Annotated[
        bool,
        typer.Option("--existing", help="Add the account of this email, whoever made it."),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Let a person into a project: make their account, or add one that you know to be theirs."""
    from controlplane.members import NewAccount, add_account, add_newcomer
    from controlplane.projects import as_role

    role = as_role("admin" if admin else "user")

    async def work(control: Control, found: "ProjectRow") -> str:
        if existing:
            member = await add_account(control.database, found.project_id, email, role)
        elif await _is_known(control, email):
            raise CommandError(
                f"{email} has an account already, and nobody had to prove that it is theirs: hand"
                " over a link (sluice user invite), or say --existing if you know the account"
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
    """Give a member another role; a project's last admin stays."""

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
    typer.echo(f"{email} has a new password and was signed out")


@app.command()
def remove(email: Email, project: Project = None, data_dir: DataDir = None) -> None:
    """Take a person out of a project; its last admin stays."""

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
    from controlplane.errors import NotFound

    try:
        await user_of(control.database, email)
    except NotFound:
        return False
    return True


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
