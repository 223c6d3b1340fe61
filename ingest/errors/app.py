"""The routes of the system `errors` that take items in, and how they answer errors."""

from collections.abc import Mapping
from typing import Any, TypeAlias
from uuid import uuid4

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.middleware import DefineMiddleware
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from controlplane import failures
from controlplane.failures import ControlPlaneError, Forbidden, RetryLater
from ingest.app import STATUS, AnyRequest, ProjectOf, SenderOf, Straight, edge_of
from ingest.errors.cron import CRON
from ingest.errors.open_sentry import INVALID_JSON, INVALID_PAYLOAD, OPEN_SENTRY
from ingest.errors.senders import (
    OpenSentrySender,
    SentrySender,
    cron_sender,
    open_sentry_sender,
    sentry_sender,
)
from ingest.errors.sentry import ENVELOPE, STORE
from ingest.rejections import (
    BadItems,
    BadJson,
    ItemTooLarge,
    Later,
    RateLimited,
    Rejected,
    TooLarge,
    TooSlow,
)
from schemas.described import describes
from schemas.errors.cron import CronBody, CronParameters
from schemas.errors.examples import CHECKED_IN, ENVELOPE_TEXT, ITEMS, STORED_EVENT
from schemas.errors.open_sentry import SentError, SentGeneration, SentTransaction
from schemas.issues import Issue
from schemas.open_routes import open_to_pages

FIRST_SEEN_BYTES = 32 << 10
"""Of a body whose key nobody knows: a larger one is not parsed."""
SENTRY_STATUS: Mapping[type[ControlPlaneError], int] = {
    failures.BadRequest: 400,
    failures.Unauthorized: 401,
    failures.Forbidden: 403,
    # These SDKs never send a 5xx again; a limit they keep, and report what it cost.
    failures.Unavailable: 429,
}
OPEN_SENTRY_SAYS: Mapping[type[Rejected], str] = {
    TooLarge: "Payload too large",
    ItemTooLarge: "Payload too large",
    BadJson: INVALID_JSON,
    BadItems: INVALID_PAYLOAD,
}
LIMITS = "X-Sentry-Rate-Limits"
OPEN_SENTRY_PAGES = open_to_pages(
    "content-type, content-encoding, x-open-sentry-key, x-sentry-clone-key",
    "retry-after",
    with_cookies=True,
)
SENTRY_PAGES = open_to_pages(
    "x-sentry-auth, x-requested-with, x-forwarded-for, origin, referer, accept, content-type,"
    " authentication, authorization, content-encoding, transfer-encoding, sentry-trace, baggage",
    "x-sentry-error, x-sentry-rate-limits, retry-after",
)
ERRORS = (401, 403, 408, 415, 429, 503)
SENTRY_ERRORS = (400, 401, 403, 408, 413, 415, 429)
CRON_PATHS = ["/cron/{monitor_slug:str}", "/cron/{monitor_slug:str}/{public_key:str}"]

FromOpenSentry: TypeAlias = NamedDependency[OpenSentrySender]
FromSentry: TypeAlias = NamedDependency[SentrySender]


class Taken(Struct):
    """The items are durable. `id` names the request; it is the id of no event."""

    id: str


class RunId(Struct):
    """The check-in is durable. `id` is that of the run: what comes next of it may name it."""

    id: str


class EventId(Struct, omit_defaults=True):
    """The items are durable. `id` is that of the event; it is left out where there is none."""

    id: str = ""


@post(
    "/ingest",
    status_code=HTTP_202_ACCEPTED,
    summary="Send errors, transactions and AI generations",
    description="One item, or an array of 1 to 20. The key may also be `?key=`.",
    request_max_body_size=None,
    opt={
        **describes(
            body=list[SentError | SentTransaction | SentGeneration],
            example=ITEMS,
            errors=ERRORS,
            asks="dsn",
        ),
        **OPEN_SENTRY_PAGES,
    },
)
async def take_items(request: AnyRequest, sender: FromOpenSentry) -> Taken:
    """Accept what Open Sentry's SDK sends; answers when it is durable."""
    if sender.project is None:
        # A client sees the statuses in the order of Open Sentry: what is wrong with the body first.
        await edge_of(request).examine(
            OPEN_SENTRY, sender.incoming, max_framed_bytes=FIRST_SEEN_BYTES
        )
        raise Forbidden("Invalid DSN key")
    await edge_of(request).accept(sender.project, OPEN_SENTRY, sender.incoming)
    return Taken(str(uuid4()))


@post(
    "/envelope",
    status_code=HTTP_200_OK,
    summary="Send an envelope of a Sentry SDK",
    description="The key may also be `?sentry_key=`, or in the `dsn` of the envelope.",
    request_max_body_size=None,
    opt={
        **describes(
            body=str,
            example=ENVELOPE_TEXT,
            errors=SENTRY_ERRORS,
            asks="sentry",
            sent_as="application/x-sentry-envelope",
        ),
        **SENTRY_PAGES,
    },
)
async def take_envelope(request: AnyRequest, sender: FromSentry) -> EventId:
    """Accept an envelope; answers when its events are durable."""
    accepted = await edge_of(request).accept(sender.project, ENVELOPE, sender.incoming)
    return EventId(accepted.answer_id)


@post(
    "/store",
    status_code=HTTP_200_OK,
    summary="Send one event of an old Sentry SDK",
    request_max_body_size=None,
    opt={
        **describes(body=dict[str, Any], example=STORED_EVENT, errors=SENTRY_ERRORS, asks="sentry"),
        **SENTRY_PAGES,
    },
)
async def take_stored(request: AnyRequest, sender: FromSentry) -> EventId:
    """Accept one event or transaction; answers when it is durable."""
    accepted = await edge_of(request).accept(sender.project, STORE, sender.incoming)
    return EventId(accepted.answer_id)


@get(
    CRON_PATHS,
    status_code=HTTP_202_ACCEPTED,
    summary="Tell of a run of a scheduled job",
    description="The key may be the last part of the path, or `?sentry_key=`, or in the header.",
    opt={
        **describes(takes=(CronParameters,), errors=(*SENTRY_ERRORS,), asks="sentry"),
        **SENTRY_PAGES,
    },
)
async def check_in(request: AnyRequest, sender: FromSentry) -> RunId:
    """Accept a check-in from the parameters of a URL; answers when it is durable."""
    accepted = await edge_of(request).accept(sender.project, CRON, sender.incoming)
    return RunId(accepted.answer_id)


@post(
    CRON_PATHS,
    status_code=HTTP_202_ACCEPTED,
    summary="Tell of a run of a scheduled job, as JSON",
    description="Without a body, the parameters of `GET` say it all.",
    request_max_body_size=None,
    opt={
        **describes(body=CronBody, example=CHECKED_IN, errors=SENTRY_ERRORS, asks="sentry"),
        **SENTRY_PAGES,
    },
)
async def check_in_with_body(request: AnyRequest, sender: FromSentry) -> RunId:
    """Accept a check-in, with the schedule of its job; answers when it is durable."""
    accepted = await edge_of(request).accept(sender.project, CRON, sender.incoming)
    return RunId(accepted.answer_id)


def routers(_: ProjectOf, __: ProjectOf) -> list[Router]:
    """Returns the routes, by DSN key (`app.state.dsn_keys`)."""
    as_sentry: ExceptionHandlersMap = {
        Rejected: _sentry_rejection,
        ControlPlaneError: _sentry_failure,
    }
    of_project = "/api/{project_number:int}"
    return [
        _router("/v1", [take_items], open_sentry_sender, {Rejected: _open_sentry_rejection}),
        _router(of_project, [take_envelope, take_stored], sentry_sender, as_sentry),
        _router(of_project, [check_in, check_in_with_body], cron_sender, as_sentry),
    ]


def _router(
    path: str, handlers: list[Any], sender_of: SenderOf, answers: ExceptionHandlersMap
) -> Router:
    return Router(
        path,
        route_handlers=handlers,
        dependencies={"sender": Provide(sender_of)},
        middleware=[DefineMiddleware(Straight, sender_of=sender_of)],
        exception_handlers=answers,
        tags=["ingest"],
    )


def _open_sentry_rejection(_: Request[Any, Any, Any], rejected: Rejected) -> Response[Any]:
    said = OPEN_SENTRY_SAYS.get(type(rejected), rejected.message)
    body: dict[str, Any] = {"error": said}
    details = getattr(rejected, "details", None)
    if details is None and said != rejected.message:
        details = [Issue([], rejected.message)]
    if details is not None:
        body["details"] = details
    return Response(body, status_code=STATUS[type(rejected)], headers=_waiting(rejected))


def _sentry_rejection(_: Request[Any, Any, Any], rejected: Rejected) -> Response[Any]:
    details = getattr(rejected, "details", None)
    told = "; ".join([rejected.message, *(one.message for one in details or ())])
    status = 429 if isinstance(rejected, Later) else STATUS[type(rejected)]
    headers = _waiting(rejected)
    if isinstance(rejected, Later):
        # Of all categories: `seconds:categories:scope:reason`.
        scope = "key" if isinstance(rejected, RateLimited) else "project"
        headers[LIMITS] = f"{rejected.retry_after_s}::{scope}:{rejected.reason}"
    return _sentry_answer(told, status, headers)


def _sentry_failure(_: Request[Any, Any, Any], failure: ControlPlaneError) -> Response[Any]:
    headers: dict[str, str] = {}
    if isinstance(failure, RetryLater):
        headers["Retry-After"] = str(failure.retry_after_s)
        headers[LIMITS] = f"{failure.retry_after_s}::project:unavailable"
    return _sentry_answer(failure.message, SENTRY_STATUS[type(failure)], headers)


def _sentry_answer(told: str, status: int, headers: dict[str, str]) -> Response[Any]:
    # A header holds no line feed, and a decoder's message may hold anything.
    shown = "".join(char if " " <= char <= "~" else "?" for char in told)[:300]
    return Response(
        {"detail": told}, status_code=status, headers={**headers, "X-Sentry-Error": shown}
    )


def _waiting(rejected: Rejected) -> dict[str, str]:
    if isinstance(rejected, Later):
        return {"Retry-After": str(rejected.retry_after_s)}
    # The rest of the body is not waited for.
    return {"Connection": "close"} if isinstance(rejected, TooSlow) else {}
