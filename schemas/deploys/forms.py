"""What people and programs send to the API of deployments. Fields of any other name are ignored."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.deploys.apps import Line, RestartPolicy
from schemas.deploys.states import Provider

Text = Annotated[str, Meta(max_length=2000)]
Word = Annotated[str, Meta(max_length=60)]
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Url = Annotated[str, Meta(min_length=1, max_length=2000)]
Branch = Annotated[str, Meta(max_length=255)]


class RegisterForm(Struct, frozen=True):
    """A new account."""

    email: Annotated[str, Meta(min_length=3, max_length=254)]
    name: Annotated[str, Meta(min_length=2, max_length=200)]
    password: Annotated[str, Meta(min_length=8, max_length=128)]


class LoginForm(Struct, frozen=True):
    """Who signs in."""

    email: Annotated[str, Meta(min_length=1, max_length=254)]
    password: Annotated[str, Meta(min_length=1, max_length=1000)]


class AppFields(Struct, frozen=True, kw_only=True):
    """What may be said of an app; what is left out has its default, or stays."""

    branch: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType = UNSET
    install_command: Line | UnsetType = UNSET
    build_command: Line | UnsetType = UNSET
    start_command: Line | UnsetType = UNSET
    test_command: Line | UnsetType = UNSET
    run_dir: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    port: Annotated[int, Meta(ge=1, le=65535)] | UnsetType = UNSET
    framework: Word | UnsetType = UNSET
    language: Word | UnsetType = UNSET
    package_manager: Word | UnsetType = UNSET
    is_private: bool | UnsetType = UNSET
    git_token: Text | UnsetType = UNSET
    cpu_limit: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    memory_limit: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    restart_policy: RestartPolicy | UnsetType = UNSET
    deploy_target: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    k8s_namespace: Annotated[str, Meta(max_length=63)] | UnsetType = UNSET
    health_path: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    max_deployments: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET
    max_backups: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    auto_sync_enabled: bool | UnsetType = UNSET
    sync_interval_secs: Annotated[int, Meta(ge=10, le=86400)] | UnsetType = UNSET
    previews: bool | UnsetType = UNSET
    inject: bool | UnsetType = UNSET
    monitor: bool | UnsetType = UNSET
    auto_rollback: bool | UnsetType = UNSET
    build_network: bool | UnsetType = UNSET


class NewProjectForm(AppFields, frozen=True, kw_only=True):
    """A project to deploy from a git repository."""

    name: Annotated[str, Meta(min_length=2, max_length=64)]
    repo_url: Url


class ProjectChangeForm(AppFields, frozen=True, kw_only=True):
    """What to change of a project; what is left out stays as it is."""

    name: Annotated[str, Meta(min_length=2, max_length=64)] | UnsetType = UNSET
    repo_url: Url | UnsetType = UNSET


class DeploymentForm(Struct, frozen=True, kw_only=True):
    """A deployment that is wanted."""

    project_id: Id
    branch: Branch = ""
    """Empty for the project's."""
    commit_sha: Annotated[str, Meta(pattern=r"^([0-9a-fA-F]{4,64})?$", description="a commit")] = ""
    """Empty for the newest of the branch."""
    commit_msg: Text = ""
    environment: Annotated[str, Meta(max_length=100)] = ""
    """Empty for `production`; any other name is a preview."""
    should_promote: bool = False
    """Accepted: what is deployed to production is the default as soon as it runs."""
    is_build_only: bool = False


class EnvForm(Struct, frozen=True):
    """A variable of an app's environment."""

    project_id: Id
    key: Annotated[str, Meta(min_length=1, max_length=200)]
    value: Annotated[str, Meta(min_length=1, max_length=32_768)]


class EnvName(Struct, frozen=True):
    """Which variable of which app."""

    project_id: Id
    key: Annotated[str, Meta(min_length=1, max_length=200)]


class DomainForm(Struct, frozen=True):
    """A name of a host that is to be an app's."""

    project_id: Id
    domain: Annotated[str, Meta(min_length=1, max_length=253)]


class GitWebhookForm(Struct, frozen=True):
    """An address that a git server is to tell of pushes."""

    project_id: Id
    provider: Provider = "github"
    branch: Branch = ""
    """Whose pushes are deployed to production; empty for the project's."""


class NotificationForm(Struct, frozen=True, kw_only=True):
    """Who is told of deployments; what is left out stays as it is."""

    project_id: Id
    notifications: (
        Annotated[list[Annotated[str, Meta(max_length=2000)]], Meta(max_length=20)] | UnsetType
    ) = UNSET
    """Targets as those of monitors: URLs, `mailto:` or `channel:` and the name of a channel."""
    slack_webhook_url: Text | UnsetType = UNSET
    discord_webhook_url: Text | UnsetType = UNSET
    smtp_to: Text | UnsetType = UNSET
    notify_on_success: bool | UnsetType = UNSET
    notify_on_failure: bool | UnsetType = UNSET
