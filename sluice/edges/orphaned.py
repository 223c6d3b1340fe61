"""What an edge answers when its owner is gone: nothing that it says of a request is kept then."""

from collections.abc import Callable
from http import HTTPStatus

from litestar.types import ASGIApp, Message, Receive, Scope, Send

BODY = b'{"error":"The server is restarting"}'
HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(BODY)),
    (b"retry-after", b"1"),
]
OURS = frozenset(name for name, _ in HEADERS)


def with_owner(application: ASGIApp, is_gone: Callable[[], bool]) -> ASGIApp:
    """Answers 503 in the place of a rejection that nobody counts any more.

    What was accepted is durable, whoever has gone since.
    """

    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        is_replaced = False

        async def send_kept(message: Message) -> None:
            nonlocal is_replaced
            if message["type"] == "http.response.start":
                is_replaced = is_gone() and 400 <= message["status"] < 500
                if is_replaced:
                    own = [one for one in message["headers"] if one[0] not in OURS]
                    message["status"] = HTTPStatus.SERVICE_UNAVAILABLE.value
                    message["headers"] = [*own, *HEADERS]
            elif is_replaced and message["type"] == "http.response.body":
                if message.get("more_body", False):
                    return
                message["body"] = BODY
            await send(message)

        await application(scope, receive, send_kept)

    return ask
