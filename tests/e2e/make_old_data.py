"""Makes `data/b92ec30.tar.xz`: run with the code of version b92ec30 first on the path.

    git worktree add ../old b92ec30
    PYTHONPATH=../old python tests/e2e/make_old_data.py FOLDER

The folder is a data directory of `sluice up`: some items are stored, one is a dead letter, some
wait in the log, and a block of them is declared and not stored, as after a crash.
"""

import asyncio
import json
import os
import subprocess
import sys
import tarfile
import time
import uuid
from pathlib import Path
from typing import Any

import httpx

from eventlog.log import Intent, TopicPartition
from eventlog.records import Chunk
from eventlog.sqlite_log import SqliteLog

PORT = 18_472
KEY = "pulse_sk_11111111-1111-4111-8111-111111111111"
STORED, WAITING = 20, 10


def item(id_field: str, number: int) -> dict[str, Any]:
    event_id = str(uuid.UUID(int=number, version=4))
    common = {id_field: event_id, "timestamp": "2026-11-01T12:00:00.5Z", "status": "success"}
    if id_field == "trace_id":
        return common | {
            "provider": "openai", "model_requested": "gpt-4o", "request_body": {"model": "gpt-4o"},
            "latency_ms": 5, "input_tokens": 1_000_000, "output_tokens": 0, "session_id": "old",
        }  # fmt: skip
    return common | {
        "session_id": "old", "source": "codex", "kind": "tool_use", "event_type": "post_tool_use",
    }  # fmt: skip


def main(folder: Path) -> None:
    environ = {
        **os.environ, "SLUICE_DATA_DIR": str(folder), "SLUICE_PORT": str(PORT),
        "SLUICE_INIT_PROJECT": "Old", "SLUICE_INIT_API_KEY": KEY, "SLUICE_DEDUP_FILTER_BITS": "20",
    }  # fmt: skip
    command = [sys.executable, "-c", "from sluice.cli import main; main()", "up"]
    server = subprocess.Popen(command, env=environ)
    http = httpx.Client(
        base_url=f"http://127.0.0.1:{PORT}", headers={"Authorization": f"Bearer {KEY}"}, timeout=30
    )
    for _ in range(300):
        try:
            if http.get("/ready").status_code == 200:
                break
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    for path, id_field in (("traces", "trace_id"), ("spans", "span_id")):
        items = [item(id_field, number) for number in range(STORED)]
        assert http.post(f"/v1/{path}/batch", json=items).status_code == 202
    assert http.post("/v1/traces/batch", json=[{}]).status_code == 400
    project = http.get("/v1/traces?limit=1").json()["traces"][0]["projectId"]
    append(folder, project, "raw.traces", "pulse.trace", [b'{"trace_id": "unfit"}'])
    time.sleep(3)
    server.terminate()
    server.wait()
    for topic, id_field in (("raw.traces", "trace_id"), ("raw.spans", "span_id")):
        # The first half was stored before: a client that has sent them again.
        for half in (range(WAITING), range(STORED, STORED + WAITING)):
            bodies = [json.dumps(item(id_field, number)).encode() for number in half]
            append(folder, project, topic, f"pulse.{id_field[:-3]}", bodies)
    log = SqliteLog(folder / "log.db")
    place = TopicPartition("raw.traces", 0)
    next_offset = log.positions()[place][2]
    asyncio.run(log.declare(place, Intent(next_offset - 2, next_offset - 1, epoch="another life")))
    log.close()
    with tarfile.open(folder.with_suffix(".tar.xz"), "w:xz", preset=9) as archive:
        for file in sorted(folder.iterdir()):
            if file.name not in ("cache", "faust", "lock", "place.lock"):
                archive.add(file, file.name)


def append(folder: Path, project: str, topic: str, wire: str, bodies: list[bytes]) -> None:
    log = SqliteLog(folder / "log.db")
    chunk = Chunk(project, wire, time.time_ns(), bodies)
    asyncio.run(log.append_chunks(topic, {0: chunk}))
    log.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
