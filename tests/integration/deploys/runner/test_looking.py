"""A look at a repository before it is deployed, with real repositories."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from controlplane.failures import TooManyRequests
from deploys import looking
from schemas.deploys.looking import Detected, NotDetected, Wanted
from sluice.repository_looks import A_MINUTE, Looker
from tests.integration.deploys.runner.repositories import Repository

PYTHON = {"requirements.txt": "flask\n", "app.py": "from flask import Flask\napp = Flask('a')\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "looks"


@pytest.fixture
def looker(folder: Path) -> Looker:
    return Looker(folder, private_allowed=True)


def repository(tmp_path: Path, files: Mapping[str, str]) -> Repository:
    made = Repository(tmp_path / "shop.git")
    made.commit(files, "First\n\nAnd more.")
    return made


def of(made: Repository, **more: str) -> Wanted:
    return Wanted(
        repo_url=str(made.folder),
        branch=more.get("branch", "main"),
        **{name: value for name, value in more.items() if name != "branch"},
    )


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_it_says_how_a_python_app_would_run_and_leaves_nothing(
    tmp_path: Path, folder: Path, looker: Looker
) -> None:
    made = repository(tmp_path, PYTHON)

    found = await looker.look("ann", of(made))

    assert isinstance(found, Detected)
    assert (found.kind, found.language, found.framework) == ("command", "python", "flask")
    assert "requirements.txt" in found.install_command
    assert found.start_command
    assert (found.commit_sha, found.commit_msg) == (made.git("rev-parse", "HEAD"), "First")
    assert found.health_path == "/"
    assert left_in(folder) == []


async def test_of_a_static_site_it_says_which_folder_is_served(
    tmp_path: Path, looker: Looker
) -> None:
    made = repository(tmp_path, {"web/index.html": "<h1>Hi</h1>"})

    found = await looker.look("ann", of(made, run_dir="web"))

    assert isinstance(found, Detected)
    assert (found.kind, found.output_folder, found.start_command) == ("static", ".", "")


@pytest.mark.parametrize(
    ("wanted", "field", "text"),
    [
        ({"branch": "other"}, "branch", "The repository has no branch or tag 'other'"),
        ({"run_dir": "web"}, "run_dir", "run_dir 'web' is no folder of the repository"),
        ({"run_dir": "../.."}, "run_dir", "run_dir '../..' is no folder of the repository"),
        ({}, "start_command", "Nothing here says how to start it"),
    ],
)
async def test_what_is_wrong_is_said_of_its_field(
    tmp_path: Path, folder: Path, looker: Looker, wanted: dict[str, str], field: str, text: str
) -> None:
    found = await looker.look("ann", of(repository(tmp_path, {"README": "x"}), **wanted))

    assert isinstance(found, NotDetected)
    assert found.field == field
    assert found.text.startswith(text)
    assert left_in(folder) == []


@pytest.mark.parametrize(
    "url", ["{folder}", "file://{folder}", "http://127.0.0.1:1/x.git", "http://169.254.169.254/x"]
)
async def test_it_goes_nowhere_that_a_deployment_may_not(
    tmp_path: Path, folder: Path, url: str
) -> None:
    made = repository(tmp_path, PYTHON)
    looker = Looker(folder, private_allowed=False)

    found = await looker.look("ann", Wanted(repo_url=url.format(folder=made.folder)))

    assert isinstance(found, NotDetected)
    assert found.field == "repo_url"
    assert "SLUICE_PRIVATE_TARGETS=allow" in found.text or "metadata" in found.text


@pytest.mark.parametrize(
    ("bound", "least", "text"),
    [("MOST_FILES", 1, "2 files; 1 are allowed"), ("LOOK_S", 0.0, "took longer than 0 s")],
)
async def test_it_is_bounded(
    tmp_path: Path,
    folder: Path,
    looker: Looker,
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
    least: float,
    text: str,
) -> None:
    monkeypatch.setattr(looking, bound, least)

    found = await looker.look("ann", of(repository(tmp_path, PYTHON)))

    assert isinstance(found, NotDetected)
    assert text in found.text
    assert left_in(folder) == []


async def test_who_looks_too_often_is_told_and_others_look_on(folder: Path) -> None:
    looker, nowhere = Looker(folder, private_allowed=False), Wanted(repo_url="/nowhere")
    for _ in range(A_MINUTE):
        await looker.look("ann", nowhere)

    with pytest.raises(TooManyRequests) as refused:
        await looker.look("ann", nowhere)

    assert refused.value.retry_after_s > 0
    assert isinstance(await looker.look("bob", nowhere), NotDetected)


async def test_what_a_look_left_that_was_cut_short_is_removed(
    tmp_path: Path, folder: Path, looker: Looker
) -> None:
    left, under_way = folder / "left", folder / "under-way"
    for one in (left, under_way):
        one.mkdir(parents=True)
    os.utime(left, (1, 1))

    await looker.look("ann", of(repository(tmp_path, PYTHON)))

    assert left_in(folder) == [under_way]
