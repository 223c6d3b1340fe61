"""Stands for the host: who may read which deployment, and whether it is over."""

import time
from typing import Any

import pyarrow as pa
from msgspec import Struct, field

from api.deploys.readers import Connection, Ending
from clickhouse.client import Warehouse
from clickhouse.deploys.tables import line_arrays
from clickhouse.tables import encode
from controlplane.failures import NotFound, Unauthorized
from schemas.deploys.lines import Line, LineRow, line_id
from schemas.projects import ProjectContext

TOKEN = "reader-token"


class Host(Struct):
    """The seam `DeployReader`, for the deployments of one project."""

    project: ProjectContext
    deployments: set[str]
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    endings: dict[str, Ending] = {}
    asked: int = 0
    """How often it was asked whether a deployment is over."""

    async def find(self, connection: Connection, deployment_id: str) -> ProjectContext:
        header = connection.headers.get("authorization", "").removeprefix("Bearer ")
        token = header or connection.query_params.get("token", "")
        if not token:
            raise Unauthorized("authorization required")
        if token not in self.tokens:
            raise Unauthorized("invalid or expired token")
        if deployment_id not in self.deployments:
            raise NotFound("deployment not found")
        return self.project

    async def ending(self, project: ProjectContext, deployment_id: str) -> Ending | None:
        self.asked += 1
        if deployment_id not in self.deployments:
            raise NotFound("deployment not found")
        return self.endings.get(deployment_id)

    def end(self, deployment_id: str, *, last_seq: int = 0, seconds_ago: float = 0) -> None:
        at_us = time.time_ns() // 1000 - int(seconds_ago * 1e6)
        self.endings[deployment_id] = Ending("stopped", at_us, last_seq)


def line(deployment_id: str, seq: int, **more: Any) -> Line:
    given = {"at_us": 1_790_000_000_000_000 + seq, "level": "info", "stream": "stdout"}
    given |= {"message": f"line {seq}"} | more
    return Line(deployment_id=deployment_id, seq=seq, **given)


async def store_lines(warehouse: Warehouse, project: ProjectContext, *lines: Line) -> None:
    """Puts lines into the store, as the sink does."""
    rows = [
        LineRow(
            line_id(one.deployment_id, one.seq),
            *(one.deployment_id, one.seq, one.at_us, one.level, one.stream, one.message),
        )
        for one in lines
    ]
    count = len(rows)
    arrays = line_arrays(tuple(zip(*rows, strict=True))) | {
        "project_id": pa.array([project.project_id] * count),
        "line_id": pa.array([row.line_id for row in rows]),
        "received_at": pa.array([1_790_000_000_000_000] * count, pa.timestamp("us", "UTC")),
        "log_id": pa.array(["l"] * count),
        "log_partition": pa.array([0] * count, pa.uint16()),
        "log_offset": pa.array([0] * count, pa.uint64()),
    }
    batch = pa.record_batch(list(arrays.values()), names=list(arrays))
    token = f"{project.project_id}/{rows[0].deployment_id}/{rows[0].seq}-{rows[-1].seq}"
    await warehouse.insert("deploy_lines", encode(batch), token)
