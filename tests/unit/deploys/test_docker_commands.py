"""What Docker is asked for: no engine is needed to know that."""

from pathlib import Path
from typing import Any

import pytest

from deploys.app_commands import Place, app_command, container_port
from deploys.detecting import Plan
from deploys.drivers.docker import Docker
from deploys.drivers.driver import Limits, StartFailed
from deploys.drivers.engine import Engine
from deploys.drivers.processes import Confined, Wrapped
from deploys.releases import Release
from deploys.settings import DeployerSettings
from deploys.starting import is_of_another
from schemas.deploys.apps import AppConfig

SETTINGS = DeployerSettings(folder=Path("/srv/deploys"), driver="docker")
SECRET = "correct-horse-battery"
LIMITS = Limits(
    seconds=9, output_bytes=1, disk_bytes=1 << 20, processes=8, memory_bytes=1 << 28, cpu=0.5
)


def confined(**changes: Any) -> Confined:
    usual = Confined(
        name="one",
        text="./run",
        folder=Path("/srv/deploys/releases/r/app"),
        writable=(Path("/srv/deploys/caches/a"),),
        temporary=Path("/srv/deploys/tmp/one"),
        environment={"PASSWORD": SECRET, "TMPDIR": "/srv/deploys/tmp/one"},
        limits=LIMITS,
        network=True,
    )
    return usual._replace(**changes)


def wrapped(image: str = "", **changes: Any) -> Wrapped:
    found = Docker(Engine(SETTINGS), "word", image).wrap(confined(**changes))
    assert found is not None
    return found


def plan(kind: Any = "command", **fields: Any) -> Plan:
    return Plan(kind=kind, install="", build="", start="", why="", **fields)


def release(**fields: Any) -> Release:
    usual: dict[str, Any] = {"id": "r", "app": "a", "environment": "production", "sha": "c" * 40}
    usual |= {"run_dir": "", "plan": plan(), "driver": "docker", "bytes": 0, "made_at_us": 0}
    return Release(**usual | fields)


def test_values_of_the_environment_are_in_no_argument() -> None:
    found = wrapped()

    assert SECRET not in " ".join(found.arguments)
    assert f"PASSWORD={SECRET}\n" in found.private


def test_an_app_is_published_on_the_loopback_interface_alone() -> None:
    arguments = wrapped(port=21000, inner_port=8000).arguments

    assert arguments[arguments.index("--publish") + 1] == "127.0.0.1:21000:8000"
    assert arguments[arguments.index("--network") + 1] == "sluice-word"


def test_what_may_not_use_the_network_has_none() -> None:
    arguments = wrapped(network=False).arguments

    assert arguments[arguments.index("--network") + 1] == "none"


def test_an_image_of_ours_is_taken_from_nobody_else_and_has_no_folder_of_ours() -> None:
    docker = Docker(Engine(SETTINGS), "word", "debian:12")
    found = docker.wrap(confined(image="sluice-word:r", text=""))

    assert found is not None
    assert found.arguments[-3:] == ["--pull", "never", "sluice-word:r"]
    assert "--volume" not in found.arguments
    assert "TMPDIR" not in found.private


@pytest.mark.parametrize(
    ("image", "language", "taken"),
    [
        ("", "python", "python:3.13-bookworm"),
        ("", "node", "node:22-bookworm"),
        ("", "", "debian:12"),
        ("registry.example/all:1", "python", "registry.example/all:1"),
    ],
)
def test_what_has_no_dockerfile_runs_in_an_image_of_its_language(
    image: str, language: str, taken: str
) -> None:
    assert taken in wrapped(image, language=language).arguments


def test_a_value_with_line_ends_is_refused_by_the_name_of_its_variable() -> None:
    with pytest.raises(StartFailed, match="'KEY': it has line ends"):
        wrapped(environment={"KEY": "a\nDOCKER=b"})


def test_a_program_of_ours_is_in_no_container() -> None:
    assert Docker(Engine(SETTINGS), "word", "").wrap(confined(is_ours=True)) is None


@pytest.mark.parametrize(
    ("port", "exposed", "expected"),
    [
        (3000, (), 3000),
        (3000, (8000, 9000), 8000),
        (3000, (80, 3000), 3000),
        (4000, (8000,), 4000),
    ],
)
def test_an_app_listens_where_people_said_else_where_its_image_does(
    port: int, exposed: tuple[int, ...], expected: int
) -> None:
    assert container_port(AppConfig(port=port), exposed) == expected


def test_an_image_says_its_own_environment_but_where_to_listen() -> None:
    place = Place("one", Path("/srv/tree"), Path("/srv/home"), 21000)
    own = release(image="sluice-word:r", image_ports=(8000,), plan=plan("dockerfile"))

    command = app_command(SETTINGS, place, own, {"PORT": "1", "KEY": "x"}, AppConfig())

    assert (command.port, command.inner_port, command.image) == (21000, 8000, "sluice-word:r")
    assert command.environment == {
        "KEY": "x",
        "PORT": "8000",
        "HOST": "0.0.0.0",  # noqa: S104
        "PYTHONUNBUFFERED": "1",
    }


def test_a_site_is_served_on_the_machine_itself() -> None:
    place = Place("one", Path("/srv/tree"), Path("/srv/home"), 21000)

    command = app_command(SETTINGS, place, release(plan=plan("static", site=".")), {}, AppConfig())

    assert command.is_ours
    assert (command.environment["PORT"], command.environment["HOST"]) == ("21000", "127.0.0.1")


@pytest.mark.parametrize(
    ("kind", "driver", "of_another"),
    [
        ("command", "docker", False),
        ("command", "process", True),
        ("command", "bubblewrap", True),
        ("static", "process", False),
    ],
)
def test_what_another_driver_built_is_built_anew(kind: str, driver: str, of_another: bool) -> None:
    assert is_of_another(plan(kind), driver, SETTINGS) == of_another
