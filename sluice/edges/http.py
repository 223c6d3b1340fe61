"""Connections that go from one process to another, by whose the next request is.

A connection is passed on between two requests alone, when nothing is left to be answered.
"""

import os
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from sluice.edges.choice import Choice, Whose
from sluice.protocol import BoundedHttp

Give = Callable[[int, bytes, bool], bool]
"""Gives the file of a connection to another process, with what was read of it, and whether its
sender is known; `False` where none takes it."""


BUSY = b'{"error":"The server is busy, come again"}'


class NotOurs(Exception):
    """Raised into the parser, which then goes no further."""


class _PassedHttp(BoundedHttp):
    """A connection that may begin with bytes which another process has read."""

    def __init__(self, *args: Any, give: Give, choice: Choice, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._give, self._choice = give, choice
        self._held = b""
        """What came of a request and is not parsed yet."""
        self._new_bytes = 0
        """Of the piece that came last."""
        self._is_between = True
        """Whether the parser has seen nothing of the next request."""

    def begin_with(self, data: bytes, is_known: bool) -> "BoundedHttp":
        """Lets it begin with what was read of it, and is known of it; before it is connected."""
        self._held, self._is_known = data, is_known
        return self

    def connection_made(self, transport: Any) -> None:
        """Goes on with what was read before; called by the transport."""
        super().connection_made(transport)
        if self._held:
            # What comes meanwhile is put behind it.
            self.loop.call_soon(self.data_received, b"")

    def data_received(self, data: bytes) -> None:
        """Parses it or passes the connection on; called by the transport."""
        parser: Any = self.parser
        if parser is None:  # it was closed before it went on
            return
        self._new_bytes = len(data)
        if self._held:
            data, self._held = self._held + data, b""
        if not data:
            return
        if not self._is_between or self.transport.is_closing() or not self._pass_on(data):
            super().data_received(data)

    def eof_received(self) -> None:
        """Parses what is held before the end of it; called by the transport."""
        self.data_received(b"")
        super().eof_received()

    def on_message_begin(self) -> None:
        """Notes it; called by the parser."""
        self._is_between = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """Notes it; called by the parser."""
        self._is_between = True
        super().on_message_complete()

    def _pass_on(self, data: bytes) -> bool:
        """Returns `False` where this process is to parse what has come."""
        raise NotImplementedError

    def _is_answered(self) -> bool:
        return not self.pipeline and (self.cycle is None or self.cycle.response_complete)

    def _hand_over(self, data: bytes) -> bool:
        plain = self._staged.plain
        if not self._is_answered() or plain.get_write_buffer_size():
            return False
        held: Any = plain.get_extra_info("socket")
        file = os.dup(held.fileno())
        if not self._give(file, data, self._is_known):
            os.close(file)
            return False
        self._connections.forget(self)
        plain.abort()
        return True


class EdgeHttp(_PassedHttp):
    """A connection of an edge, which never answers what is the owner's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_next_checked = self._is_checked = self._is_over = False

    def on_message_begin(self) -> None:
        """Notes whether it is known to be ours; called by the parser."""
        self._is_checked, self._is_next_checked = self._is_next_checked, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Goes no further where a request came right behind another and is the owner's."""
        method = self.parser.get_method()
        if not self._is_checked and not self._choice.is_edges(method, self.url, self.headers):
            self._is_over = True
            raise NotOurs
        super().on_headers_complete()

    def _pass_on(self, data: bytes) -> bool:
        whose = self._choice.whose(data)
        if whose is Whose.EDGE:
            self._head.end()
            self._is_next_checked = True
            return False
        if whose is Whose.UNKNOWN:
            self._hold(data)
        elif not self._hand_over(data):
            if self._is_answered():
                self._reject(HTTPStatus.SERVICE_UNAVAILABLE, BUSY)
            else:
                self._end_after_answers()
        return True

    def _hold(self, data: bytes) -> None:
        if self._reading.part != "head":
            self._reading.begin("head", self.loop.time())
            self._connections.update(self)
        self._head.come(self._new_bytes)
        self._held = data
        if self._head.is_too_large():
            self._reject(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _reject(self, status: HTTPStatus, body: bytes = b"") -> None:
        if self._is_over:
            self._end_after_answers()
        else:
            super()._reject(status, body)

    def _end_after_answers(self) -> None:
        """Closes behind the last answer: the client sends the rest again (RFC 9112, 9.3.1)."""
        self._is_rejected = True
        if self._is_answered():
            self.transport.close()
        else:
            self.cycle.keep_alive = False


class OwnerHttp(_PassedHttp):
    """A connection of the owner, which answers everything; an edge would rather have its own."""

    def _pass_on(self, data: bytes) -> bool:
        return self._choice.whose(data) is Whose.EDGE and self._hand_over(data)
