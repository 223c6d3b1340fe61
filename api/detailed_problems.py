"""Errors as `sentry-cli` shows them: it prints `detail`."""

from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from api.auth import AnyRequest
from controlplane.failures import ControlPlaneError, RetryLater


def detail_handlers(status: dict[type[ControlPlaneError], int]) -> ExceptionHandlersMap:
    """Returns how errors below `/api/0` are answered; `status` says with which code."""

    def control_plane(_: AnyRequest, error: ControlPlaneError) -> Response[Any]:
        headers = {}
        if isinstance(error, RetryLater):
            headers["Retry-After"] = str(error.retry_after_s)
        return Response({"detail": error.message}, status_code=status[type(error)], headers=headers)

    return {ControlPlaneError: control_plane, HTTPException: _http}


def _http(_: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    return Response({"detail": error.detail}, status_code=error.status_code)
