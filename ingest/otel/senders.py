"""Who sends OTLP: from the credentials of a request, or of a call of gRPC, to its project.

1. `Authorization: Bearer KEY`, `x-api-key: KEY`: an API key.
2. `Authorization: Basic`, as Langfuse's SDKs send it: an API key as password, or else as user.
3. `X-Sentry-Auth`, `Authorization: Sentry …`, `?sentry_key=`: a DSN key.

`X-Project-Id` need not be there. Where it is, it must name the key's project.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, cast

from controlplane.dsn_keys import DsnKeys
from controlplane.failures import Forbidden, Unauthorized
from controlplane.key_headers import api_key_in
from controlplane.keyring import KeyRing
from ingest.app import AnyRequest, header_of, parameter
from ingest.errors.credentials import of_header
from schemas.connections import AUTHENTICATED
from schemas.projects import ProjectContext

PROJECT_NUMBER = "project_number"
_SENTRY = "sentry "
_NO_KEY = "Missing credentials: Authorization with Bearer or Basic, x-api-key, or X-Sentry-Auth"


class Keys(Protocol):
    """What a process knows of keys."""

    keyring: KeyRing
    dsn_keys: DsnKeys


class OtlpSender(NamedTuple):
    """Who sends."""

    project: ProjectContext
    environment: str = ""
    """Of what says none: that of a DSN key."""


async def otlp_sender(request: AnyRequest) -> OtlpSender:
    """Returns whose request it is. Raises `Unauthorized` and `Forbidden`."""
    key = parameter(request, "sentry_key")
    found = await sender_of(_keys(request), _headers(request), key)
    request.scope["state"][AUTHENTICATED] = True
    return found


async def sentry_otlp_sender(request: AnyRequest) -> OtlpSender:
    """The same, where the path has a project's number: `Forbidden` for the key of another."""
    key = dsn_key(_headers(request)) or parameter(request, "sentry_key")
    if not key:
        raise Unauthorized("missing authorization information: no sentry_key")
    found = await _keys(request).dsn_keys.project_of(key)
    if found is None:
        raise Forbidden("event submission rejected: unknown DSN key")
    request.scope["state"][AUTHENTICATED] = True
    if found.number != request.path_params[PROJECT_NUMBER]:
        raise Forbidden("event submission rejected: the DSN key belongs to another project number")
    return OtlpSender(found.context, found.environment)


async def sender_of(
    keys: Keys, header: Callable[[str], str | None], sentry_key: str = ""
) -> OtlpSender:
    """Returns who has these credentials, given a function that finds a header by its name in lower
    case. Raises `Unauthorized` and `Forbidden`."""
    sentry_key = dsn_key(header) or sentry_key
    if sentry_key:
        found = await keys.dsn_keys.project_of(sentry_key)
        if found is None:
            raise Unauthorized("Unknown DSN key")
        sender = OtlpSender(found.context, found.environment)
    else:
        sender = OtlpSender(await keys.keyring.project_of_key(api_key_in(header, _NO_KEY)))
    named = header("x-project-id")
    if named is not None and named.strip().lower() != sender.project.project_id:
        raise Forbidden("Forbidden: the key belongs to another project than X-Project-Id")
    return sender


def dsn_key(header: Callable[[str], str | None]) -> str:
    """Returns the DSN key that headers hold, empty for none."""
    sent = header("x-sentry-auth")
    if sent is None:
        other = header("authorization") or ""
        sent = other if other[: len(_SENTRY)].lower() == _SENTRY else None
    return "" if sent is None else of_header(sent).key


def _headers(request: AnyRequest) -> Callable[[str], str | None]:
    return lambda name: header_of(request, name.encode())


def _keys(request: AnyRequest) -> Keys:
    return cast("Keys", request.app.state)
