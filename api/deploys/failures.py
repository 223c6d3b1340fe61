"""Errors of the API of deployments: `{"error": text}`, and 400 for whatever breaks a rule."""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from api.auth import AnyRequest
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
TOO_MANY_QUERIES = "too many queries of this project at one time: wait for some of their answers"

log = structlog.get_logger(__name__)


class ErrorAnswer(Struct, frozen=True):
    """What went wrong, for people."""

    error: str


def deploy_handlers() -> ExceptionHandlersMap:
    """Returns how errors of these routes are answered."""
    return {
        ControlPlaneError: _control_plane,
        InvalidParameters: _invalid_parameters,
        TooManyQueries: lambda _, __: _later(429, TOO_MANY_QUERIES),
        TooManyAnswers: lambda _, __: _later(429, TOO_MANY_QUERIES),
        WarehouseError: _warehouse,
        HTTPException: lambda _, error: _answer(error.status_code, error.detail),
    }


def _control_plane(request: AnyRequest, error: ControlPlaneError) -> Response[dict[str, str]]:
    headers = {}
    if isinstance(error, RetryLater):
        headers["Retry-After"] = str(error.retry_after_s)
    text = error.message
    if not _is_for_tokens(request):
        text = TOO_MANY if isinstance(error, TooManyRequests) else _as_written_here(error)
    return Response({"error": text}, status_code=STATUSES[type(error)], headers=headers)


def _warehouse(_: AnyRequest, error: WarehouseError) -> Response[dict[str, str]]:
    log.error("query failed", reason=str(error)[:1000])
    return _later(503, "the store does not answer for now")


def _later(status: int, text: str) -> Response[dict[str, str]]:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return Response({"error": text}, status_code=status, headers=headers)


def _answer(status: int, text: str) -> Response[dict[str, str]]:
    return Response({"error": text}, status_code=status)


def _as_written_here(error: ControlPlaneError) -> str:
    """Returns a text as Pushpaka's clients know it: what is not found begins with a small sign."""
    text = error.message
    known = isinstance(error, failures.NotFound | failures.InvalidCredentials)
    return text[:1].lower() + text[1:] if known else text


def _invalid_parameters(request: AnyRequest, error: InvalidParameters) -> Response[dict[str, Any]]:
    details = error.details or []
    if _is_for_tokens(request):
        body: dict[str, Any] = {"error": error.message}
        return Response(body | ({"details": details} if details else {}), status_code=400)
    return Response({"error": text_of(error)}, status_code=400)


def text_of(error: InvalidParameters) -> str:
    """Returns which parameter broke which rule."""
    first = [f"{'.'.join(map(str, one.path))}: {one.message}" for one in (error.details or ())[:1]]
    return first[0] if first else error.message


def _is_for_tokens(request: Request[Any, Any, Any]) -> bool:
    return FOR_TOKENS in request.scope["state"]
