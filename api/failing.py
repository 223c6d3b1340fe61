"""How exceptions become HTTP answers, as far as any process may meet them."""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
)
from litestar.types import ExceptionHandlersMap

from api.auth_errors import AUTH_PREFIX, no_such_route
from api.parameters import InvalidParameters, NothingFound
from controlplane import failures
from controlplane.failures import ControlPlaneError

STATUS: dict[type[ControlPlaneError], int] = {
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

OF_LANGFUSE = "/api/public/"
WHERE_TOLD = "What it offers: docs/scores.md, docs/experiments.md and docs/prompts.md"

AnyHttpRequest = Request[Any, Any, Any]

log = structlog.get_logger(__name__)


def common_handlers() -> ExceptionHandlersMap:
    """Returns how each is answered."""
    return {
        InvalidParameters: _invalid_parameters,
        NothingFound: _not_found,
        ControlPlaneError: _control_plane,
        NotFoundException: _no_route,
        MethodNotAllowedException: _no_route,
        HTTPException: _http,
        Exception: answer_bug,
    }


def _invalid_parameters(_: AnyHttpRequest, error: InvalidParameters) -> Response[Any]:
    body: dict[str, Any] = {"error": error.message}
    if error.details is not None:
        body["details"] = error.details
    return Response(body, status_code=400)


def _not_found(_: AnyHttpRequest, error: NothingFound) -> Response[Any]:
    return Response({"error": error.message}, status_code=404)


def _control_plane(_: AnyHttpRequest, error: ControlPlaneError) -> Response[Any]:
    headers = {}
    if isinstance(error, failures.RetryLater):
        headers["Retry-After"] = str(error.retry_after_s)
    return Response({"error": error.message}, status_code=STATUS[type(error)], headers=headers)


def _no_route(request: AnyHttpRequest, _: HTTPException) -> Response[Any]:
    if request.url.path.startswith(AUTH_PREFIX):
        return Response(no_such_route(request.url.path), status_code=404)
    if request.url.path.startswith(OF_LANGFUSE):
        # Its SDKs show this text alone, and many of their calls are answered.
        asked = f"{request.method} {request.url.path}"
        told = f"Sluice does not offer {asked} of Langfuse's API. {WHERE_TOLD}"
        return Response({"error": told}, status_code=404)
    # The contract's answer to any unknown path or method; clients show their users its text.
    return Response("404 Not Found", status_code=404, media_type="text/plain")


def _http(_: AnyHttpRequest, error: HTTPException) -> Response[Any]:
    return Response({"error": error.detail}, status_code=error.status_code)


def answer_bug(request: AnyHttpRequest, error: Exception) -> Response[Any]:
    """Says no more than that there is one."""
    log.error("request met a bug", path=request.url.path, exc_info=error)
    return Response({"error": "Internal server error"}, status_code=500)
