"""`sluice user invite`, `invitations` and `uninvite`: links with which people join a project."""

from typing import TYPE_CHECKING, Annotated

import typer

from schemas.projects import ProjectId
from sluice.commands.control import Control, project_named, run, run_in_project
from sluice.commands.options import DataDir, Project, address_of
from sluice.commands.output import moment, show_rows

if TYPE_CHECKING:
    from controlplane.directory import ProjectRow
    from controlplane.invitations import Invited, NewInvitation

Url = Annotated[
    str | None,
    typer.Option("--url", help="Address of the server for people, such as https://host."),
]


def invite(
    email: Annotated[str, typer.Argument(help="Email of the person. It is only a label.")],
    admin: Annotated[bool, typer.Option("--admin", help="May manage keys and members.")] = False,
    project: Project = None,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Print a link to a project. Who opens it joins; it works once, within seven days."""

    from controlplane.invitations import NewInvitation
    from controlplane.projects import as_role

    async def work(control: Control, found: "ProjectRow") -> "tuple[str, Invited]":
        new = NewInvitation(email, as_role("admin" if admin else "user"), None)
        return await invited(control, found.project_id, new, url)

    link, made = run_in_project(work, project, data_dir)
    typer.echo(link)
    typer.echo(f"give this link to the person; it works until {moment(made.expires_at)}", err=True)


async def invited(
    control: Control, project_id: ProjectId, new: "NewInvitation", url: str | None
) -> "tuple[str, Invited]":
    """Invites as the operator; returns the link, below `url` or where this machine finds us."""
    from controlplane.invitations import invite, invite_url

    at_most = control.settings.max_members_per_project
    made = await invite(control.database, project_id, new, at_most=at_most)
    origin = (url or address_of(control.settings)).rstrip("/")
    return invite_url(origin, made.token), made.invited


def list_pending(project: Project = None, data_dir: DataDir = None) -> None:
    """List the open invitations to a project, without their links."""

    from controlplane.invitations import list_invitations

    async def work(control: Control, found: "ProjectRow") -> "list[Invited]":
        return await list_invitations(control.database, found.project_id)

    show_rows(
        ("id", "email", "role", "invited by", "until"),
        (
            (
                row.invitation_id,
                row.email,
                row.role,
                row.inviter or "the operator",
                moment(row.expires_at),
            )
            for row in run_in_project(work, project, data_dir)
        ),
        "no invitations; make one with: sluice user invite EMAIL",
    )


def uninvite(
    invitation_id: Annotated[
        str, typer.Argument(help="Id of the invitation; sluice user invitations shows it.")
    ],
    project: Project = None,
    data_dir: DataDir = None,
) -> None:
    """Revoke an invitation: its link stops working."""

    from controlplane.invitations import project_of_invitation, revoke_invitation

    async def work(control: Control) -> None:
        database = control.database
        if project is None:
            owner = await project_of_invitation(database, invitation_id)
        else:
            owner = (await project_named(database, project)).project_id
        await revoke_invitation(database, owner, invitation_id)

    run(work, data_dir)
    typer.echo(f"revoked {invitation_id}")
