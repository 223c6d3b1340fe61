"""Who sends: from the DSN key of a request to its project. Knows no HTTP status."""

from collections.abc import Mapping
from typing import NamedTuple, cast

from controlplane.dsn_keys import DsnKeys, DsnProject
from controlplane.failures import BadRequest, Forbidden, Unauthorized
from ingest.app import AnyRequest, header_of, incoming_of
from ingest.body import Incoming
from ingest.errors import cron, open_sentry, sentry
from ingest.errors.credentials import (
    SentryAuth,
    is_key,
    key_of_dsn,
    open_sentry_key,
    sentry_auth,
)
from ingest.errors.envelope import parse_headers
from ingest.errors.first_line import read_first_line
from ingest.rejections import Rejected
from schemas.connections import AUTHENTICATED
from schemas.projects import ProjectContext

PROJECT_NUMBER = "project_number"
MONITOR_SLUG = "monitor_slug"
PUBLIC_KEY = "public_key"
MAX_CLIENT_CHARS = 200


class OpenSentrySender(NamedTuple):
    """Who sends to `/v1/ingest`."""

    project: ProjectContext | None
    """`None` for a key that nobody knows: what is wrong with the body is said first."""
    incoming: Incoming


class SentrySender(NamedTuple):
    """Who sends to `/api/{project_number}/…`."""

    project: ProjectContext
    incoming: Incoming


async def open_sentry_sender(request: AnyRequest) -> OpenSentrySender:
    """Returns who sends. Raises `Unauthorized` without a key."""
    key = open_sentry_key(request)
    if not key:
        raise Unauthorized("Missing auth key")
    found = await _keys(request).project_of(key)
    if found is None:
        return OpenSentrySender(None, incoming_of(request, {}))
    _welcome(request)
    told = {open_sentry.ENVIRONMENT: found.environment}
    return OpenSentrySender(found.context, incoming_of(request, told))


async def sentry_sender(request: AnyRequest) -> SentrySender:
    """Returns who sends, by the headers or the URL, else by the first line of an envelope.

    Raises `Unauthorized` without a key, `BadRequest` for what cannot be one, `Forbidden` for one
    that is unknown or belongs to a project of another number.
    """
    incoming = incoming_of(request, {})
    auth = sentry_auth(request)
    if auth is None:
        auth, incoming = await _in_envelope(incoming)
    return await _sentry_sender(request, auth, incoming, {})


async def cron_sender(request: AnyRequest) -> SentrySender:
    """Returns who sends a check-in: by the headers or the URL's parameters, else by its path.

    Raises as `sentry_sender`.
    """
    auth = sentry_auth(request) or SentryAuth(request.path_params.get(PUBLIC_KEY, ""))
    told = {
        cron.SLUG: request.path_params[MONITOR_SLUG],
        cron.QUERY: request.scope["query_string"].decode("latin-1"),
        cron.CONTENT_TYPE: header_of(request, b"content-type") or "",
    }
    return await _sentry_sender(request, auth, incoming_of(request, {}), told)


async def _sentry_sender(
    request: AnyRequest, auth: SentryAuth, incoming: Incoming, more: Mapping[str, str]
) -> SentrySender:
    found = await _project_of(request, auth.key)
    _welcome(request)
    told = {
        sentry.ENVIRONMENT: found.environment,
        sentry.CLIENT: auth.client[:MAX_CLIENT_CHARS],
        sentry.CLIENT_IP: request.client.host if request.client else "",
        **more,
    }
    return SentrySender(found.context, incoming._replace(headers=told))


async def _in_envelope(incoming: Incoming) -> tuple[SentryAuth, Incoming]:
    """Returns what an envelope says that came through a tunnel, and the request unread."""
    line, incoming = await read_first_line(incoming)
    try:
        dsn = parse_headers(line).dsn
    except Rejected:
        dsn = ""
    return SentryAuth(key_of_dsn(dsn)), incoming


async def _project_of(request: AnyRequest, key: str) -> DsnProject:
    if not key:
        raise Unauthorized("missing authorization information: no sentry_key")
    if not is_key(key):
        raise BadRequest("bad sentry DSN public key")
    found = await _keys(request).project_of(key)
    if found is None:
        raise Forbidden("event submission rejected: unknown DSN key")
    if found.number != request.path_params[PROJECT_NUMBER]:
        raise Forbidden("event submission rejected: the DSN key belongs to another project number")
    return found


def _welcome(request: AnyRequest) -> None:
    request.scope["state"][AUTHENTICATED] = True


def _keys(request: AnyRequest) -> DsnKeys:
    return cast("DsnKeys", request.app.state.dsn_keys)
