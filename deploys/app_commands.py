"""From a release that is kept to the command that a driver starts."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from deploys.drivers.driver import AppCommand, Limits
from deploys.environments import app_environment, image_environment, listening_host, tool_path
from deploys.releases import Release
from deploys.settings import DeployerSettings
from deploys.sizes import cores, memory_bytes
from deploys.starting import driver_name, start_text
from schemas.deploys.apps import AppConfig

UNSET_PORT = AppConfig().port


class Place(NamedTuple):
    """Where an instance is on this machine."""

    name: str
    tree: Path
    """The files of its release."""
    home: Path
    port: int


def app_command(
    settings: DeployerSettings,
    place: Place,
    release: Release,
    variables: Mapping[str, str],
    config: AppConfig,
) -> AppCommand:
    """Returns how a release is started with these variables."""
    driver = driver_name(release.plan, settings)
    port = container_port(config, release.image_ports) if driver == "docker" else place.port
    folder = place.tree / release.run_dir.strip().lstrip("/")
    environment = app_environment(
        variables,
        folder=folder,
        home=place.home,
        path=tool_path(),
        port=port,
        host=listening_host(driver),
    )
    return AppCommand(
        name=place.name,
        text=start_text(release.plan),
        folder=folder,
        environment=image_environment(variables, port=port) if release.image else environment,
        writable=(place.home,),
        limits=_limits(settings, config),
        port=place.port,
        inner_port=port,
        restart=config.restart_policy,
        grace_s=settings.stop_seconds,
        image=release.image,
        language=release.plan.language,
        is_ours=release.plan.kind == "static",
    )


def container_port(config: AppConfig, exposed: tuple[int, ...]) -> int:
    """Returns where an app listens in its container: what people set, else what its image says.

    The port of a project has a default: that one counts as not set where the image says another.
    """
    is_set = config.port != UNSET_PORT or UNSET_PORT in exposed
    return config.port if is_set or not exposed else exposed[0]


def _limits(settings: DeployerSettings, config: AppConfig) -> Limits:
    return Limits(
        cpu=cores(config.cpu_limit),
        memory_bytes=memory_bytes(config.memory_limit) or settings.app_memory_bytes or None,
        seconds=0,
        output_bytes=0,
        disk_bytes=settings.release_bytes,
        processes=settings.app_processes,
    )
