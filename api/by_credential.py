"""One path with two answers: to holders of API tokens, and to everybody else (contract 0.1)."""

from typing import Any

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from msgspec.structs import replace

from api.auth import AnyRequest
from api.holders import named_as
from controlplane.api_tokens import is_api_token
from schemas.described import OPTION, Described

FOR_TOKENS = "answers_for_tokens"
"""In the state of a request that the second answer is for."""


def holds_api_token(request: AnyRequest) -> bool:
    """Tells whether a request carries an API token, known or not."""
    kind, _, plain = request.headers.get("authorization", "").strip(" \t").partition(" ")
    return kind.lower() == "bearer" and is_api_token(plain.strip())


def by_credential(
    path: str, usual: HTTPRouteHandler, for_tokens: HTTPRouteHandler
) -> HTTPRouteHandler:
    """Returns a route of two: both have this path, one method, and take the same of the path.

    It is described as the usual one.
    """

    async def answer(request: AnyRequest) -> Any:
        handler = usual
        if holds_api_token(request):
            request.scope["state"][FOR_TOKENS] = True
            handler = for_tokens
        return await handler.fn(request, **request.path_params)

    make = post if "POST" in usual.http_methods else get
    described: Described = usual.opt[OPTION]
    shown = replace(described, answer=usual.fn.__annotations__["return"])
    opt = {**usual.opt, OPTION: shown}
    route = make(path, status_code=usual.status_code, summary=usual.summary, opt=opt)
    return route(named_as(usual, answer))
