"""Errors of the API of deployments: `{"error": text}`, and 400 for whatever breaks a rule.

Holders of API tokens, on the paths that answer them otherwise, are told what they always were.
"""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from api.by_credential import FOR_TOKENS
from api.outgoing import TooManyAnswers
from api.parameters import InvalidParameters
from api.reads import RETRY_AFTER_S, TooManyQueries
from clickhouse.failures import WarehouseError
from controlplane import failures
from controlplane.failures import ControlPlaneError, RetryLater, TooManyRequests

STATUSES: dict[type[ControlPlaneError], int] = {
    failures.BadRequest: 400,
    failures.Unauthorized: 401,
    failures.InvalidCredentials: 401,
    failures.Forbidden: 403,
    failures.CrossSite: 403,
    failures.NotFound: 404,
    failures.Conflict: 409,
    failures.TooManyRequests: 429,
    failures.Unavailable: 503,
}
TOO_MANY = "too many requests"
AnyRequest = Request[Any, Any, Any]

log = structlog.get_logger(__name__)


class ErrorAnswer(Struct, frozen=True):
    """What went wrong, for people."""

    error: str


def deploy_handlers() -> ExceptionHandlersMap:
    """Returns how errors of these routes are answered."""
    return {
        ControlPlaneError: _control_plane,
        InvalidParameters: _invalid_parameters,
        TooManyQueries: lambda _, __: _too_many(),
        TooManyAnswers: lambda _, __: _too_many(),
        WarehouseError: _warehouse,
        HTTPException: lambda _, error: _answer(error.status_code, error.detail),
    }


def text_of(error: InvalidParameters) -> str:
    """Returns which parameter broke which rule."""
    issues = [f"{'.'.join(map(str, one.path))}: {one.message}" for one in error.details or ()]
    return "; ".join(issues) or error.message


def _control_plane(request: AnyRequest, error: ControlPlaneError) -> Response[ErrorAnswer]:
    retry_after_s = error.retry_after_s if isinstance(error, RetryLater) else None
    text = error.message
    if not _is_for_tokens(request):
        text = TOO_MANY if isinstance(error, TooManyRequests) else _as_written_here(error)
    return _answer(STATUSES[type(error)], text, retry_after_s)


def _as_written_here(error: ControlPlaneError) -> str:
    """Returns a text as Pushpaka's clients know it: what is not found begins with a small sign."""
    text = error.message
    known = isinstance(error, failures.NotFound | failures.InvalidCredentials)
    return text[:1].lower() + text[1:] if known else text


def _invalid_parameters(request: AnyRequest, error: InvalidParameters) -> Response[Any]:
    if not _is_for_tokens(request):
        return _answer(400, text_of(error))
    details = {} if error.details is None else {"details": error.details}
    return Response({"error": error.message, **details}, status_code=400)


def _too_many() -> Response[ErrorAnswer]:
    message = "too many queries of this project at one time: wait for some of their answers"
    return _answer(429, message, RETRY_AFTER_S)


def _warehouse(_: AnyRequest, error: WarehouseError) -> Response[ErrorAnswer]:
    log.error("query failed", reason=str(error)[:1000])
    return _answer(503, "the store does not answer for now", RETRY_AFTER_S)


def _answer(status: int, message: str, retry_after_s: float | None = None) -> Response[ErrorAnswer]:
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Response(ErrorAnswer(message), status_code=status, headers=headers)


def _is_for_tokens(request: AnyRequest) -> bool:
    return FOR_TOKENS in request.scope["state"]
