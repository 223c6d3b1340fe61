"""The routes of OTLP over a log in memory, with two projects and their keys."""

import base64
from collections.abc import Mapping
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.testing import TestClient

from controlplane.dsn_keys import DsnProject
from controlplane.failures import Unauthorized
from ingest.edge import Edge, EdgeLimits
from ingest.otel.app import routers
from ingest.otel.forms import forms
from schemas.projects import ProjectContext, ProjectId
from tests.unit.ingest.test_edge import Log

KEY, OTHER_KEY = "pulse_sk_own", "pulse_sk_other"
DSN_KEY = "0" * 31 + "1"
OWN, OTHER = ProjectContext(ProjectId("own")), ProjectContext(ProjectId("other"))
NUMBER = 7
ENVIRONMENT = "staging"
"""Of the DSN key."""
BEARER = {"authorization": f"Bearer {KEY}"}


class Keys:
    """Knows the keys above."""

    async def project_of_key(self, plain: str) -> ProjectContext:
        known = {KEY: OWN, OTHER_KEY: OTHER}
        if plain not in known:
            raise Unauthorized("Invalid API key")
        return known[plain]

    async def project_of(self, key: str) -> DsnProject | None:
        return DsnProject(OWN, NUMBER, ENVIRONMENT) if key == DSN_KEY else None


class Receiver:
    """A server of OTLP, and what it has put into the log."""

    def __init__(self, limits: EdgeLimits | None = None) -> None:
        self.log = Log()
        self.edge = Edge(
            self.log,
            forms(),
            limits or EdgeLimits(),
            read_back=_read_nothing_back,
            lags_s=lambda: [0.0],
            fullness=lambda: self.log.fullness,
        )
        state = {"edge": self.edge, "keyring": Keys(), "dsn_keys": Keys()}
        self.app = Litestar(
            routers(_nobody, _nobody), state=State(state), openapi_config=None, logging_config=None
        )
        self.client = TestClient(self.app)

    def post(
        self, path: str, body: bytes, content_type: str, headers: Mapping[str, str] = BEARER
    ) -> Any:
        return self.client.post(
            path, content=body, headers={"content-type": content_type, **headers}
        )

    def kept(self) -> list[tuple[str, str, bytes]]:
        """Project, id and bytes of each item in the log."""
        return [
            (chunk.project_id, item_id, bytes(body))
            for _, chunk in self.log.chunks
            for item_id, body in zip(chunk.ids, chunk.items, strict=True)
        ]


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


async def _read_nothing_back(*_: Any) -> None:
    raise AssertionError("nothing is read back")


async def _nobody(_: Any) -> ProjectContext:
    raise AssertionError("these routes find their project themselves")
