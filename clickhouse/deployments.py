"""Deployments as dashboards read them: a copy of what the control plane knows."""

import time
import uuid
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from clickhouse.client import Warehouse
from clickhouse.tables import encode, times

TEXTS = (
    *("project_id", "deployment_id", "environment", "kind", "origin", "status", "phase"),
    "commit_sha",
)
MOMENTS = {
    "began_us": "began_at",
    "switched_us": "switched_at",
    "ended_us": "ended_at",
}


class DeploymentCopy(NamedTuple):
    """What the store has of a deployment. Times are microseconds since 1970 UTC."""

    project_id: str
    deployment_id: str
    environment: str
    kind: str
    origin: str
    status: str
    phase: str
    commit_sha: str
    created_us: int
    began_us: int | None
    switched_us: int | None
    ended_us: int | None


async def write_deployments(warehouse: Warehouse, copies: Sequence[DeploymentCopy]) -> None:
    """Puts deployments in the place of what the store has of them; a repeat changes nothing."""
    if not copies:
        return
    arrays = {name: pa.array([getattr(one, name) for one in copies], pa.string()) for name in TEXTS}
    arrays["created_at"] = times([one.created_us for one in copies])
    for name, column in MOMENTS.items():
        values = [getattr(one, name) for one in copies]
        arrays[column] = pa.array(values, pa.timestamp("us", "UTC"))
    arrays["noted_at"] = times([time.time_ns() // 1000] * len(copies))
    rows = pa.record_batch(list(arrays.values()), names=list(arrays))
    # Each is another one: what is written again has changed.
    await warehouse.insert("deployments", encode(rows), uuid.uuid4().hex)
