"""What must stay as it is while somebody attacks: the store, a file beside it, and silence on the
sockets that an engine which calls out would reach."""

import hashlib
import selectors
import socket
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self


def snapshot(store: Path) -> dict[str, tuple[int, int, str]]:
    """Returns size, time of the last change and hash of every file of a store, by its name."""
    found = {}
    for path in sorted(store.rglob("*")):
        if path.is_file() and not path.is_symlink():
            about = path.stat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(store))] = (about.st_size, about.st_mtime_ns, digest)
        else:
            target = str(path.readlink()) if path.is_symlink() else ""
            found[str(path.relative_to(store))] = (0, 0, target)
    return found


class Listeners:
    """TCP, UDP and an abstract socket of this machine, which nobody may call."""

    def __init__(self) -> None:
        self.tcp = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp_port: int = self.udp.getsockname()[1]
        self.name = f"sluice-canary-{uuid.uuid4().hex}"
        self.unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.unix.bind(f"\0{self.name}")
        self.unix.listen()

    def called(self) -> list[str]:
        """Returns which of them somebody has called by now."""
        names = {self.tcp: "tcp", self.udp: "udp", self.unix: "unix"}
        with selectors.DefaultSelector() as selector:
            for one in names:
                selector.register(one, selectors.EVENT_READ)
            return [names[key.fileobj] for key, _ in selector.select(0)]  # type: ignore[index]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in (self.tcp, self.udp, self.unix):
            one.close()
