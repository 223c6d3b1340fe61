"""How an app is fetched, built and run."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

RestartPolicy = Literal["no", "on-failure", "always", "unless-stopped"]
Line = Annotated[str, Meta(max_length=2000)]


class AppConfig(Struct, frozen=True, kw_only=True):
    """What an app's owner says of it; commands that are empty are detected."""

    repo_url: Annotated[str, Meta(max_length=2000)] = ""
    """Empty where the project is not deployed by us."""
    branch: Annotated[str, Meta(max_length=255)] = "main"
    install_command: Line = ""
    build_command: Line = ""
    start_command: Line = ""
    test_command: Line = ""
    """Runs after the build; if it fails, so does the deployment."""
    run_dir: Annotated[str, Meta(max_length=500)] = ""
    """The folder within the repository in which all commands run."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 3000
    """Where a container listens. A process is told its port by `PORT`."""
    framework: Annotated[str, Meta(max_length=60)] = ""
    language: Annotated[str, Meta(max_length=60)] = ""
    package_manager: Annotated[str, Meta(max_length=60)] = ""
    is_private: bool = False
    cpu_limit: Annotated[str, Meta(max_length=20)] = ""
    """In cores, as `0.5`."""
    memory_limit: Annotated[str, Meta(max_length=20)] = ""
    """As `512m` or `1g`."""
    restart_policy: RestartPolicy = "unless-stopped"
    deploy_target: Annotated[str, Meta(max_length=20)] = ""
    """The driver; empty for the deployer's own choice."""
    k8s_namespace: Annotated[str, Meta(max_length=63)] = ""
    """Kept for who asks; nothing goes by it."""
    health_path: Annotated[str, Meta(max_length=500)] = "/"
    """What answers 2xx or 3xx when the app is ready; empty if a connection is enough."""
    max_deployments: Annotated[int, Meta(ge=1, le=100)] = 5
    """How many releases are kept to go back to."""
    max_backups: Annotated[int, Meta(ge=0, le=100)] = 3
    """Kept for who asks; nothing goes by it."""
    auto_sync_enabled: bool = False
    """Whether the branch is looked at for new commits, where no webhook tells of them."""
    sync_interval_secs: Annotated[int, Meta(ge=10, le=86400)] = 60
    previews: bool = False
    """Whether each other branch gets an environment of its own."""
    inject: bool = True
    """Whether the app finds Sluice in its environment: `SENTRY_DSN`, `SLUICE_URL`, …"""
    monitor: bool = True
    """Whether its address gets a monitor."""
    auto_rollback: bool = False
    """Whether the release before is started again when the impact of a new one is bad."""
    build_network: bool = True
    """Whether builds may use the network, where a driver can tell."""
    notify_on_success: bool = False
    notify_on_failure: bool = True


class AppSecrets(Struct, frozen=True, kw_only=True):
    """What an app's owner says of it and nobody is told."""

    git_token: Annotated[str, Meta(max_length=2000)] = ""
    notifications: tuple[Annotated[str, Meta(max_length=2000)], ...] = ()
    """Who is told of deployments, as for monitors."""
