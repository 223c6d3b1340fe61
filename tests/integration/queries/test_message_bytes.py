"""What a long run of an agent takes on disk, against all that its turns say."""

import random
from typing import Any

import msgspec

from clickhouse.client import Warehouse
from schemas.projects import ProjectContext
from tests.integration.queries.told import chat, store_told

TURNS = 50
SEED = 14
MESSAGES = "CREATE TABLE bytes_of_messages AS messages"
FILL_MESSAGES = """
INSERT INTO bytes_of_messages
    (project_id, item_id, hash, role, timestamp, received_at, body, log_id)
SELECT project_id, item_id, hash, role, timestamp, received_at, body, log_id
FROM messages
WHERE project_id = {project_id:String}
"""
HASHES = """
CREATE TABLE bytes_of_hashes
(
    input_messages Array(FixedString(16)) CODEC(ZSTD(1)),
    output_messages Array(FixedString(16)) CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY tuple()
"""
FILL_HASHES = """
INSERT INTO bytes_of_hashes
SELECT input_messages, output_messages
FROM (
    SELECT input_messages, output_messages, timestamp
    FROM traces
    WHERE project_id = {project_id:String}
    UNION ALL
    SELECT input_messages, output_messages, timestamp
    FROM otel_spans
    WHERE project_id = {project_id:String}
)
ORDER BY timestamp
"""
BYTES = """
SELECT sum(bytes_on_disk)
FROM system.parts
WHERE active AND database = currentDatabase() AND table IN ('bytes_of_messages', 'bytes_of_hashes')
"""


def test_a_run_of_50_turns_takes_a_tenth_of_what_its_turns_say(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    chance = random.Random(SEED)
    words = ["".join(chance.choices("etaoinshrdlucmfwypvbgkqjxz", k=7)) for _ in range(5_000)]
    said, spans = [("system", _text(chance, words, 400))], list[dict[str, Any]]()
    for turn in range(TURNS):
        said.append(("user" if turn % 2 else "tool", _text(chance, words, 150)))
        answer = _text(chance, words, 60)
        spans.append(chat(1, turn + 1, turn, said, answer))
        said.append(("assistant", answer))
    for span in spans:  # each turn is a request of its own
        store_told(warehouse, project, [span])

    stored = _stored_bytes(warehouse, project)

    naive = sum(len(msgspec.json.encode(span["attributes"])) for span in spans)
    assert 0 < stored <= naive / 10, f"{stored:,} of {naive:,} bytes, seed {SEED}"


def _text(chance: random.Random, words: list[str], count: int) -> str:
    return " ".join(chance.choices(words, k=count))


def _stored_bytes(warehouse: Warehouse, project: ProjectContext) -> int:
    tables = ("bytes_of_messages", "bytes_of_hashes")
    values = {"project_id": project.project_id}
    try:
        for sql in (MESSAGES, FILL_MESSAGES, HASHES, FILL_HASHES):
            warehouse.command_now(sql, values, {})
        for table in tables:
            warehouse.command_now(f"OPTIMIZE TABLE {table} FINAL", None, {})
        return int(warehouse.query_now(BYTES, None, {}).rows[0][0])
    finally:
        for table in tables:
            warehouse.command_now(f"DROP TABLE IF EXISTS {table} SYNC", None, {})
