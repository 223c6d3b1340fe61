"""What build tools and people send of releases, in Sentry's names, checked."""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct, field

from api.account_forms import read_form
from api.auth import AnyRequest
from controlplane.failures import BadRequest
from schemas.errors.releases import (
    MAX_AUTHOR_CHARS,
    MAX_ENVIRONMENT_CHARS,
    MAX_MESSAGE_CHARS,
    MAX_REF_CHARS,
    MAX_REPOSITORY_CHARS,
    MAX_SHA_CHARS,
    MAX_URL_CHARS,
    MOST_COMMITS,
    Commit,
    NewDeployment,
    ReleaseChange,
    ReleaseStatus,
)
from schemas.issues import one_of
from schemas.times import EARLIEST, EPOCH, LATEST, MICROSECOND

MAX_BODY_BYTES = 8 << 20
"""A thousand commits, each with a hundred of the files that it changes: these are not read."""
BAD_RELEASE = "Invalid release: texts, dates in ISO 8601, and lists of commits or refs are expected"
BAD_DEPLOYMENT = "Invalid deployment: environment is a text, and dates are in ISO 8601"
STATUSES: Sequence[ReleaseStatus] = ("open", "archived")


class CommitForm(Struct, frozen=True):
    """One commit."""

    id: str
    repository: str | None = None
    message: str | None = None
    author_name: str | None = None
    author_email: str | None = None
    timestamp: datetime | None = None


class RefForm(Struct, frozen=True):
    """Up to which commit of a repository a release goes."""

    repository: str
    commit: str


class ReleaseForm(Struct, frozen=True, kw_only=True):
    """A release to make known, or to change; what is left out stays."""

    version: str | None = None
    url: str | None = None
    ref: str | None = None
    date_started: datetime | None = field(default=None, name="dateStarted")
    date_released: datetime | None = field(default=None, name="dateReleased")
    status: str | None = None
    commits: list[CommitForm] | None = None
    """In place of those that it has, the newest first."""
    refs: list[RefForm] | None = None
    projects: list[str | int] | None = None
    """Names, or numbers as `sentry-cli` writes them."""


class DeploymentForm(Struct, frozen=True, kw_only=True):
    """A deployment; without an end, it ended now."""

    environment: str | None = None
    name: str | None = None
    url: str | None = None
    date_started: datetime | None = field(default=None, name="dateStarted")
    date_finished: datetime | None = field(default=None, name="dateFinished")
    projects: list[str | int] | None = None
    """Names, or numbers as `sentry-cli` writes them."""


async def read_release(request: AnyRequest) -> ReleaseForm:
    """Reads the body of a request. Raises `BadRequest`."""
    return await read_form(request, ReleaseForm, otherwise=BAD_RELEASE)


async def read_deployment(request: AnyRequest) -> DeploymentForm:
    """Reads the body of a request. Raises `BadRequest`."""
    return await read_form(request, DeploymentForm, otherwise=BAD_DEPLOYMENT)


def change_of(form: ReleaseForm) -> ReleaseChange:
    """Returns what a form sets. Raises `BadRequest`."""
    status = next((one for one in STATUSES if one == form.status), None)
    if form.status is not None and status is None:
        raise BadRequest(f"status: expected {one_of(STATUSES)}")
    return ReleaseChange(
        url=None if form.url is None else _url(form.url),
        ref=None if form.ref is None else _cut(form.ref, MAX_REF_CHARS),
        started_us=_moment_us("dateStarted", form.date_started),
        released_us=_moment_us("dateReleased", form.date_released),
        status=status,
        commits=_commits(form),
    )


def deployment_of(form: DeploymentForm, now_us: int) -> NewDeployment:
    """Returns the deployment of a form. Raises `BadRequest`."""
    environment = _clean(form.environment).strip()
    if not 1 <= len(environment) <= MAX_ENVIRONMENT_CHARS:
        raise BadRequest(f"environment: expected a text of 1 to {MAX_ENVIRONMENT_CHARS} characters")
    started_us = _moment_us("dateStarted", form.date_started)
    finished_us = _moment_us("dateFinished", form.date_finished)
    if started_us is not None and finished_us is not None and started_us > finished_us:
        raise BadRequest("dateStarted is after dateFinished")
    return NewDeployment(
        environment=environment,
        name=_cut(form.name, 200),
        url=_url(form.url or ""),
        started_us=started_us,
        finished_us=now_us if finished_us is None else finished_us,
    )


def _commits(form: ReleaseForm) -> tuple[Commit, ...] | None:
    sent, refs = form.commits, form.refs
    if len(sent or ()) + len(refs or ()) > MOST_COMMITS:
        raise BadRequest(f"commits: expected {MOST_COMMITS} at most")
    if sent is not None:
        return tuple(_commit(one) for one in sent)
    if refs:
        return tuple(
            Commit(sha=_sha(one.commit), repository=_cut(one.repository, MAX_REPOSITORY_CHARS))
            for one in refs
        )
    return None


def _commit(one: CommitForm) -> Commit:
    return Commit(
        sha=_sha(one.id),
        repository=_cut(one.repository, MAX_REPOSITORY_CHARS),
        message=_cut(one.message, MAX_MESSAGE_CHARS),
        author_name=_cut(one.author_name, MAX_AUTHOR_CHARS),
        author_email=_cut(one.author_email, MAX_AUTHOR_CHARS),
        at_us=_moment_us("timestamp", one.timestamp),
    )


def _sha(text: str) -> str:
    sha = _clean(text).strip()
    if not 1 <= len(sha) <= MAX_SHA_CHARS:
        raise BadRequest(f"commits: an id is a text of 1 to {MAX_SHA_CHARS} characters")
    return sha


def _url(text: str) -> str:
    url = _clean(text).strip()
    if url and not (url.startswith(("https://", "http://")) and len(url) <= MAX_URL_CHARS):
        raise BadRequest(f"url: expected an http address of at most {MAX_URL_CHARS} characters")
    return url


def _moment_us(name: str, moment: datetime | None) -> int | None:
    if moment is None:
        return None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not EARLIEST <= zoned <= LATEST:
        raise BadRequest(f"{name}: {zoned.year} is no year of a release")
    return (zoned - EPOCH) // MICROSECOND


def _cut(text: str | None, most: int) -> str:
    return _clean(text)[:most]


def _clean(text: str | None) -> str:
    """PostgreSQL stores no NUL."""
    return (text or "").replace("\0", "")
