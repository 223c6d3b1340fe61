"""A mail server on loopback that keeps what it is given: as much SMTP as Apprise needs."""

import email
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message


class Mailbox:
    """What has come, in order."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.messages: list[tuple[list[str], Message]] = []

    def sent_to(self, address: str) -> list[Message]:
        """Returns the messages to an address."""
        return [message for to, message in self.messages if address in to]


def text_of(message: Message) -> str:
    """Returns what a message says as plain text."""
    for part in message.walk():
        if part.get_content_type() == "text/plain":
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return content.decode()
    raise AssertionError("no plain text")


@contextmanager
def receiving() -> Iterator[Mailbox]:
    """Receives until the end."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            recipients: list[str] = []
            while line := self.rfile.readline():
                word = line[:4].upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    box.messages.append((recipients, email.message_from_bytes(self._data())))
                elif word == b"RCPT":
                    recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 fine\r\n")
                if word == b"QUIT":
                    return

        def _data(self) -> bytes:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line[1:] if line.startswith(b"..") else line)
            return b"".join(lines)

    class Taking(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Taking(("127.0.0.1", 0), Handler) as server:
        box = Mailbox(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield box
        server.shutdown()
