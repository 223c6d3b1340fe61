"""Deployments, and what is told to who runs them."""

from collections.abc import Mapping

from msgspec import Struct

from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.states import DeploymentKind, InstanceState, Origin, Phase, Status
from schemas.projects import ProjectId, UserId


class Deployment(Struct, frozen=True, kw_only=True):
    """One run of a deployer for an app and an environment. Times are microseconds since 1970."""

    id: str
    project_id: ProjectId
    user_id: UserId | None
    author: str
    origin: Origin
    kind: DeploymentKind
    source_id: str | None
    environment: str
    branch: str
    commit_sha: str
    commit_msg: str
    status: Status
    phase: Phase
    build_only: bool
    is_default: bool
    release_id: str | None
    error_msg: str
    resolution: str
    superseded_by: str | None
    cancel_us: int | None
    deployer: str
    attempt: int
    created_us: int
    updated_us: int
    started_us: int | None
    finished_us: int | None
    port: int = 0
    """Of the instance that serves it, while there is one."""
    restarts: str = ""
    """How often its app was started again while it serves, in words; empty for never."""
    host: str = ""
    """The domain that leads to it, if there is one: while it runs and is the project's default."""


class DeploymentEvent(Struct, frozen=True):
    """A change of its status or phase."""

    number: int
    at_us: int
    status: Status
    phase: Phase
    author: str
    reason: str


class Release(Struct, frozen=True, kw_only=True):
    """What a deployment built, kept to be started again."""

    id: str
    project_id: ProjectId
    deployment_id: str
    environment: str
    deployer: str
    driver: str
    place: str
    start_command: str
    commit_sha: str
    commit_msg: str
    branch: str
    size_bytes: int
    created_us: int


class Instance(Struct, frozen=True, kw_only=True):
    """A release that runs, or has run."""

    id: str
    project_id: ProjectId
    environment: str
    deployment_id: str
    release_id: str
    deployer: str
    state: InstanceState
    address: str
    port: int
    details: str
    """What its driver knows it by, as JSON."""
    reason: str
    """Why it ended. While it serves: how often it was started again, if it was."""
    created_us: int


class Job(Struct, frozen=True, kw_only=True):
    """A deployment that is a deployer's to run, with all that it needs."""

    deployment: Deployment
    config: AppConfig
    secrets: AppSecrets
    variables: Mapping[str, str]
    """The app's own environment as it is now."""
    release: Release | None
    """That is to be started again, where this deployer has it."""
    release_variables: Mapping[str, str] | None
    """The environment that release was first started with."""


class Held(Struct, frozen=True):
    """The lease of a deployment: who works on it, in which attempt."""

    deployment_id: str
    attempt: int
