"""Items that ingest would never let into the log: what no step can store becomes a dead letter."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from eventlog.records import Chunk
from eventlog.sqlite_log import SqliteLog
from schemas.kinds import TRACE
from schemas.projects import ProjectId
from tests.chunks import append_chunks


def append_poison(data_dir: Path, project_id: str, *items: dict[str, Any] | bytes) -> int:
    """Puts traces into the log of a server as its edge would, unchecked; returns when, in ns."""
    at_ns = time.time_ns()
    bodies = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]
    chunk = Chunk(ProjectId(project_id), TRACE.wire, at_ns, bodies)
    log = SqliteLog(data_dir / "log.db")
    try:
        # In a thread: where a browser is driven, this one has a loop that runs.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(append_chunks(log, TRACE.topic, {0: chunk}))).result()
    finally:
        log.close()
    return at_ns
