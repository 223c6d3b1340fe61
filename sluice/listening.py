"""What our servers of HTTP have in common: a port that is taken first, and signals left to us."""

import asyncio
import contextlib
import errno
import functools
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, cast

import uvicorn
from litestar.types import ASGIApp

from sluice.connections import Bounds, Connections, Tally
from sluice.protocol import BoundedHttp
from sluice.sockets import MOST_MESSAGE_BYTES
from sluice.unread import with_bodies_read

UNSENT_BYTES = 128 << 10
TICKS_OF_A_SWEEP = 10
"""uvicorn's server ticks ten times a second."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)
LEAVE_S, LEAVE_PAUSE_S = 10.0, 0.02
"""How long a start waits for edge processes of an owner that is gone."""
FIRST_REQUEST_S = 0.3
"""How long the end waits for the request of a connection that has had none."""


class Server(uvicorn.Server):
    """Bounds its connections, leaves the signals to us, and says when it listens.

    Its configuration must not be loaded yet.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        bounds: Bounds,
        *,
        on_end: Callable[[], object] = lambda: None,
        tally: Tally | None = None,
        http: type[BoundedHttp] = BoundedHttp,
        **of_http: Any,
    ) -> None:
        """`on_end` is called first when it ends: it lets go of answers that would stay open.

        `tally` tells of the connections of others on its port. `http` is what each connection
        becomes, made with `of_http`.
        """
        trusted = config.forwarded_allow_ips
        proxies = trusted.split(",") if isinstance(trusted, str) else trusted
        self.connections = Connections(bounds, [proxy.strip() for proxy in proxies], tally)
        protocol: Any = functools.partial(http, connections=self.connections, **of_http)
        # WebSockets are taken over by `BoundedHttp` itself.
        config.http, config.ws = protocol, "none"
        config.ws_max_size, config.ws_per_message_deflate = MOST_MESSAGE_BYTES, False
        config.app = with_bodies_read(cast("ASGIApp", config.app), bounds)
        # As many may be accepted before one is closed for them; see `bounds_of`.
        config.backlog = min(config.backlog, bounds.connections)
        super().__init__(config)
        self.ready = asyncio.Event()
        self._taking: set[asyncio.Task[None]] = set()
        self._on_end = on_end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says when requests are answered."""
        await super().startup(sockets)
        self.ready.set()

    async def on_tick(self, counter: int) -> bool:
        """Looks after the connections; called by uvicorn."""
        if counter % TICKS_OF_A_SWEEP == 0:
            self.connections.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answers whoever has connected by now, whose request is on its way, and then ends.

        To close on them would be a reset, after which no proxy sends a POST again.
        """
        ended = self._on_end()
        if isinstance(ended, Awaitable):
            await ended
        await asyncio.gather(*self._taking)
        loop = asyncio.get_running_loop()
        for connection in await self._stop_listening(sockets or []):
            await loop.connect_accepted_socket(self._make_protocol, connection)
        connections: Any = self.server_state.connections
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_REQUEST_S):
                while any(getattr(one, "cycle", one) is None for one in connections):  # noqa: ASYNC110 - uvicorn's
                    await asyncio.sleep(FIRST_REQUEST_S / 30)
        await super().shutdown(sockets)

    async def _stop_listening(self, sockets: list[socket.socket]) -> list[socket.socket]:
        """Returns the connections that nobody had accepted."""
        held = [one.dup() for one in sockets]
        for server in self.servers:
            server.close()
        for one in sockets:
            one.close()
        # uvloop closes what it has when it comes around: from then on it is ours alone to accept.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting = []
        for one in held:
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    waiting.append(one.accept()[0])
            one.close()
        return waiting

    def take(self, connection: socket.socket, data: bytes = b"", is_known: bool = False) -> None:
        """Goes on with a connection of which another process has read these bytes.

        `is_known` says that its sender is.
        """
        make: Callable[[], Any] = lambda: self._make_protocol().begin_with(data, is_known)  # noqa: E731
        loop = asyncio.get_running_loop()
        task = loop.create_task(_accept(loop.connect_accepted_socket(make, connection)))
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    def _make_protocol(self) -> Any:
        make: Any = self.config.http_protocol_class
        return make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    async def begin(
        self, listener: socket.socket | None, *, signals: Sequence[int] = SIGNALS
    ) -> "asyncio.Task[None]":
        """Returns, once requests are answered, what runs until one of the signals or `should_exit`.

        Without a listener it answers those of the connections that it is given with `take`. Raises
        what keeps it from that.
        """
        loop = asyncio.get_running_loop()
        for number in signals:
            loop.add_signal_handler(number, self._stop)
        if listener is not None:
            # The port may be listened on in spite of connections that the last process has left.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        serving = asyncio.create_task(self.serve(sockets=[listener] if listener else []))
        ready = asyncio.create_task(self.ready.wait())
        await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not self.ready.is_set():
            ready.cancel()
            await serving
            raise RuntimeError("the server ended before it listened")
        return serving

    def _stop(self) -> None:
        self.should_exit = True


async def _accept(accepting: Awaitable[Any]) -> None:
    # Who has left meanwhile is no fault.
    with contextlib.suppress(OSError):
        await accepting


def bind_when_left(host: str, port: int, is_leaving: Callable[[], bool]) -> socket.socket:
    """As `bind`; waits for a port that processes have which are about to end. Blocking."""
    latest = time.monotonic() + LEAVE_S
    while True:
        # Asked first: they may have gone between a failure and the question.
        is_worth_another = is_leaving() and time.monotonic() < latest
        try:
            return bind(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not is_worth_another:
                raise
        time.sleep(LEAVE_PAUSE_S)


def bind(host: str, port: int) -> socket.socket:
    """Takes the port before anything else is opened: a start with a busy port fails early.

    Nobody can connect to it yet. Raises `OSError` with the address in its text.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only where the protocol is named does asyncio send small pieces at once: 40 ms a call.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        why = f"cannot listen on {host}, port {port}: {error.strerror}"
        raise OSError(error.errno, f"{why}; --host and --port name another place") from error
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        # Of each connection: else the kernel takes megabytes of an answer that nobody reads.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    # Else Linux would let another bind to it too, for as long as neither listens.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return listener


def config_of(app: Any, *, proxies: Sequence[str], graceful_s: int) -> uvicorn.Config:
    """Returns how our servers run: what uvicorn would log, add or read by itself is ours to say."""
    return uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # see `sluice.forwarded`
        forwarded_allow_ips=list(proxies),
        timeout_graceful_shutdown=graceful_s,
    )
