"""Releases as build tools make them known: their commits, and where they were deployed."""

from typing import Literal

from msgspec import Struct

ReleaseStatus = Literal["open", "archived"]
MOST_COMMITS = 1_000
"""Of one release."""
MOST_DEPLOYMENTS = 1_000
"""Of one release."""
MAX_SHA_CHARS = 64
MAX_REPOSITORY_CHARS = 200
MAX_AUTHOR_CHARS = 200
MAX_MESSAGE_CHARS = 4_000
MAX_ENVIRONMENT_CHARS = 64
MAX_URL_CHARS = 500
MAX_REF_CHARS = 250


class Commit(Struct, frozen=True, kw_only=True):
    """One commit of a release."""

    sha: str
    repository: str = ""
    message: str = ""
    author_name: str = ""
    author_email: str = ""
    at_us: int | None = None
    """Microseconds since 1970 UTC; `None` where nobody said."""


class Deployment(Struct, frozen=True, kw_only=True):
    """One time that a release was brought somewhere."""

    id: str
    version: str
    environment: str
    name: str = ""
    url: str = ""
    started_us: int | None = None
    finished_us: int


class NewDeployment(Struct, frozen=True, kw_only=True):
    """A deployment to note."""

    environment: str
    name: str = ""
    url: str = ""
    started_us: int | None = None
    finished_us: int


class ReleaseChange(Struct, frozen=True, kw_only=True):
    """What to set of a release; `None` stays as it is."""

    url: str | None = None
    ref: str | None = None
    started_us: int | None = None
    released_us: int | None = None
    status: ReleaseStatus | None = None
    commits: tuple[Commit, ...] | None = None
    """In place of those that it has, the newest first."""


class ReleaseExtent(Struct, frozen=True):
    """What belongs to a release, in numbers."""

    commits: int = 0
    deployments: int = 0
    new_issues: int = 0
    authors: int = 0


NO_EXTENT = ReleaseExtent()
