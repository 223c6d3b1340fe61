"""The routes of the system `otel`, OTLP over HTTP, and how they answer errors.

Sources: OTLP specification 1.x, "OTLP/HTTP"; for the paths, Langfuse's and Sentry's pages on OTLP.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import structlog
from litestar import Request, Response, Router, post
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.status_codes import HTTP_200_OK
from litestar.types import ExceptionHandlersMap

from controlplane.failures import ControlPlaneError
from ingest.app import (
    AnyRequest,
    ProjectOf,
    SenderOf,
    Straight,
    Written,
    edge_of,
    header_of,
    incoming_of,
)
from ingest.otel.answers import CONTENT_TYPES, Failure, failure, success
from ingest.otel.failures import of_control_plane, of_rejection
from ingest.otel.forms import CONTENT_TYPE, ENVIRONMENT, TAKEN, encoding_of
from ingest.otel.senders import OtlpSender, otlp_sender, sentry_otlp_sender
from ingest.rejections import Rejected, TooSlow
from schemas.described import Asks, describes
from schemas.open_routes import open_to_pages
from schemas.otel import json_wire
from schemas.otel.examples import LOGS, METRICS, TRACES
from schemas.otel.exported import ExportedLogs, ExportedMetrics, ExportedTraces

Sender: TypeAlias = NamedDependency[OtlpSender]
PATHS = ("/v1", "/otlp/v1", "/api/public/otel/v1")
OF_SENTRY = "/api/{project_number:int}/integration/otlp/v1"
ERRORS = (400, 401, 403, 408, 413, 415, 429, 503)
SENT = (
    "Protobuf or JSON, by Content-Type; gzip, deflate, br and zstd may compress it. The answer is"
    " in the encoding of the request."
)
SENTRY_PAGES = open_to_pages(
    "x-sentry-auth, authorization, content-type, content-encoding", "retry-after"
)


log = structlog.get_logger(__name__)


def _told(sent: Any, example: Any, answer: Any, asks: Asks) -> Mapping[str, Any]:
    return describes(body=sent, example=example, answer=answer, errors=ERRORS, asks=asks)


@post(
    "/traces",
    status_code=HTTP_200_OK,
    summary="Send spans as OpenTelemetry does",
    description=SENT,
    request_max_body_size=None,
    opt=_told(json_wire.Traces, TRACES, ExportedTraces, "key"),
)
async def take_traces(request: AnyRequest, sender: Sender) -> Written:
    """Accept spans of OTLP; answers when they are durable."""
    return await _take(request, sender, "traces")


@post(
    "/logs",
    status_code=HTTP_200_OK,
    summary="Send log records as OpenTelemetry does",
    description=SENT,
    request_max_body_size=None,
    opt=_told(json_wire.Logs, LOGS, ExportedLogs, "key"),
)
async def take_logs(request: AnyRequest, sender: Sender) -> Written:
    """Accept log records of OTLP; answers when they are durable."""
    return await _take(request, sender, "logs")


@post(
    "/metrics",
    status_code=HTTP_200_OK,
    summary="Send metrics as OpenTelemetry does",
    description=SENT,
    request_max_body_size=None,
    opt=_told(json_wire.Metrics, METRICS, ExportedMetrics, "key"),
)
async def take_metrics(request: AnyRequest, sender: Sender) -> Written:
    """Accept metrics of OTLP; answers when they are durable."""
    return await _take(request, sender, "metrics")


@post(
    "/traces",
    status_code=HTTP_200_OK,
    summary="Send spans of OpenTelemetry with a DSN key",
    description=SENT,
    request_max_body_size=None,
    opt={**_told(json_wire.Traces, TRACES, ExportedTraces, "sentry"), **SENTRY_PAGES},
)
async def take_sentry_traces(request: AnyRequest, sender: Sender) -> Written:
    """Accept spans where Sentry takes them; answers when they are durable."""
    return await _take(request, sender, "traces")


@post(
    "/logs",
    status_code=HTTP_200_OK,
    summary="Send log records of OpenTelemetry with a DSN key",
    description=SENT,
    request_max_body_size=None,
    opt={**_told(json_wire.Logs, LOGS, ExportedLogs, "sentry"), **SENTRY_PAGES},
)
async def take_sentry_logs(request: AnyRequest, sender: Sender) -> Written:
    """Accept log records where Sentry takes them; answers when they are durable."""
    return await _take(request, sender, "logs")


def routers(_: ProjectOf, __: ProjectOf) -> list[Router]:
    """Returns the routes; they find their project themselves."""
    handlers = [take_traces, take_logs, take_metrics]
    of_sentry = [take_sentry_traces, take_sentry_logs]
    return [
        *(_router(path, handlers, otlp_sender) for path in PATHS),
        _router(OF_SENTRY, of_sentry, sentry_otlp_sender),
    ]


def _router(path: str, handlers: list[Any], sender_of: SenderOf) -> Router:
    answers: ExceptionHandlersMap = {
        Rejected: _rejected,
        ControlPlaneError: _refused,
        HTTPException: _http,
        Exception: _bug,
    }
    return Router(
        path,
        route_handlers=handlers,
        dependencies={"sender": Provide(sender_of)},
        middleware=[DefineMiddleware(Straight, sender_of=sender_of)],
        exception_handlers=answers,
        tags=["ingest"],
    )


async def _take(request: AnyRequest, sender: OtlpSender, signal: str) -> Written:
    content_type = header_of(request, b"content-type") or ""
    accepted = await edge_of(request).accept(
        sender.project,
        TAKEN[signal].kind.name,
        incoming_of(request, {CONTENT_TYPE: content_type, ENVIRONMENT: sender.environment}),
        # Exporters try again after a 503. Clients of Pulse, who name their project, do not.
        retried=header_of(request, b"x-project-id") is None,
    )
    encoding = encoding_of(content_type) or "json"
    return Written(success(signal, encoding, accepted.rejected), CONTENT_TYPES[encoding])


def _rejected(request: Request[Any, Any, Any], rejected: Rejected) -> Response[Any]:
    signal = request.scope["path"].rstrip("/").rpartition("/")[2]
    answer = _failed(request, of_rejection(rejected, signal))
    if isinstance(rejected, TooSlow):
        # The rest of the body is not waited for.
        answer.headers["Connection"] = "close"
    return answer


def _refused(request: Request[Any, Any, Any], error: ControlPlaneError) -> Response[Any]:
    return _failed(request, of_control_plane(error))


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    return _failed(request, Failure(error.status_code, error.detail, error.detail))


def _bug(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    log.error("request met a bug", path=request.url.path, exc_info=error)
    said = "Internal server error"
    return _failed(request, Failure(500, said, said))


def _failed(request: AnyRequest, failed: Failure) -> Response[Any]:
    encoding = encoding_of(header_of(request, b"content-type")) or "json"
    headers = {}
    if failed.retry_after_s is not None:
        headers["Retry-After"] = str(failed.retry_after_s)
    if failed.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        failure(failed, encoding),
        status_code=failed.status,
        headers=headers,
        media_type=CONTENT_TYPES[encoding].decode(),
    )
