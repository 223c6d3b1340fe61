"""People of a running server: how somebody comes to belong to a project."""

import httpx

from tests.e2e.payloads import new_id
from tests.e2e.server import Project, Server

PASSWORD = "another long password"


def join(
    server: Server, project: Project, *, role: str = "user", name: str = "Member"
) -> httpx.Client:
    """Invites somebody, who makes an account; returns their client, signed in."""
    form = {"email": f"{new_id()}@example.com", "name": name, "password": PASSWORD}
    invited = server.admin.post(
        "/dashboard/api/users",
        json={"email": form["email"], "role": role},
        headers={"X-Project-Id": project.project_id},
    )
    assert invited.status_code == 201, invited.text
    token = httpx.URL(invited.json()["inviteUrl"]).params["token"]
    member = server.client(None)
    joined = member.post("/dashboard/api/invitations/accept", json={**form, "token": token})
    assert joined.status_code in (200, 201), joined.text
    return member
