"""The routes of the API, and how the exceptions below it become HTTP answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from litestar import Response, Router, post
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.status_codes import HTTP_200_OK
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from api import outcomes, persons, retention
from api.account_forms import MAX_FORM_BYTES
from api.accounts import accounts_router
from api.auth import AnyRequest, project_from_key, project_from_session
from api.auth_errors import auth_exception_handlers
from api.declared import known_parameters
from api.detailed_problems import detail_handlers
from api.exports import scheduling
from api.exports.lists import ListFilter, filters_of
from api.exports.routes import by_token_too
from api.exports.routes import handlers as export_handlers
from api.failing import STATUS, AnyHttpRequest, answer_bug, common_handlers
from api.landing import get_runtime_config
from api.operations import get_health, get_metrics, get_ready
from api.outgoing import RETRY_AFTER_S as ANSWERS_RETRY_AFTER_S
from api.outgoing import TooManyAnswers
from api.pages.exports import section_of
from api.pages.invite import INVITE_PAGE, rejected
from api.pages.navigation import Section
from api.pages.routes import page_routers
from api.reads import RETRY_AFTER_S, TooManyQueries
from api.sessions import auth_router
from clickhouse.failures import QueryTooExpensive, StatementRefused, WarehouseError
from controlplane import failures
from controlplane.failures import ControlPlaneError

log = structlog.get_logger(__name__)


class LoginAnswer(Struct):
    """Whether the key in the `Authorization` header is one of ours."""

    authenticated: bool


@post("/v1/auth/login", status_code=HTTP_200_OK, tags=["queries"], guards=[known_parameters])
async def check_key(request: AnyRequest) -> LoginAnswer:
    """Tell whether the request's API key is valid; always answers 200."""
    try:
        await project_from_key(request)
    except failures.Unauthorized:
        return LoginAnswer(authenticated=False)
    return LoginAnswer(authenticated=True)


def routes(
    queries: Sequence[Any],
    controls: Sequence[Any],
    pages: Sequence[Section],
    agents: Sequence[Any],
    sentry_cli: Sequence[Any],
    exports: Mapping[str, ListFilter],
) -> list[Any]:
    """Returns every route of the API and the dashboard, with the handlers of the systems."""
    filters = filters_of(exports)
    exporting = export_handlers(filters)
    handlers = [*queries, *outcomes.HANDLERS, *retention.HANDLERS, *exporting]
    return [
        *page_routers([*pages, section_of(filters)]),
        get_health,
        get_ready,
        get_metrics,
        get_runtime_config,
        check_key,
        accounts_router(),
        auth_router(auth_exception_handlers(STATUS)),
        invite_router(),
        Router(
            "/v1",
            route_handlers=handlers,
            dependencies={"project": Provide(project_from_key)},
            tags=["queries"],
        ),
        Router(
            "/dashboard/api",
            route_handlers=[*handlers, *controls, *scheduling.CONTROLS, *retention.CONTROLS],
            dependencies={"project": Provide(project_from_session)},
            request_max_body_size=MAX_FORM_BYTES,
            tags=["dashboard"],
        ),
        agents_router([*agents, *_for_agents(exporting)]),
        sentry_cli_router(sentry_cli),
    ]


def _for_agents(exporting: list[HTTPRouteHandler]) -> list[Any]:
    return [
        *(*persons.HANDLERS, *retention.AGENTS),
        *(*by_token_too(exporting), *scheduling.BY_TOKEN),
    ]


def agents_router(handlers: Sequence[Any]) -> Router:
    """Returns the router of what programs ask that hold an API token."""
    return Router(
        "/api/v1",
        route_handlers=handlers,
        request_max_body_size=MAX_FORM_BYTES,
        tags=["agents"],
    )


def sentry_cli_router(handlers: Sequence[Any]) -> Router:
    """Returns the router of what `sentry-cli` calls, which reads errors of its own form."""
    return Router(
        "/api/0",
        route_handlers=handlers,
        request_max_body_size=MAX_FORM_BYTES,
        exception_handlers=detail_handlers(STATUS),
        tags=["sentry-cli"],
    )


def invite_router() -> Router:
    """Returns the router of the page for invited people, whose errors are pages too."""
    return Router(
        "/",
        route_handlers=INVITE_PAGE,
        request_max_body_size=MAX_FORM_BYTES,
        exception_handlers={ControlPlaneError: _invite_rejected},
    )


def exception_handlers() -> ExceptionHandlersMap:
    """Returns how each exception is answered."""
    return {
        **common_handlers(),
        TooManyQueries: _too_many_queries,
        TooManyAnswers: _too_many_answers,
        WarehouseError: _warehouse,
        StatementRefused: answer_bug,
    }


def _too_many_queries(_: AnyHttpRequest, __: TooManyQueries) -> Response[Any]:
    message = "Too many queries of this project at one time: wait for some of their answers"
    return Response(
        {"error": message}, status_code=429, headers={"Retry-After": str(RETRY_AFTER_S)}
    )


def _too_many_answers(_: AnyHttpRequest, __: TooManyAnswers) -> Response[Any]:
    message = "Too many large answers are on their way: read them, or ask for fewer rows at a time"
    return Response(
        {"error": message}, status_code=503, headers={"Retry-After": str(ANSWERS_RETRY_AFTER_S)}
    )


def _invite_rejected(request: AnyHttpRequest, error: ControlPlaneError) -> Response[Any]:
    return rejected(request, error, STATUS[type(error)])


def _warehouse(_: AnyHttpRequest, error: WarehouseError) -> Response[Any]:
    log.error("query failed", reason=str(error)[:1000])
    if isinstance(error, QueryTooExpensive):
        message = "The query is too expensive: ask for a shorter range, fewer groups or fewer rows"
        return Response({"error": message}, status_code=422)
    return Response(
        {"error": "The store does not answer for now"},
        status_code=503,
        headers={"Retry-After": "2"},
    )
