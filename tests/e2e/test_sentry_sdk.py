"""Sentry's SDK for Python, unmodified, in processes of its own, against Sluice."""

import hashlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from clickhouse.tags import path_of
from tests.e2e.error_rows import Rows, read_rows
from tests.e2e.server import KEY, Server, wait_for

DSN_KEY = "0123456789abcdef0123456789abcdef"


class Sent(NamedTuple):
    """What clients captured, and what the store holds of it."""

    ids: dict[str, list[str]]
    rows: Rows
    not_sampled: int
    """How many transactions the ledger counts that an SDK left out."""


def dsn_of(server: Server) -> str:
    return f"http://{DSN_KEY}@127.0.0.1:{server.port}/1"


def client(server: Server, task: str, **options: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.e2e.sentry_client", dsn_of(server), task]
    given = [f"{name}={value}" for name, value in options.items()]
    return subprocess.Popen(
        [*command, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def printed(process: "subprocess.Popen[str]") -> list[str]:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output.split()


def outcomes(server: Server, **wanted: str) -> int:
    """Counts what became of everything, of a kind, an outcome and a reason."""
    with server.client(KEY) as http:
        counts = http.get("/v1/outcomes").json()["outcomes"]
    return sum(
        one["count"] for one in counts if all(one[name] == text for name, text in wanted.items())
    )


def server_for(path: Path, **settings: str) -> Server:
    return Server(path / "data", settings={"INIT_DSN_KEY": DSN_KEY, **settings})


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """One of each task, from clients that compress differently."""
    with server_for(tmp_path_factory.mktemp("sentry")) as server:
        processes = {
            "error": client(server, "error", compression="gzip"),
            "error of another": client(server, "error", compression="br", environment="staging"),
            "message": client(server, "message"),
            "transaction": client(server, "transaction"),
            "stream": client(server, "stream"),
            "logs": client(server, "logs"),
            "beside": client(server, "beside"),
            "not sampled": client(server, "transaction", sampled=0),
        }
        ids = {name: printed(process) for name, process in processes.items()}
        server.wait_stored()
        not_sampled = wait_for(
            lambda: outcomes(server, kind="transaction", reason="sample_rate"), "its report"
        )
        server.stop()
        return Sent(ids, read_rows(server.data_dir), not_sampled)


@pytest.mark.slow
class TestEvents:
    @pytest.mark.parametrize(
        ("client", "environment"), [("error", "production"), ("error of another", "staging")]
    )
    def test_an_error_has_its_chain_stack_and_breadcrumbs(
        self, sent: Sent, client: str, environment: str
    ) -> None:
        (row,) = [one for one in sent.rows["errors"] if one["event_id"] in sent.ids[client]]

        assert row["title"] == "ValueError: cannot divide order 42"
        assert (row["type"], row["level"]) == ("ValueError", "error")
        assert (row["environment"], row["release"]) == (environment, "shop@1.2.3")
        assert row["user_key"] == "ann"
        # It names the framework that it finds installed.
        assert row["sdk"].startswith("sentry.python")
        assert row["sdk"].endswith(f" {version('sentry-sdk')}")
        assert row["body"]["tags"]["feature"] == "checkout"
        cause, raised = row["body"]["exceptions"]
        assert (cause["type"], raised["type"]) == ("ZeroDivisionError", "ValueError")
        crash = cause["frames"][-1]
        assert (crash["function"], crash["inApp"]) == ("divide", True)
        assert "return number / 0" in crash["contextLine"]
        said = [one["message"] for one in row["body"]["breadcrumbs"]]
        assert said == ["click 0", "click 1", "click 2"]

    def test_a_message_and_a_line_of_a_logger_are_errors_too(self, sent: Sent) -> None:
        rows = {row["title"]: row for row in sent.rows["errors"]}

        message = rows["disk is nearly full"]
        assert (message["level"], [message["event_id"]]) == ("warning", sent.ids["message"])
        logged = rows["payment abc-123 failed"]
        assert (logged["level"], logged["logger"]) == ("error", "shop")
        assert logged["body"]["template"] == "payment %s failed"

    def test_a_transaction_has_its_spans(self, sent: Sent) -> None:
        (row,) = [one for one in sent.rows["transactions"] if one["name"] == "GET /checkout"]

        assert (row["name"], row["op"], row["status"]) == ("GET /checkout", "http.server", "ok")
        assert [row["trace_id"]] == sent.ids["transaction"]
        spans = {
            one["op"]: one
            for one in sent.rows["transaction_spans"]
            if one["event_id"] == row["event_id"]
        }
        assert (row["spans"], set(spans)) == (2, {"db.query", "db.fetch"})
        assert spans["db.fetch"]["parent_span_id"] == spans["db.query"]["span_id"]

    def test_so_has_one_that_is_streamed_as_spans(self, sent: Sent) -> None:
        (row,) = [one for one in sent.rows["transactions"] if one["name"] == "job"]

        assert (row["op"], row["status"]) == ("queue.process", "ok")
        assert (row["environment"], row["release"]) == ("production", "shop@1.2.3")
        (span,) = [one for one in sent.rows["streamed_spans"] if one["event_id"] == row["event_id"]]
        assert (span["op"], span["description"]) == ("db.query", "SELECT 2")
        assert (span["parent_span_id"], span["transaction"]) == (row["span_id"], "job")

    def test_log_records_are_of_the_trace_and_masked(self, sent: Sent) -> None:
        low, paid = sent.rows["logs"]

        assert (low["body"], low["severity"]) == ("stock of 42 is low", 13)
        assert low["attributes"][path_of("sentry.message.parameter.order")] == "#42"
        assert low["attributes"][path_of("sentry.message.parameter.password")] == "=[Filtered]"
        assert (paid["body"], paid["severity"]) == ("payment abc-123 took 812 ms", 9)
        assert (paid["logger"], paid["release"]) == ("shop.pay", "shop@1.2.3")
        assert [low["trace_id"]] == [paid["trace_id"]] == sent.ids["logs"]
        assert low["problems"] == paid["problems"] == []

    def test_files_feedback_and_check_ins_are_kept_too(self, sent: Sent) -> None:
        error_id, feedback_id = sent.ids["beside"]

        (file,) = sent.rows["attachments"]
        (said,) = sent.rows["feedback"]
        assert (file["event_id"], file["name"], file["size"]) == (error_id, "core.bin", 3)
        assert file["sha256"] == hashlib.sha256(b"\0\n\xff").hexdigest()
        assert (said["event_id"], said["message"]) == (feedback_id, "It is gone")
        assert (said["name"], said["associated_event_id"]) == ("Ann", error_id)
        runs: dict[str, set[str]] = {}
        for row in sent.rows["check_ins"]:
            assert (row["monitor_slug"], "0 3 * * *" in row["monitor_config"]) == ("nightly", True)
            runs.setdefault(row["check_in_id"], set()).add(row["status"])
        assert sorted(map(sorted, runs.values())) == [
            ["error", "in_progress"], ["in_progress", "ok"],
        ]  # fmt: skip

    def test_what_an_sdk_leaves_out_it_reports(self, sent: Sent) -> None:
        assert sent.not_sampled == 1

    def test_each_is_stored_once(self, sent: Sent) -> None:
        errors, transactions = sent.rows["errors"], sent.rows["transactions"]
        ids = [row["event_id"] for row in (*errors, *transactions)]

        assert len(ids) == len(set(ids))
        assert sorted(row["title"] for row in errors) == [
            "ValueError: cannot divide order 42",
            "ValueError: cannot divide order 42",
            "disk is nearly full",
            "payment abc-123 failed",
            "with a file",
        ]
        assert sorted(row["name"] for row in transactions) == ["GET /checkout", "GET /logs", "job"]


@pytest.mark.slow
def test_a_graceful_restart_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    with server_for(tmp_path) as server:
        many = client(server, "until told")
        wait_for(lambda: outcomes(server, kind="error", outcome="accepted") >= 5, "the first")

        assert server.stop()[0] == 0
        server.start()
        before = outcomes(server, kind="error", outcome="accepted")
        wait_for(
            lambda: outcomes(server, kind="error", outcome="accepted") >= before + 5, "the next"
        )

        arrived = set(printed(many))
        server.wait_stored()
        server.stop()
        stored = [row["event_id"] for row in read_rows(server.data_dir)["errors"]]
        assert arrived - set(stored) == set()
        assert len(stored) == len(set(stored)) >= before + 5


@pytest.mark.slow
def test_an_sdk_that_is_told_to_wait_waits(tmp_path: Path) -> None:
    with server_for(tmp_path, RATE_LIMIT="3") as server:
        printed(client(server, "ten"))
        server.wait_stored()

        # Twice as many where a minute ended meanwhile.
        assert 1 <= outcomes(server, kind="error", outcome="rate_limited") <= 2
        assert 3 <= outcomes(server, kind="error", outcome="accepted") <= 6
