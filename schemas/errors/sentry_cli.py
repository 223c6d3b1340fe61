"""What `sentry-cli` reads of releases, in Sentry's names."""

from msgspec import Struct, field


class CliProject(Struct, frozen=True):
    """A project."""

    id: str
    slug: str
    name: str


class CliCommitId(Struct, frozen=True):
    """The commit up to which a release goes."""

    id: str


class CliRelease(Struct, frozen=True, rename="camel"):
    """A release, over all projects that have it."""

    version: str
    short_version: str
    ref: str | None
    url: str | None
    status: str
    date_created: str
    date_released: str | None
    first_event: str | None
    last_event: str | None
    new_groups: int
    commit_count: int
    deploy_count: int
    last_commit: CliCommitId | None
    projects: list[CliProject]


class CliCommit(Struct, frozen=True):
    """A commit of a release."""

    id: str
    message: str
    date_created: str | None
    repository: str
    author_name: str
    author_email: str


class CliDeployment(Struct, frozen=True, rename="camel"):
    """A deployment."""

    id: str
    environment: str
    name: str | None
    url: str | None
    date_started: str | None
    date_finished: str


class CliOrganization(Struct, frozen=True, rename="camel"):
    """The one organization that there is."""

    id: str
    slug: str
    name: str
    date_created: str
    is_early_adopter: bool = False
    require_2fa: bool = field(default=False, name="require2FA")
    require_email_verification: bool = False
    features: tuple[str, ...] = ()


class CliAuth(Struct, frozen=True):
    """What the token may do, in Sentry's words."""

    scopes: list[str]


class CliInfo(Struct, frozen=True):
    """What `sentry-cli info` asks for."""

    version: str
    auth: CliAuth
    user: None = None
