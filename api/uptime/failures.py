"""Errors about monitors and incidents: `{"error":{"code","message","details"},"message"}`."""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from api.auth import AnyRequest
from api.parameters import InvalidParameters
from api.reads import RETRY_AFTER_S, TooManyQueries
from clickhouse.failures import WarehouseError
from controlplane import failures
from controlplane.failures import ControlPlaneError, RetryLater
from schemas.envelopes import Failure, FailureAnswer

STATUSES: dict[type[ControlPlaneError], tuple[int, str]] = {
    failures.BadRequest: (422, "validation_failed"),
    failures.Unauthorized: (401, "unauthorized"),
    failures.Forbidden: (403, "forbidden"),
    failures.NotFound: (404, "not_found"),
    failures.Conflict: (409, "conflict"),
    failures.TooManyRequests: (429, "too_many_requests"),
    failures.Unavailable: (503, "unavailable"),
}

log = structlog.get_logger(__name__)


def uptime_handlers() -> ExceptionHandlersMap:
    """Returns how errors of these routes are answered."""
    return {
        ControlPlaneError: _control_plane,
        InvalidParameters: _invalid_parameters,
        TooManyQueries: _too_many_queries,
        WarehouseError: _warehouse,
        HTTPException: _http,
    }


def _control_plane(_: AnyRequest, error: ControlPlaneError) -> Response[FailureAnswer]:
    status, code = STATUSES[type(error)]
    headers = {}
    if isinstance(error, RetryLater):
        headers["Retry-After"] = str(error.retry_after_s)
    return _answer(status, code, error.message, headers=headers)


def _invalid_parameters(_: AnyRequest, error: InvalidParameters) -> Response[FailureAnswer]:
    return _answer(422, "validation_failed", error.message, details=list(error.details or ()))


def _too_many_queries(_: AnyRequest, __: TooManyQueries) -> Response[FailureAnswer]:
    message = "Too many queries of this project at one time: wait for some of their answers"
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return _answer(429, "too_many_requests", message, headers=headers)


def _warehouse(_: AnyRequest, error: WarehouseError) -> Response[FailureAnswer]:
    log.error("query failed", reason=str(error)[:1000])
    message = "The store does not answer for now"
    return _answer(503, "unavailable", message, headers={"Retry-After": "2"})


def _http(_: Request[Any, Any, Any], error: HTTPException) -> Response[FailureAnswer]:
    return _answer(error.status_code, "rejected", error.detail)


def _answer(
    status: int,
    code: str,
    message: str,
    *,
    details: list[Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response[FailureAnswer]:
    body = FailureAnswer(Failure(code, message, details or []), message)
    return Response(body, status_code=status, headers=headers)
