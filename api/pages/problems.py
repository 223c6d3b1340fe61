"""What a page says instead of an answer: what happened, what was kept, what to do."""

from typing import Any

import structlog
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.response.redirect import Redirect
from litestar.types import ExceptionHandlersMap

from api.auth import AnyRequest
from api.outgoing import TooManyAnswers
from api.pages.entrance import to_sign_in
from api.pages.parts.ranges import range_of
from api.pages.render import short_page, viewer_in
from api.pages.viewer import Moved, NoSuchPage, NotYours, SignedOut
from api.parameters import InvalidParameters, NothingFound, values_of
from api.reads import RETRY_AFTER_S, TooManyQueries
from clickhouse.failures import QueryTooExpensive, WarehouseError
from controlplane.failures import (
    ControlPlaneError,
    CrossSite,
    Forbidden,
    NotFound,
    RetryLater,
)
from eventlog.log import LogError

log = structlog.get_logger(__name__)

KEPT = "Nothing that was sent is lost: events are taken and stored as before."


def page_exception_handlers() -> ExceptionHandlersMap:
    """Returns how each exception is shown."""
    return {
        SignedOut: _signed_out,
        Moved: _moved,
        NotYours: _not_yours,
        NoSuchPage: _no_such_page,
        NothingFound: _no_such_page,
        InvalidParameters: _invalid,
        TooManyQueries: _busy,
        TooManyAnswers: _busy,
        WarehouseError: _warehouse,
        LogError: _log,
        ControlPlaneError: _control_plane,
        HTTPException: _http,
        Exception: _bug,
    }


def answer_to(request: AnyRequest, error: Exception) -> Response[Any]:
    """Return what a page says instead, for a page that has begun."""
    handlers = page_exception_handlers()
    handler = next(handlers[one] for one in type(error).__mro__ if one in handlers)
    return handler(request, error)


def _signed_out(request: AnyRequest, _: SignedOut) -> Response[Any]:
    return to_sign_in(request)


def _moved(_: AnyRequest, error: Moved) -> Response[Any]:
    return Redirect(error.location, status_code=303)


def _no_such_page(request: AnyRequest, _: Exception) -> Response[Any]:
    text = "It does not exist, it has been deleted for its age, or it is in a project of others."
    return _said(request, 404, "There is no such page here", text)


def _not_yours(request: AnyRequest, _: NotYours) -> Response[Any]:
    text = "Nothing was changed: ask an admin of the project."
    return _said(request, 403, "Only admins may do this", text)


def _invalid(request: AnyRequest, error: InvalidParameters) -> Response[Any]:
    rules = [f"{'.'.join(map(str, one.path))}: {one.message}" for one in error.details or ()]
    return _said(
        request, 400, "This address asks for something odd", "; ".join(rules) or error.message
    )


def _busy(request: AnyRequest, _: Exception) -> Response[Any]:
    text = "Too many queries of this project run at this moment. Reload the page in some seconds."
    answer = _said(request, 429, "One moment", text)
    answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _warehouse(request: AnyRequest, error: WarehouseError) -> Response[Any]:
    log.error("query of a page failed", reason=str(error)[:1000])
    if isinstance(error, QueryTooExpensive):
        text = "This view reads more than one query may. Ask for less time, or filter it."
        return _said(request, 422, "Too much for one view", text, shorter=_shorter(request))
    answer = _said(request, 503, "The store does not answer", f"{KEPT} Reload in some seconds.")
    answer.headers["Retry-After"] = "2"
    return answer


def _log(request: AnyRequest, error: LogError) -> Response[Any]:
    log.error("log did not answer a page", reason=str(error)[:1000])
    text = f"It may have been done: look again. To do it again is safe. {KEPT}"
    answer = _said(request, 503, "The log does not answer", text)
    answer.headers["Retry-After"] = "5"
    return answer


def _control_plane(request: AnyRequest, error: ControlPlaneError) -> Response[Any]:
    if isinstance(error, CrossSite):
        return _said(request, 403, "This did not come from a page of ours", error.message)
    if isinstance(error, RetryLater):
        answer = _said(request, 503, "The control plane does not answer", KEPT)
        answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer
    codes = {NotFound: 404, Forbidden: 403}
    status_code = next((code for kind, code in codes.items() if isinstance(error, kind)), 400)
    return _said(request, status_code, "This did not work", error.message)


def _http(request: AnyRequest, error: HTTPException) -> Response[Any]:
    if error.status_code == 404:
        return _no_such_page(request, error)
    return _said(request, error.status_code, "This did not work", str(error.detail))


def _bug(request: AnyRequest, error: Exception) -> Response[Any]:
    log.error("page met a bug", path=request.url.path, exc_info=error)
    text = f"This is a fault of Sluice, and its log has the details. {KEPT}"
    return _said(request, 500, "Something broke", text)


def _shorter(request: AnyRequest) -> str | None:
    viewer = viewer_in(request)
    return None if viewer is None else range_of(values_of(request), viewer.project).shorter


def _said(
    request: AnyRequest, status_code: int, title: str, text: str, *, shorter: str | None = None
) -> Response[Any]:
    return short_page(
        request, "problem.html", status_code=status_code, title=title, text=text, shorter=shorter
    )
