"""Errors of deployments: `{"error": text}`, always this one key."""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from api.outgoing import TooManyAnswers
from api.parameters import InvalidParameters
from api.reads import RETRY_AFTER_S, TooManyQueries
from clickhouse.failures import WarehouseError
from controlplane import failures
from controlplane.failures import ControlPlaneError, RetryLater

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
AnyRequest = Request[Any, Any, Any]

log = structlog.get_logger(__name__)


class ErrorAnswer(Struct, frozen=True):
    """What went wrong, for people."""

    error: str


def deploy_handlers() -> ExceptionHandlersMap:
    """Returns how errors of these routes are answered."""
    return {
        ControlPlaneError: _control_plane,
        InvalidParameters: lambda _, error: _answer(400, text_of(error)),
        TooManyQueries: lambda _, __: _too_many(),
        TooManyAnswers: lambda _, __: _too_many(),
        WarehouseError: _warehouse,
        HTTPException: lambda _, error: _answer(error.status_code, error.detail),
    }


def text_of(error: InvalidParameters) -> str:
    """Returns which parameter broke which rule."""
    issues = [f"{'.'.join(map(str, one.path))}: {one.message}" for one in error.details or ()]
    return "; ".join(issues) or error.message


def _control_plane(_: AnyRequest, error: ControlPlaneError) -> Response[ErrorAnswer]:
    retry_after_s = error.retry_after_s if isinstance(error, RetryLater) else None
    return _answer(STATUSES[type(error)], error.message, retry_after_s)


def _too_many() -> Response[ErrorAnswer]:
    message = "too many queries of this project at one time: wait for some of their answers"
    return _answer(429, message, RETRY_AFTER_S)


def _warehouse(_: AnyRequest, error: WarehouseError) -> Response[ErrorAnswer]:
    log.error("query failed", reason=str(error)[:1000])
    return _answer(503, "the store does not answer for now", RETRY_AFTER_S)


def _answer(status: int, message: str, retry_after_s: float | None = None) -> Response[ErrorAnswer]:
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Response(ErrorAnswer(message), status_code=status, headers=headers)
