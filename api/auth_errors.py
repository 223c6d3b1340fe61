"""How `/api/auth` says what it rejects: better-auth's `{code, message}`, which its client reads."""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from api.parameters import InvalidParameters
from controlplane import failures
from controlplane.failures import ControlPlaneError

AnyHttpRequest = Request[Any, Any, Any]
AUTH_PREFIX = "/api/auth/"

_CODES: dict[type[ControlPlaneError], str] = {
    failures.BadRequest: "VALIDATION_ERROR",
    failures.Unauthorized: "UNAUTHORIZED",
    failures.InvalidCredentials: "INVALID_EMAIL_OR_PASSWORD",
    failures.Forbidden: "FORBIDDEN",
    failures.CrossSite: "INVALID_ORIGIN",
    failures.NotFound: "NOT_FOUND",
    failures.Conflict: "CONFLICT",
    failures.TooManyRequests: "TOO_MANY_REQUESTS",
    failures.Unavailable: "SERVICE_UNAVAILABLE",
}
_CODES_OF_MESSAGES = {
    "Invalid email": "INVALID_EMAIL",
    "Invalid callbackURL": "INVALID_CALLBACK_URL",
    "Password too short": "PASSWORD_TOO_SHORT",
    "Password too long": "PASSWORD_TOO_LONG",
    "Email can not be updated": "EMAIL_CAN_NOT_BE_UPDATED",
    "No fields to update": "NO_FIELDS_TO_UPDATE",
}
"""Of better-auth's own messages."""

log = structlog.get_logger(__name__)


class Refused(Struct, frozen=True):
    """Why nothing was done."""

    code: str
    message: str


def auth_exception_handlers(statuses: dict[type[ControlPlaneError], int]) -> ExceptionHandlersMap:
    """Return how exceptions of the routes of `/api/auth` are answered, with these statuses."""

    def rejected(_: AnyHttpRequest, error: ControlPlaneError) -> Response[Refused]:
        code = _CODES_OF_MESSAGES.get(error.message) or _CODES[type(error)]
        answer = Response(Refused(code, error.message), status_code=statuses[type(error)])
        if isinstance(error, failures.RetryLater):
            answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer

    return {
        ControlPlaneError: rejected,
        InvalidParameters: _invalid_parameters,
        HTTPException: _http,
        Exception: _bug,
    }


def no_such_route(path: str) -> Refused:
    """Return what is said of a path, or method, that does not exist here."""
    return Refused("NOT_FOUND", f"{path} is not offered here, or not with this method")


def _invalid_parameters(_: AnyHttpRequest, error: InvalidParameters) -> Response[Refused]:
    said = error.details[0].message if error.details else error.message
    return Response(Refused("VALIDATION_ERROR", said), status_code=400)


def _http(_: AnyHttpRequest, error: HTTPException) -> Response[Refused]:
    code = "PAYLOAD_TOO_LARGE" if error.status_code == 413 else "BAD_REQUEST"
    return Response(Refused(code, error.detail), status_code=error.status_code)


def _bug(request: AnyHttpRequest, error: Exception) -> Response[Refused]:
    log.error("request met a bug", path=request.url.path, exc_info=error)
    return Response(Refused("INTERNAL_SERVER_ERROR", "Internal server error"), status_code=500)
