"""uvicorn's HTTP/1.1, with a bound on what a request may send before and after its body.

uvicorn bounds only what h11 reads. httptools keeps every header, of a sender that nobody knows yet,
for as long as they come.
"""

from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_HEAD_BYTES = 64 << 10


class _HeadTooLarge(Exception):
    """Raised into the parser, which then goes no further."""


class BoundedHttp(HttpToolsProtocol):
    """Answers 431 and closes when URL, headers and trailers of one request are too large.

    Two counts, because the parser tells of a header only when it is whole: the bytes of those that
    are, and the bytes that came since it last told of anything else.
    """

    _told_bytes = 0
    _untold_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Parses; called by the transport."""
        self._untold_bytes += len(data)
        super().data_received(data)
        if self._untold_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse_head()

    def send_400_response(self, msg: str) -> None:
        """Answers what the parser could not take: in our case, or would not."""
        if self._told_bytes > MAX_HEAD_BYTES:
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """Begins to count; called by the parser."""
        self._told_bytes = self._untold_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Counts a piece of the URL; called by the parser."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Counts a header or a trailer; called by the parser."""
        self._count(len(name) + len(value) + len(": \r\n"))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Starts the request; called by the parser."""
        self._untold_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Passes a piece of the body on; called by the parser."""
        self._untold_bytes = 0
        super().on_body(body)

    def _count(self, size: int) -> None:
        self._told_bytes += size
        if self._told_bytes > MAX_HEAD_BYTES:
            raise _HeadTooLarge

    def _refuse_head(self) -> None:
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        self.transport.write(
            STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()
