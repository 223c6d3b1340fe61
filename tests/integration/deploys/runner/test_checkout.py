"""Commits that are fetched from real repositories, and what git is kept from."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from aiohttp import encode_basic_auth

from deploys.checkout import Source, check_out, remote_head
from deploys.failures import CheckoutFailed
from deploys.settings import DeployerSettings
from deploys.steps import run_step
from deploys.supervision.kin import all_processes
from tests.integration.deploys.runner.repositories import (
    GitServer,
    Repository,
    fetched,
    of,
    serve_git,
)
from tests.integration.deploys.runner.workshop import command_line, contents

TOKEN = "canary-token-5c1e"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "served" / "shop.git")
    made.commit({"main.py": "print(1)\n", "static/a.txt": "a"}, "First\n\nIt prints.")
    return made


@pytest.fixture
async def server(tmp_path: Path, repository: Repository) -> AsyncIterator[GitServer]:
    async with serve_git(tmp_path / "served", TOKEN) as one:
        yield one


@pytest.fixture
def settings(tmp_path: Path) -> DeployerSettings:
    return DeployerSettings(folder=tmp_path / "deployer", private_allowed=True)


class TestWhat:
    async def test_the_newest_commit_of_a_branch(
        self, repository: Repository, settings: DeployerSettings
    ) -> None:
        sha = repository.git("rev-parse", "HEAD")

        commit, folder = await fetched(settings, of(repository))

        assert (commit.sha, commit.message, commit.author) == (
            *(sha, "First\n\nIt prints.", "Ann Author"),
        )
        assert commit.at_us == int(repository.git("log", "-1", "--format=%ct")) * 1_000_000
        assert sorted(path.name for path in folder.iterdir()) == ["main.py", "static"]

    async def test_a_commit_by_its_hash_or_its_first_digits(
        self, repository: Repository, settings: DeployerSettings
    ) -> None:
        first = repository.git("rev-parse", "HEAD")
        repository.commit({"main.py": "print(2)\n"})

        by_hash, folder = await fetched(settings, of(repository, commit=first))
        by_digits, _ = await fetched(settings, of(repository, commit=first[:8]))

        assert by_hash.sha == by_digits.sha == first
        assert (folder / "main.py").read_text() == "print(1)\n"

    async def test_a_tag_and_a_pull_request(
        self, repository: Repository, settings: DeployerSettings
    ) -> None:
        sha = repository.git("rev-parse", "HEAD")
        repository.git("tag", "v1")
        repository.git("update-ref", "refs/pull/12/head", sha)

        assert (await fetched(settings, of(repository, "v1")))[0].sha == sha
        assert (await fetched(settings, of(repository, "refs/pull/12/head")))[0].sha == sha

    async def test_a_commit_that_was_fetched_needs_no_repository(
        self, repository: Repository, settings: DeployerSettings
    ) -> None:
        sha = repository.git("rev-parse", "HEAD")
        await fetched(settings, of(repository))
        repository.folder.rename(repository.folder.with_name("away"))

        commit, _ = await fetched(settings, of(repository, commit=sha))

        assert commit.sha == sha

    async def test_a_branch_that_was_written_anew(
        self, repository: Repository, settings: DeployerSettings
    ) -> None:
        await fetched(settings, of(repository))
        repository.git("commit", "--quiet", "--amend", "--message", "Another first")

        commit, _ = await fetched(settings, of(repository))

        assert commit.message == "Another first"

    async def test_the_head_of_a_branch_without_a_fetch(
        self, repository: Repository, settings: DeployerSettings
    ) -> None:
        assert await remote_head(settings, of(repository)) == repository.git("rev-parse", "HEAD")
        with pytest.raises(CheckoutFailed, match="has no branch or tag 'other'"):
            await remote_head(settings, of(repository, "other"))

    async def test_submodules_are_named_and_not_fetched(
        self, repository: Repository, settings: DeployerSettings
    ) -> None:
        repository.commit({".gitmodules": '[submodule "x"]\n path = x\n url = ../other\n'})

        commit, _ = await fetched(settings, of(repository))

        assert commit.has_submodules


class TestRefusals:
    @pytest.mark.parametrize(
        ("branch", "commit", "message"),
        [
            ("other", "", "no branch or tag 'other'"),
            ("main", "0" * 40, f"no commit {'0' * 40} on main"),
            ("main", "00000", "no commit 00000 on main"),
            ("--upload-pack=x", "", "cannot be the name of a branch"),
            ("a b", "", "cannot be the name of a branch"),
            ("main", "HEAD", "cannot be the hash of a commit"),
        ],
    )
    async def test_what_is_not_there_is_said(
        self,
        repository: Repository,
        settings: DeployerSettings,
        branch: str,
        commit: str,
        message: str,
    ) -> None:
        with pytest.raises(CheckoutFailed, match=message):
            await fetched(settings, of(repository, branch, commit))

    async def test_a_folder_needs_leave(
        self, repository: Repository, settings: DeployerSettings
    ) -> None:
        closed = DeployerSettings(folder=settings.folder)

        with pytest.raises(CheckoutFailed, match="SLUICE_PRIVATE_TARGETS=allow"):
            await fetched(closed, of(repository))


class TestOverHttp:
    async def test_the_token_opens_and_stays_secret(
        self, server: GitServer, settings: DeployerSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lines: list[bytes] = []

        async def watched(*args: object, **options: object) -> object:
            watching = asyncio.create_task(_watch(lines))
            try:
                return await run_step(*args, **options)  # type: ignore[arg-type]
            finally:
                watching.cancel()

        monkeypatch.setattr("deploys.git.run_step", watched)
        source = Source(app="shop", url=f"{server.url}/shop.git", token=TOKEN, branch="main")

        commit, folder = await fetched(settings, source)

        assert commit.message.startswith("First")
        assert not (folder / ".git").exists()
        assert any(b"fetch" in line for line in lines)
        encoded = encode_basic_auth("x-access-token", TOKEN).rpartition(" ")[2]
        for secret in (TOKEN.encode(), encoded.encode()):
            assert not any(secret in line for line in lines)
            assert secret not in contents(settings.folder)

    @pytest.mark.parametrize("token", ["", "wrong-canary-77"])
    async def test_without_it_the_reason_is_clear_and_without_secret(
        self, server: GitServer, settings: DeployerSettings, token: str
    ) -> None:
        source = Source(app="shop", url=f"{server.url}/shop.git", token=token, branch="main")

        with pytest.raises(CheckoutFailed, match="set its token, or check it") as failed:
            await fetched(settings, source)

        assert "wrong-canary-77" not in str(failed.value)

    async def test_a_secret_in_the_url_is_taken_out_of_it(
        self, server: GitServer, settings: DeployerSettings
    ) -> None:
        url = f"{server.url}/shop.git".replace("://", f"://x-access-token:{TOKEN}@")

        await fetched(settings, Source(app="shop", url=url, branch="main"))

        assert TOKEN.encode() not in contents(settings.folder)

    async def test_a_repository_that_is_not_there(
        self, server: GitServer, settings: DeployerSettings
    ) -> None:
        source = Source(app="shop", url=f"{server.url}/none.git", token=TOKEN, branch="main")

        with pytest.raises(CheckoutFailed, match="No repository was found"):
            await fetched(settings, source)

    async def test_a_redirect_is_not_followed(
        self, server: GitServer, settings: DeployerSettings
    ) -> None:
        server.redirect = "/elsewhere"
        source = Source(app="shop", url=f"{server.url}/shop.git", token=TOKEN, branch="main")

        with pytest.raises(CheckoutFailed, match="redirects to another address"):
            await fetched(settings, source)

        assert not any(path.startswith("/elsewhere") for path in server.heard)

    async def test_a_page_that_leads_to_the_repository_is_understood(
        self, server: GitServer, settings: DeployerSettings
    ) -> None:
        server.redirect = "/shop.git"
        source = Source(app="shop", url=f"{server.url}/shop", token=TOKEN, branch="main")

        commit, _ = await fetched(settings, source)

        assert commit.message.startswith("First")

    async def test_git_connects_to_the_address_that_was_checked(
        self, server: GitServer, settings: DeployerSettings
    ) -> None:
        async def says_loopback(host: str) -> Sequence[str]:
            return ["127.0.0.1"] if host == "git.example.com" else []

        # The name means nothing here: were git to ask for it, it would not get through.
        url = f"{server.url}/shop.git".replace("localhost", "git.example.com")
        folder = settings.folder / "tree"
        folder.mkdir(parents=True)

        commit = await check_out(
            settings,
            Source(app="shop", url=url, token=TOKEN, branch="main"),
            folder,
            cancel=asyncio.Event(),
            resolve=says_loopback,
        )

        assert commit.message.startswith("First")

    async def test_a_private_address_is_refused_whatever_its_name(
        self, server: GitServer, settings: DeployerSettings
    ) -> None:
        async def mixed(host: str) -> Sequence[str]:
            return ["93.184.216.34", "127.0.0.1"]

        closed = DeployerSettings(folder=settings.folder)
        source = Source(app="shop", url="https://git.example.com/shop.git", branch="main")

        with pytest.raises(CheckoutFailed, match="127.0.0.1 is a private address"):
            await remote_head(closed, source, resolve=mixed)
        assert server.heard == []


class TestOwnSettings:
    async def test_settings_and_hooks_of_this_machine_are_not_read(
        self,
        repository: Repository,
        settings: DeployerSettings,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        repository.commit({".gitattributes": "*.py filter=evil\n"})
        home = tmp_path / "home"
        (home / "templates/hooks").mkdir(parents=True)
        marker = tmp_path / "hook-ran"
        hook = home / "templates/hooks/post-checkout"
        hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
        hook.chmod(0o755)
        (home / ".gitconfig").write_text(
            f"[init]\n templateDir = {home}/templates\n"
            f"[core]\n hooksPath = {home}/templates/hooks\n"
            f'[filter "evil"]\n smudge = touch {marker}; cat\n'
        )
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'core.fsmonitor=touch {marker}'")

        await fetched(settings, of(repository))

        assert not marker.exists()

    async def test_a_link_out_of_the_folder_is_written_as_a_link(
        self, repository: Repository, settings: DeployerSettings, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (repository.folder / "out").symlink_to(outside)
        repository.commit({"z.txt": "z"})

        _, folder = await fetched(settings, of(repository))

        assert (folder / "out").is_symlink()
        assert list(outside.iterdir()) == []


async def _watch(lines: list[bytes]) -> None:
    """Notes the command lines of all processes, again and again."""
    while True:
        for process in all_processes():
            lines.append(command_line(process.pid))
        await asyncio.sleep(0.005)
