"""The set-up flow of the original's CLI, in its order (contract 1.d.4 and 1.a.6)."""

import json
import os
import subprocess
import sys

import httpx
import pytest

from tests.e2e.payloads import new_id, span, trace
from tests.e2e.server import COOKIE, PASSWORD, PROJECT_NAME, Project, Server, wait_for

# What `proxy_pass` alone sends on, by a worker of nginx as Debian runs it (33 is www-data).
AS_NGINX = """
import os, socket, sys
os.setuid(33)
upstream = socket.socket()
upstream.connect(("127.0.0.1", int(sys.argv[1])))
upstream.sendall(sys.argv[2].encode())
print(upstream.makefile("rb").read().decode())
"""


class TestSignIn:
    @pytest.mark.parametrize("password", ["wrong password", ""])
    def test_a_wrong_password_is_refused_in_better_auths_form(
        self, server: Server, password: str
    ) -> None:
        form = {"email": f"{new_id()}@example.com", "password": password}

        with server.client(None) as client:
            answer = client.post("/api/auth/sign-in/email", json=form)

        assert answer.status_code == 401
        assert answer.json() == {
            "code": "INVALID_EMAIL_OR_PASSWORD",
            "message": "Invalid email or password",
        }

    def test_signing_up_goes_through_the_dashboard_alone(self, server: Server) -> None:
        form = {"name": "x", "email": f"{new_id()}@example.com", "password": PASSWORD}

        with server.client(None) as client:
            answer = client.post("/api/auth/sign-up/email", json=form)

        assert answer.status_code == 403
        assert answer.json() == {
            "code": "FORBIDDEN",
            "message": "Use /dashboard/api/signup for account creation",
        }


class TestSetUp:
    def test_a_new_person_comes_to_a_working_key(self, server: Server) -> None:
        email = f"{new_id()}@example.com"
        form = {"name": "Ada", "email": email, "password": PASSWORD, "projectName": "Engine"}
        with server.client(None) as client:
            assert client.get("/health").json()["status"] == "ok"

            signed_up = client.post("/dashboard/api/signup", json=form)
            signed_in = client.post(
                "/api/auth/sign-in/email", json={"email": email, "password": PASSWORD}
            )
            (project,) = client.get("/dashboard/api/projects").json()["projects"]
            keys = client.get(
                "/dashboard/api/api-keys", headers={"X-Project-Id": project["id"]}
            ).json()["keys"]

        assert (signed_up.status_code, signed_up.json()) == (201, {"success": True})
        cookie = signed_in.headers["set-cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"} <= set(cookie.split("; "))
        assert (project["name"], project["role"]) == ("Engine", "admin")
        assert sends(server, keys[0]["key"]) == 202

    def test_the_seeded_admin_owns_the_seeded_project(self, server: Server) -> None:
        projects = server.admin.get("/dashboard/api/projects").json()["projects"]

        assert PROJECT_NAME in [project["name"] for project in projects]

    def test_a_new_key_works_until_it_is_revoked(self, project: Project) -> None:
        admin, headers = project.server.admin, {"X-Project-Id": project.project_id}
        made = admin.post("/dashboard/api/api-keys", json={"name": "CLI Key"}, headers=headers)
        key = made.json()["apiKey"]
        assert (made.status_code, sends(project.server, key)) == (201, 202)
        listed = admin.get("/dashboard/api/api-keys", headers=headers).json()["keys"]
        (key_id,) = [item["id"] for item in listed if item["name"] == "CLI Key"]

        revoked = admin.delete(f"/dashboard/api/api-keys/{key_id}", headers=headers)

        assert (revoked.status_code, revoked.json()) == (200, {"success": True})
        wait_for(lambda: sends(project.server, key) == 401, "the key to be refused")
        assert sends(project.server, project.key) == 202


class TestLocalLogin:
    """`pulse dashboard` on the machine of the server, over a real connection."""

    def test_a_person_here_is_signed_in_with_the_key_until_it_is_revoked(
        self, project: Project
    ) -> None:
        admin, headers = project.server.admin, {"X-Project-Id": project.project_id}
        form = {"redirect_url": "http://localhost:5173/", "api_key": project.key}
        with project.server.client(None) as browser:
            offered = browser.post("/dashboard/api/local-login-token", json=form)
            signed_in = browser.get(offered.json()["login_url"])
            seen = browser.get("/dashboard/api/traces", headers=headers)
            made = browser.post("/dashboard/api/api-keys", json={}, headers=headers)
            (key,) = admin.get("/dashboard/api/api-keys", headers=headers).json()["keys"]
            admin.delete(f"/dashboard/api/api-keys/{key['id']}", headers=headers)
            after = browser.get("/dashboard/api/traces", headers=headers)

        assert (offered.status_code, signed_in.status_code) == (201, 302)
        assert (seen.status_code, made.status_code, after.status_code) == (200, 403, 401)

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to become another user")
    def test_a_bare_proxy_on_this_machine_is_refused(self, project: Project) -> None:
        form = json.dumps({"redirect_url": "http://localhost/", "api_key": project.key})
        head = (
            f"POST /dashboard/api/local-login-token HTTP/1.0\r\nHost: {project.server.url[7:]}\r\n"
            f"Connection: close\r\nContent-Length: {len(form)}\r\n\r\n"
        )
        command = [sys.executable, "-c", AS_NGINX, str(project.server.port), head + form]

        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)

        assert answer.stdout.startswith("HTTP/1.1 403")


class TestDashboardIngest:
    @pytest.mark.parametrize(("path", "item"), [("traces/batch", trace()), ("spans/batch", span())])
    def test_a_member_may_send_with_a_session(
        self, project: Project, path: str, item: dict[str, object]
    ) -> None:
        answer = ask(project, f"/dashboard/api/{path}", item)

        assert (answer.status_code, answer.json()["count"]) == (202, 1)
        assert project.get(f"/v1/{path.partition('/')[0]}").json()["total"] == 1

    def test_there_is_no_way_to_queue_traces_with_a_session(self, project: Project) -> None:
        answer = ask(project, "/dashboard/api/traces/async", trace())

        assert (answer.status_code, answer.text) == (404, "404 Not Found")

    def test_another_sites_page_is_refused(self, project: Project) -> None:
        answer = ask(
            project, "/dashboard/api/traces/batch", trace(), Origin="https://evil.example.com"
        )

        assert answer.status_code == 403


def ask(project: Project, path: str, item: dict[str, object], **headers: str) -> httpx.Response:
    own = {"X-Project-Id": project.project_id, **headers}
    return project.server.admin.post(path, json=[item], headers=own)


def sends(server: Server, key: str) -> int:
    """Returns how a trace with this key is answered."""
    with server.client(key) as client:
        return client.post("/v1/traces/async", json=[trace()]).status_code
