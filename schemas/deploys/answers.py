"""What the API of deployments answers. Every key of an object is always there."""

from msgspec import Struct


class Person(Struct, frozen=True):
    """A person with an account."""

    id: str
    created_at: str
    updated_at: str
    email: str
    name: str
    role: str = "user"


class SignedInAnswer(Struct, frozen=True):
    """The token that opens everything else, and whose it is."""

    token: str
    user: Person


class Said(Struct, frozen=True):
    """That something was done."""

    message: str


class DeployedProject(Struct, frozen=True, kw_only=True):
    """A project, and how it is deployed."""

    id: str
    created_at: str
    updated_at: str
    user_id: str
    name: str
    repo_url: str
    branch: str
    build_command: str
    start_command: str
    port: int
    test_command: str
    framework: str
    status: str
    is_private: bool
    install_command: str
    run_dir: str
    cpu_limit: str
    memory_limit: str
    restart_policy: str
    deploy_target: str
    k8s_namespace: str
    max_deployments: int
    max_backups: int
    clone_directory: str
    git_clone_path: str
    main_deploy_id: str
    current_task_id: str
    latest_task_id: str
    task_status: str
    auto_sync_enabled: bool
    sync_interval_secs: int
    latest_commit_sha: str
    latest_commit_msg: str
    latest_commit_at: str | None
    deployment_status: str
    language: str
    package_manager: str
    # Those below are ours.
    url: str
    driver: str
    has_git_token: bool
    health_path: str
    previews: bool
    inject: bool
    monitor: bool
    auto_rollback: bool
    build_network: bool


class DeployedProjects(Struct, frozen=True):
    """The projects of whoever asks, the newest first."""

    data: list[DeployedProject]


class SyncTask(Struct, frozen=True):
    """That the repository is looked at."""

    project_id: str
    type: str = "sync"
    status: str = "pending"


class SyncAnswer(Struct, frozen=True):
    """That the repository is looked at; a new commit of the branch is deployed."""

    message: str
    task: SyncTask


class DeploymentRow(Struct, frozen=True, kw_only=True):
    """A deployment."""

    id: str
    created_at: str
    updated_at: str
    project_id: str
    user_id: str
    worker_id: str
    commit_sha: str
    commit_msg: str
    branch: str
    status: str
    image_tag: str
    container_id: str
    url: str
    external_port: int
    is_default: bool
    error_msg: str
    resolution: str
    started_at: str | None
    finished_at: str | None
    # Those below are ours.
    environment: str
    phase: str
    kind: str
    origin: str
    author: str
    source_id: str
    superseded_by: str
    is_build_only: bool
    attempt: int
    cancel_requested: bool
    restarts: str
    """How often its app was started again while it serves, and why the last time; empty: never."""


class DeploymentRows(Struct, frozen=True):
    """Deployments, the newest first."""

    data: list[DeploymentRow]


class HistoryRow(Struct, frozen=True):
    """A change of the status or the phase of a deployment."""

    number: int
    created_at: str
    status: str
    phase: str
    author: str
    reason: str


class History(Struct, frozen=True):
    """What has happened to a deployment, in order."""

    data: list[HistoryRow]


class EnvRow(Struct, frozen=True, kw_only=True):
    """A variable of an app's environment; its value is never told."""

    id: str
    project_id: str
    key: str
    has_value: bool = True
    created_at: str
    updated_at: str


class EnvRows(Struct, frozen=True):
    """The variables of an app's environment, by name."""

    data: list[EnvRow]


class DnsRecord(Struct, frozen=True):
    """What is put into DNS."""

    type: str
    name: str
    value: str


class DomainRow(Struct, frozen=True, kw_only=True):
    """A name of a host that is, or is to be, an app's."""

    id: str
    created_at: str
    updated_at: str
    project_id: str
    user_id: str
    domain: str
    verified: bool
    ssl_enabled: bool
    # Those below are ours.
    verified_at: str | None
    checked_at: str | None
    found: str
    """What the last check found."""
    dns_record: DnsRecord
    """Proves whose the name is."""
    file_path: str
    """Or: what is served under this path of the name, as plain text, is the `file_content`."""
    file_content: str


class DomainRows(Struct, frozen=True):
    """Domains of whoever asks, the newest first."""

    data: list[DomainRow]


class GitWebhookRow(Struct, frozen=True, kw_only=True):
    """An address that a git server tells of pushes."""

    id: str
    project_id: str
    provider: str
    branch: str
    webhook_url: str
    created_at: str
    received_at: str | None


class MadeGitWebhook(GitWebhookRow, frozen=True, kw_only=True):
    """A new webhook, with the only sight of its secret."""

    secret: str


class Received(Struct, frozen=True):
    """That a message of a git server was taken, and what came of it."""

    ok: bool
    action: str
    """`deployed`, `preview`, `ended` or `ignored`."""
    deployment_id: str = ""


class NotificationConfig(Struct, frozen=True, kw_only=True):
    """Who is told of the deployments of a project. What is secret of a target is never told."""

    id: str
    created_at: str
    updated_at: str
    user_id: str
    project_id: str
    notifications: list[str]
    has_slack_webhook: bool
    has_discord_webhook: bool
    smtp_to: str
    notify_on_success: bool
    notify_on_failure: bool


class AuditRow(Struct, frozen=True, kw_only=True):
    """That somebody changed something."""

    id: str
    created_at: str
    updated_at: str
    user_id: str
    """Empty for a token that is no person's."""
    action: str
    resource: str
    resource_id: str
    metadata: str
    """A JSON object."""
    ip_addr: str
    user_agent: str
    # That below is ours.
    author: str
    """Who it was, in words."""


class AuditRows(Struct, frozen=True):
    """What whoever asks has changed, the newest first."""

    data: list[AuditRow]


class HealthChecks(Struct, frozen=True):
    """What works. `redis` is the event log, which does what Redis does elsewhere."""

    database: bool
    redis: bool


class HealthAnswer(Struct, frozen=True):
    """Whether deployments can be taken."""

    status: str
    version: str
    checks: HealthChecks


class ReadyAnswer(Struct, frozen=True):
    """Whether every part works."""

    status: str
