"""The routes of the system `errors` over an edge whose log is a list, without a socket."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import httpx
import msgspec
from litestar import Litestar, get
from litestar.datastructures import State

from api.app import exception_handlers as api_exception_handlers
from api.methods import with_every_method
from api.origins import open_routes, with_origins
from controlplane.dsn_keys import DsnProject
from controlplane.failures import Unavailable
from eventlog.records import Chunk
from ingest.app import exception_handlers
from ingest.edge import Edge, EdgeLimits
from ingest.errors.app import routers
from ingest.errors.forms import forms
from schemas.errors.sent import SentItem, sent_decoder
from schemas.projects import KeyId, ProjectContext, ProjectId
from tests.unit.ingest.test_edge import Log

KEY = "0123456789abcdef0123456789abcdef"
OTHER_KEY = "f" * 32
UNKNOWN_KEY = "e" * 32
NUMBER = 7
ENVELOPE = f"/api/{NUMBER}/envelope/"
STORE = f"/api/{NUMBER}/store/"
INGEST = "/v1/ingest"


class Keys:
    """Two projects with a key each; or a database that is away."""

    def __init__(self) -> None:
        self.is_away = False
        self.asked: list[str] = []
        self.known = {
            KEY: DsnProject(context("p", "k"), NUMBER, "staging"),
            OTHER_KEY: DsnProject(context("q", "l"), NUMBER + 1, ""),
        }

    async def project_of(self, key: str) -> DsnProject | None:
        if self.is_away:
            raise Unavailable("The database does not answer", retry_after_s=2)
        self.asked.append(key)
        return self.known.get(key)


def context(project_id: str, key_id: str) -> ProjectContext:
    return ProjectContext(ProjectId(project_id), key_id=KeyId(key_id))


class Site:
    """One process: its routes, what its log holds and what its ledger counts."""

    def __init__(self, limits: EdgeLimits | None = None) -> None:
        async def read_back(*_: Any) -> None:
            raise AssertionError("nothing is read back")

        self.log, self.keys = Log(), Keys()
        self.edge = Edge(
            self.log,
            forms(),
            limits or EdgeLimits(),
            read_back=read_back,
            lags_s=list,
            fullness=lambda: self.log.fullness,
        )

    @property
    def chunks(self) -> list[Chunk]:
        return [chunk for _, chunk in self.log.chunks]

    @property
    def sent(self) -> list[SentItem]:
        """What the log holds of errors and transactions."""
        return [
            sent_decoder.decode(item)
            for chunk in self.chunks
            if chunk.wire.startswith("errors.")
            for item in chunk.items
        ]

    @property
    def ids(self) -> list[str]:
        return [item_id for chunk in self.chunks for item_id in chunk.ids]

    @property
    def counted(self) -> dict[tuple[str, str, str], int]:
        """What the ledger counts, by kind, outcome and reason."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for one in self.log.refusals:
            counts[one.kind, one.outcome, one.reason] += one.count
        return dict(counts)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self._with_state())
        async with httpx.AsyncClient(transport=transport, base_url="http://sluice") as client:
            yield client

    def _with_state(self) -> Any:
        application, state = application_of_all()
        state.update({"edge": self.edge, "dsn_keys": self.keys})

        async def enter(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = {}
            await application(scope, receive, send)

        return enter


@cache
def application_of_all() -> tuple[Any, State]:
    """Returns the routes, and the state in which they find a site. Making them takes 60 ms."""

    @get("/api/auth/get-session")
    async def session() -> str:
        return "session"

    @get("/api/v1/projects")
    async def projects() -> str:
        return "projects"

    nobody: Any = None
    routed = Litestar(
        [*routers(nobody, nobody), session, projects],
        exception_handlers={**api_exception_handlers(), **exception_handlers()},
        openapi_config=None,
        logging_config=None,
    )
    opened = open_routes(routed.routes)
    return with_origins(with_every_method(routed, routed.routes), (), opened), routed.state


def auth(key: str = KEY, client: str = "sentry.python/2.75.0") -> dict[str, str]:
    return {"X-Sentry-Auth": f"Sentry sentry_key={key}, sentry_version=7, sentry_client={client}"}


def envelope(*items: tuple[Mapping[str, Any], bytes], **headers: Any) -> bytes:
    """Writes an envelope whose items have no `length` but what their headers say."""
    lines = [msgspec.json.encode(headers)]
    for item, payload in items:
        lines += [msgspec.json.encode(item), payload]
    return b"\n".join(lines)
