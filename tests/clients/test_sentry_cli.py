"""`sentry-cli` 2 from npm, as build scripts run it: releases, source maps, events, jobs.

What 3.8 sends is recorded in tests/integration/issues.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from tests.components import node
from tests.components.fixtures import require
from tests.e2e.server import Project, Server, create_project, wait_for

pytestmark = pytest.mark.slow

VERSION = "shop@2.0"
SHOP = 'export const total = (n: number) => { throw new Error("none of " + n); };\ntotal(1);\n'


class Shop(NamedTuple):
    """A repository with a program in it, and whoever builds it."""

    project: Project
    folder: Path
    environ: dict[str, str]

    def run(self, *command: str) -> str:
        """Runs a command there; returns what it says."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def cli(self, *arguments: str) -> str:
        """Runs `sentry-cli`."""
        return self.run(str(node.modules() / ".bin" / "sentry-cli"), *arguments)

    def get(self, path: str, **params: str) -> Any:
        """Returns what is answered to a query."""
        return self.project.get(f"/v1/{path}", **params).json()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    require("node")
    folder = tmp_path_factory.mktemp("shop")
    with Server(tmp_path_factory.mktemp("data")) as server:
        project = create_project(server, "shop")
        own = ("--project", project.project_id)
        dsn = server.run("key", "dsn", "create", *own).strip()
        environ = {
            **os.environ,
            "SENTRY_URL": server.url,
            "SENTRY_DSN": dsn,
            "SENTRY_AUTH_TOKEN": project.make_token(name="ci", scope="write"),
            "SENTRY_ORG": "any",
            "SENTRY_PROJECT": dsn.rpartition("/")[2],
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        yield Shop(project, folder, environ)


@pytest.fixture(scope="module")
def built(shop: Shop) -> Shop:
    """After two commits and a build with source maps."""
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
    shop.run("git", "init", "--quiet")
    for number in range(2):
        (shop.folder / "shop.ts").write_text(SHOP + "\n" * number)
        shop.run("git", "add", "shop.ts")
        shop.run("git", *who, "commit", "--quiet", "-m", f"Change {number}")
    esbuild = str(node.modules() / ".bin" / "esbuild")
    shop.run(esbuild, "shop.ts", "--minify", "--sourcemap", "--outdir=dist", "--log-level=error")
    return shop


def test_a_release_has_its_commits_and_its_deployments(built: Shop) -> None:
    built.cli("releases", "new", VERSION)
    built.cli("releases", "set-commits", VERSION, "--auto", "--ignore-missing")
    built.cli("releases", "finalize", VERSION)
    built.cli("releases", "deploys", VERSION, "new", "-e", "staging")
    built.cli("deploys", "new", "-r", VERSION, "-e", "production")

    one = built.get(f"releases/{quote(VERSION, safe='')}")

    assert [commit["message"].strip() for commit in one["commits"]] == ["Change 1", "Change 0"]
    assert {one["environment"] for one in one["deployments"]} == {"staging", "production"}
    assert VERSION in built.cli("releases", "list")
    assert "staging" in built.cli("deploys", "list", "-r", VERSION)


def test_source_maps_are_uploaded_once(built: Shop) -> None:
    built.cli("sourcemaps", "inject", "dist")

    first = built.cli("sourcemaps", "upload", "--release", VERSION, "dist")
    again = built.cli("releases", "files", VERSION, "upload-sourcemaps", "dist")

    assert "Uploaded files to Sentry" in first
    assert "Nothing to upload, all files are on the server" in again


def test_events_and_jobs_are_taken_by_dsn(built: Shop) -> None:
    envelope = built.folder / "one.envelope"
    envelope.write_text('{}\n{"type":"event"}\n{"message":"from a file"}\n')

    built.cli("send-event", "-m", "from a shell", "-r", VERSION, "-t", "step:build")
    built.cli("send-envelope", str(envelope))
    built.cli("monitors", "run", "-s", "0 3 * * *", "nightly", "--", "true")

    def titles() -> set[str]:
        return {one["title"] for one in built.get("issues")["issues"]}

    wait_for(lambda: titles() == {"from a shell", "from a file"}, "two issues")
    (job,) = wait_for(lambda: built.get("check-ins/monitors")["monitors"], "a job")
    assert (job["monitor"], job["schedule"]) == ("nightly", "0 3 * * * (UTC)")
