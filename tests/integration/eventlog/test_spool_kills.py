"""Edges killed and spools damaged: every chunk is in Kafka once, and in its order."""

import asyncio
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from eventlog.log import LogDamaged
from tests.integration.eventlog.edges import PARTITIONS, SEED, Edges, drained, numbers
from tests.integration.eventlog.kafka_logs import append_all, eventually, items_in
from tests.integration.eventlog.logs import PAGE_BYTES, append, noise, set_aside


async def test_damage_met_while_at_work_is_told_and_set_aside_by_opening_anew(
    edges: Edges,
) -> None:
    log = edges.open()
    edges.broker.pause()
    await append_all(log, numbers(0, 40))
    damage_root(edges.path, "records")

    with pytest.raises(LogDamaged):
        await append(log, b"refused")
    assert log.damaged.done()
    await asyncio.to_thread(log.close)
    edges.broker.resume()
    again = edges.open()
    assert again.stored_bytes == 0
    await append(again, b"next")
    await drained(again)

    assert len(set_aside(edges.path)) == 1
    assert items_in(edges.address)[-1] == b"next"


def damage_root(path: Path, table: str) -> None:
    """Overwrites the first page of a table, and has those who read it look again."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        page = int(connection.execute(query, (table,)).fetchone()[0])
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(noise())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO meta VALUES ('note', '')")


async def spool_some(edges: Edges, count: int = 40) -> None:
    """Leaves a spool whose first record may be in Kafka and whose others are not."""
    log = edges.open()
    edges.broker.pause()
    await append_all(log, numbers(0, count))
    await asyncio.to_thread(log.close)
    edges.broker.resume()


async def test_a_damaged_record_costs_itself_alone(edges: Edges) -> None:
    await spool_some(edges)
    data = edges.path.read_bytes()
    with edges.path.open("r+b") as file:
        file.seek(data.index(b"pulse.trace", len(data) // 4))
        file.write(b"\0")

    await drained(edges.open())

    found = items_in(edges.address)
    assert len(found) >= 38
    assert found == sorted(set(found), key=int)


def run_edge(edges: Edges, first: int, count: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.integration.eventlog.edge_process"]
    arguments = [edges.broker.bootstrap, edges.address.topic_prefix, str(edges.path)]
    process = subprocess.Popen(
        [*command, *arguments, str(first), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"open\n"
    return process


def read_acks(process: "subprocess.Popen[bytes]", count: int) -> list[list[str]]:
    assert process.stdout is not None
    return [process.stdout.readline().decode().split() for _ in range(count)]


def kill(process: "subprocess.Popen[bytes]") -> list[list[str]]:
    """Kills the edge and returns what it had answered by then."""
    process.kill()
    assert process.stdout is not None
    assert process.stdin is not None
    with process, process.stdin, process.stdout:
        rest = process.stdout.read()
    return [line.split() for line in rest.decode().split("\n")[:-1]]


def check(edges: Edges, lines: list[list[str]], seed: int) -> None:
    for partition in PARTITIONS:
        found = [int(item) for item in items_in(edges.address, partition)]
        ack = ["ack", str(partition.partition)]
        acknowledged = {int(line[2]) for line in lines if line[:2] == ack}
        assert len(found) == len(set(found)), f"seed {seed}"
        assert acknowledged <= set(found), f"seed {seed}"
        assert found == sorted(found), f"seed {seed}"


async def test_an_edge_killed_while_kafka_is_paused_loses_and_doubles_nothing(
    edges: Edges,
) -> None:
    rng = random.Random(SEED)
    lines: list[list[str]] = []
    for round_ in range(3):
        edge = run_edge(edges, round_ * 100_000, 10_000)
        lines += read_acks(edge, 50)
        edges.broker.pause()
        # Beyond the produce timeout: some are on disk alone, some with the broker as well.
        lines += read_acks(edge, rng.randrange(300, 900))
        lines += kill(edge)
        edges.broker.resume()
        edge = run_edge(edges, round_ * 100_000 + 90_000, 1)
        lines += await asyncio.to_thread(read_acks, edge, 11)
        await eventually(lambda: is_drained(edges))
        lines += kill(edge)

    assert sum(line[0] == "ack" for line in lines) > 900
    check(edges, lines, SEED)


async def test_an_edge_killed_while_it_drains_loses_and_doubles_nothing(edges: Edges) -> None:
    rng = random.Random(SEED + 1)
    lines: list[list[str]] = []
    for round_ in range(4):
        edge = run_edge(edges, round_ * 100_000, 10_000)
        edges.broker.pause()
        lines += read_acks(edge, 500)
        edges.broker.resume()
        await asyncio.sleep(rng.uniform(0.0, 0.08))
        lines += kill(edge)
    await drained(edges.open())

    check(edges, lines, SEED + 1)


def is_drained(edges: Edges) -> bool:
    with closing(sqlite3.connect(edges.path)) as connection:
        return connection.execute("SELECT count(*) FROM records").fetchone() == (0,)
