"""Many at once, one after a failure, and the end: what one call owes the others."""

import os
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import httpx
import pytest

from tests.components import forks
from tests.integration.warehouse.conftest import READER, WRITER, Served

pytestmark = pytest.mark.slow

FAILS_LATE = (
    "SELECT concat('secret-', toString(number)) AS s, throwIf(number = 90000) FROM numbers(100000)"
)
SLOW = "SELECT sleepEachRow(0.2) FROM numbers(15) SETTINGS max_block_size = 1"


class TestAfterAFailure:
    @pytest.mark.parametrize("form", ["TSV", "Native", "JSON", "Arrow"])
    def test_rows_of_a_failed_query_are_in_no_other_answer(self, served: Served, form: str) -> None:
        for _ in range(5):
            failed = served.ask(
                f"{FAILS_LATE} FORMAT {form}", max_block_size=1000, wait_end_of_query=1
            )
            after = served.ask("SELECT 1")
            others = [served.ask("SELECT 2", user=READER) for _ in range(5)]

            assert failed.headers["X-ClickHouse-Exception-Code"] == "395"
            assert "secret-" not in failed.text
            assert after.text == "1\n"
            assert {other.text for other in others} == {"2\n"}

    def test_a_client_that_goes_away_leaves_nothing_behind(self, served: Served) -> None:
        with (
            httpx.Client(auth=WRITER, trust_env=False, verify=False) as client,
            client.stream("POST", served.url, content="SELECT number FROM numbers(1e9)") as answer,
        ):
            next(answer.iter_raw())

        _wait_until(lambda: _running(served) == 1)
        assert served.value("SELECT 3") == "3"

    def test_a_refused_insert_stores_no_row(self, served: Served) -> None:
        served.ask("CREATE TABLE refused (a UInt8) ENGINE = MergeTree ORDER BY a")

        answer = served.ask("INSERT INTO refused FORMAT TSV\n1\n2\nnot a number\n")

        assert answer.status_code == 400
        assert served.value("SELECT count() FROM refused") == "0"


class TestAtOnce:
    def test_readers_and_a_writer_work_side_by_side(self, served: Served) -> None:
        served.ask("CREATE TABLE busy (a UInt64) ENGINE = MergeTree ORDER BY a")
        done = threading.Event()

        def write() -> None:
            with closing(served.client()) as client:
                for block in range(20):
                    client.insert("busy", [[block * 1000 + n] for n in range(1000)])
            done.set()

        def read(user: tuple[str, str]) -> list[int]:
            seen = []
            with closing(served.client(user)) as client:
                while not done.is_set():
                    seen.append(client.query("SELECT count() FROM busy").result_rows[0][0])
            return seen

        with ThreadPoolExecutor(3) as threads:
            reads = [threads.submit(read, user) for user in (READER, WRITER)]
            threads.submit(write).result(60)
            counts = [future.result(60) for future in reads]

        assert served.value("SELECT count(), sum(a) FROM busy") == "20000\t199990000"
        for seen in counts:
            assert seen == sorted(seen)
            assert all(count % 1000 == 0 for count in seen)

    def test_a_slow_query_keeps_nobody_waiting(self, served: Served) -> None:
        with ThreadPoolExecutor(1) as threads:
            slow = threads.submit(served.ask, SLOW)
            _wait_until(lambda: _running(served) == 2)

            assert served.value("SELECT 1") == "1"
            assert not slow.done()
            slow.result(30)


class TestBounds:
    def test_what_can_not_wait_is_told_to_come_again(self, alone: Served) -> None:
        alone._settings |= {"SLUICE_WAREHOUSE_THREADS": "1", "SLUICE_WAREHOUSE_WAITING": "0"}
        alone.start()
        with ThreadPoolExecutor(1) as threads:
            slow = threads.submit(_until_there_is_a_place, alone, SLOW)
            _wait_until(lambda: alone.ask("SELECT 1").status_code == 503)

            refused = alone.ask("SELECT 1")

            assert refused.headers["X-ClickHouse-Exception-Code"] == "202"
            assert refused.headers["Retry-After"] == "1"
            assert slow.result(30).status_code == 200
        assert alone.value("SELECT 1") == "1"

    def test_readers_keep_out_no_writer(self, alone: Served) -> None:
        alone._settings |= {"SLUICE_WAREHOUSE_THREADS": "1", "SLUICE_WAREHOUSE_WAITING": "0"}
        alone.start()
        with ThreadPoolExecutor(1) as threads:
            slow = threads.submit(alone.ask, SLOW, user=READER)
            _wait_until(lambda: _running(alone) == 2)

            assert alone.ask("SELECT 1", user=READER).status_code == 503
            assert alone.ask("INSERT INTO schema_migrations (number) VALUES (0)").status_code == 200
            slow.result(30)

    def test_bodies_that_trickle_in_hold_no_place(self, alone: Served) -> None:
        alone._settings |= {"SLUICE_WAREHOUSE_THREADS": "1", "SLUICE_WAREHOUSE_WAITING": "1"}
        alone.start()
        head = (
            b"POST / HTTP/1.1\r\nHost: x\r\nX-ClickHouse-User: reader\r\n"
            b"X-ClickHouse-Key: readers-password\r\nContent-Length: 100\r\n\r\n"
        )
        with ExitStack() as stack:
            trickling = [
                stack.enter_context(socket.create_connection(("127.0.0.1", alone.port)))
                for _ in range(64)
            ]
            for one in trickling:
                one.sendall(head + b"SELECT")
            # Each has been read: what was sent before is answered, on the same loop.
            assert alone.value("SELECT 1") == "1"
            for one in trickling:
                one.sendall(b" ")

            assert [alone.value("SELECT 2", user=READER) for _ in range(3)] == ["2"] * 3

    def test_a_message_is_shorter_than_the_statement_that_it_quotes(self, served: Served) -> None:
        answer = served.ask("SELECT " + "f(" * 50_000, user=READER)

        assert answer.status_code == 400
        assert len(answer.text) < 5000

    def test_all_calls_together_have_a_bound_in_memory(self, alone: Served) -> None:
        alone._settings |= {"SLUICE_WAREHOUSE_MAX_MEMORY_BYTES": str(256 << 20)}
        alone.start()
        greedy = "SELECT length(groupArray(number + {n})), sleep(1) FROM numbers(15000000)"

        with ThreadPoolExecutor(3) as threads:
            asked = [threads.submit(alone.ask, greedy.replace("{n}", str(n)), user=READER)
                     for n in range(3)]  # fmt: skip
            codes = [one.result(60).headers.get("X-ClickHouse-Exception-Code") for one in asked]

        assert "241" in codes
        assert alone.ask(greedy, user=READER, max_memory_usage=4 << 30).status_code >= 400
        assert alone.value("SELECT 1") == "1"

    def test_bodies_and_answers_have_a_bound(self, alone: Served) -> None:
        alone._settings |= {
            "SLUICE_WAREHOUSE_MAX_BODY_BYTES": "100000",
            "SLUICE_WAREHOUSE_MAX_RESULT_BYTES": "2000000",
            "SLUICE_WAREHOUSE_QUERY_TIMEOUT_S": "1",
        }
        alone.start()
        long = "SELECT repeat(toString(number % 10), 1000) FROM numbers(10000)"

        assert alone.ask(b"SELECT '" + b"x" * 100_000 + b"'").status_code == 413
        bomb = __import__("gzip").compress(b" " * 10_000_000)
        assert alone.ask(bomb, headers={"Content-Encoding": "gzip"}).status_code == 413
        assert alone.ask(f"{long} FORMAT JSON").headers["X-ClickHouse-Exception-Code"] == "396"
        # The same in every row, which the engine's own bound counts once.
        same = "SELECT repeat('x', 1000) FROM numbers(10000) FORMAT JSON"
        assert alone.ask(same).headers["X-ClickHouse-Exception-Code"] == "396"
        plain = {"Accept-Encoding": "identity"}
        waited = alone.ask(long, wait_end_of_query=1, headers=plain)
        assert waited.headers["X-ClickHouse-Exception-Code"] == "396"
        assert len(alone.ask(long).content) == 10_010_000
        assert alone.ask("SELECT count() FROM numbers(1e12)").status_code == 408
        for forever in (0, 100_000):
            answer = alone.ask("SELECT 1", max_execution_time=forever)
            assert answer.headers["X-ClickHouse-Exception-Code"] == "452"


class TestTheEnd:
    def test_a_stop_lets_running_calls_end(self, alone: Served) -> None:
        alone.start()
        with ThreadPoolExecutor(1) as threads:
            slow = threads.submit(alone.ask, SLOW.replace("15", "10"))
            _wait_until(lambda: _running(alone) == 2)

            code = alone.end(signal.SIGTERM)

            assert code == 0
            assert slow.result(30).text == "0\n" * 10

    def test_a_stop_does_not_wait_for_a_call_without_end(self, alone: Served) -> None:
        alone.start()
        alone.ask("CREATE TABLE kept (a UInt8) ENGINE = MergeTree ORDER BY a")
        alone.ask("INSERT INTO kept VALUES (1)")
        with ThreadPoolExecutor(1) as threads:
            threads.submit(alone.ask, "SELECT count() FROM numbers(1e13)")
            _wait_until(lambda: _running(alone) == 2)

            assert alone.end(signal.SIGTERM) == 0

        alone.start()
        assert alone.value("SELECT a FROM kept") == "1"

    def test_a_store_has_one_owner(self, alone: Served) -> None:
        alone.start()

        for command in ("warehouse", "up"):
            environ = alone.environ() | {"SLUICE_WAREHOUSE_PORT": "0", "SLUICE_PORT": "0"}
            second = _run(command, {k: v for k, v in environ.items() if not k.endswith("_PORT")})

            assert second.returncode == 2
            assert f"in use by process {alone._process.pid}" in second.stderr  # type: ignore[union-attr]

    def test_a_busy_port_is_said(self, served: Served, alone: Served) -> None:
        second = _run("warehouse", alone.environ() | {"SLUICE_WAREHOUSE_PORT": str(served.port)})

        assert second.returncode == 1
        assert f"cannot listen on 127.0.0.1, port {served.port}" in second.stderr


def _run(command: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return forks.run([command], env={**environ, "PATH": os.environ["PATH"]})


def _until_there_is_a_place(served: Served, sql: str) -> httpx.Response:
    while (answer := served.ask(sql)).status_code == 503:
        pass
    return answer


def _running(served: Served) -> int:
    return int(served.value("SELECT count() FROM system.processes"))


def _wait_until(condition: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)
