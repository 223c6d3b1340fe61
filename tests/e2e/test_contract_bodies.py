"""How a body may be packed, and every bound that it can meet."""

import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
import zstandard

from tests.e2e.audit import list_all
from tests.e2e.load import make_trace
from tests.e2e.payloads import span, trace
from tests.e2e.server import FAULTY, Project, Server, create_project, wait_for

INVALID = "Invalid JSON body"


def raw_deflate(data: bytes) -> bytes:
    codec = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return codec.compress(data) + codec.flush()


def two_members(data: bytes) -> bytes:
    return gzip.compress(data[:50]) + gzip.compress(data[50:])


def zstd_stream(data: bytes) -> bytes:
    # Without the content's size in its header.
    codec = zstandard.ZstdCompressor().compressobj()
    return codec.compress(data) + codec.flush()


PACKINGS: list[Any] = [
    pytest.param("identity", bytes, id="identity"),
    pytest.param("gzip", gzip.compress, id="gzip"),
    pytest.param("GZIP", gzip.compress, id="GZIP"),
    pytest.param("x-gzip", gzip.compress, id="x-gzip"),
    pytest.param("gzip", two_members, id="gzip-members"),
    pytest.param("deflate", zlib.compress, id="deflate"),
    pytest.param("deflate", raw_deflate, id="raw-deflate"),
    pytest.param("br", brotli.compress, id="br"),
    pytest.param("zstd", zstandard.compress, id="zstd"),
    pytest.param("zstd", zstd_stream, id="zstd-stream"),
]
Pack = Callable[[bytes], bytes]


def send(project: Project, body: bytes, encoding: str, path: str = "/v1/traces/batch") -> Any:
    return project.http.post(path, content=body, headers={"Content-Encoding": encoding})


@pytest.mark.parametrize(("encoding", "pack"), PACKINGS)
class TestEncodings:
    def test_truncated_data_is_refused(self, project: Project, encoding: str, pack: Pack) -> None:
        body = pack(json.dumps([trace() for _ in range(5)]).encode())

        answer = send(project, body[: len(body) // 2], encoding)

        assert (answer.status_code, answer.json()["error"]) == (400, INVALID)

    def test_a_packed_body_is_unpacked(self, project: Project, encoding: str, pack: Pack) -> None:
        items = [trace() for _ in range(5)]

        answer = send(project, pack(json.dumps(items).encode()), encoding)

        assert answer.status_code == 202
        sent = [item["trace_id"] for item in items]
        assert [row["traceId"] for row in answer.json()["traces"]] == sent

    def test_a_body_may_come_in_small_pieces(
        self, project: Project, encoding: str, pack: Pack
    ) -> None:
        body = pack(json.dumps([span() for _ in range(5)]).encode())
        pieces = (body[start : start + 7] for start in range(0, len(body), 7))

        answer = project.http.post(
            "/v1/spans/batch", content=pieces, headers={"Content-Encoding": encoding}
        )

        assert (answer.status_code, answer.json()["count"]) == (202, 5)


class TestUnknownEncodings:
    @pytest.mark.parametrize("encoding", ["rot13", "gzip, br", "compress", "utf-8"])
    def test_an_unknown_encoding_is_refused_and_the_known_ones_named(
        self, project: Project, encoding: str
    ) -> None:
        answer = send(project, b"[]", encoding)

        assert answer.status_code == 415
        assert "gzip, deflate, br or zstd" in answer.json()["error"]

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
    @pytest.mark.parametrize("body", [b"[]", b"", b"\x00" * 40, b"\xff" * 40])
    def test_data_of_another_encoding_than_named_is_refused(
        self, project: Project, encoding: str, body: bytes
    ) -> None:
        answer = send(project, body, encoding)

        assert (answer.status_code, answer.json()["error"]) == (400, INVALID)


@pytest.fixture(scope="class")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"MAX_BODY_BYTES": "20000", "MAX_INFLATED_BYTES": "100000"}
    with Server(tmp_path_factory.mktemp("small") / "data", settings=settings) as server:
        yield server


class TestTooLarge:
    def test_too_many_bytes_on_the_wire_are_refused(self, small: Server) -> None:
        project = create_project(small)
        body = json.dumps([trace(output_text="x" * 20_000)]).encode()

        announced = project.http.post("/v1/traces/async", content=body)
        streamed = project.http.post("/v1/traces/async", content=iter([body[:9000], body[9000:]]))

        for answer in (announced, streamed):
            assert answer.status_code == 413
            assert "20000 on the wire" in answer.json()["error"]
        expected = {"received": 2, "too_large": 2}
        wait_for(lambda: project.outcomes() == expected, "the outcomes")

    @pytest.mark.parametrize(("encoding", "pack"), PACKINGS[1:])
    def test_too_many_bytes_when_inflated_are_refused(
        self, small: Server, encoding: str, pack: Pack
    ) -> None:
        project = create_project(small)
        body = json.dumps([trace(output_text="x" * 100_000)]).encode()

        answer = send(project, pack(body), encoding)

        assert answer.status_code == 413
        assert "100000 when inflated" in answer.json()["error"]

    def test_an_item_beyond_its_own_bound_is_refused_and_named(self, project: Project) -> None:
        items = [trace(), trace(output_text="x" * (16 << 20))]

        answer = send(project, gzip.compress(json.dumps(items).encode(), 1), "gzip")

        assert answer.status_code == 413
        assert answer.json()["error"].startswith("Request body too large: item 1 has 16777")
        expected = {"received": 2, "too_large": 2}
        wait_for(lambda: project.outcomes() == expected, "the outcomes")
        counted = project.get("/v1/outcomes", outcome="too_large").json()["outcomes"]
        assert {row["reason"] for row in counted} == {"item_bytes"}

    def test_what_is_just_small_enough_is_accepted(self, small: Server) -> None:
        project = create_project(small)
        empty = len(json.dumps([trace(output_text="")]).encode())
        plain = json.dumps([trace(output_text="x" * (20_000 - empty))]).encode()
        inflated = json.dumps([trace(output_text="x" * (100_000 - empty))]).encode()

        assert send(project, plain, "identity").status_code == 202
        assert send(project, gzip.compress(inflated), "gzip").status_code == 202


def test_a_key_beyond_its_requests_a_minute_is_told_when_to_come_again(tmp_path: Path) -> None:
    with Server(tmp_path / "data", settings={"RATE_LIMIT": "5"}) as server:
        one, other = create_project(server), create_project(server)

        answers = [one.post("/v1/traces/async", [trace()]) for _ in range(15)]

        accepted = sum(answer.status_code == 202 for answer in answers)
        refused = [answer for answer in answers if answer.status_code == 429]
        # Ten, should a new minute have begun in between.
        assert accepted in (5, 10)
        assert len(refused) == 15 - accepted
        for answer in refused:
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
            assert "Rate limit exceeded" in answer.json()["error"]
        assert other.post("/v1/traces/async", [trace()]).status_code == 202
        assert one.get("/v1/traces").status_code == 200
        expected = {"received": 15, "accepted": accepted, "rate_limited": 15 - accepted}
        wait_for(lambda: one.outcomes() == expected, "the outcomes")


class TestFullLog:
    @pytest.fixture
    def stall(self, tmp_path: Path) -> Path:
        return tmp_path / "stall"

    @pytest.fixture
    def server(self, tmp_path: Path, stall: Path) -> Iterator[Server]:
        settings = {"LOG_MAX_BYTES": "100000", "READ_BACK_TIMEOUT_S": "1"}
        environ = {"FAULT_STALL": str(stall), "FAULT_RATE": "0"}
        with Server(
            tmp_path / "data", settings=settings, environ=environ, command=FAULTY
        ) as running:
            yield running
            stall.unlink(missing_ok=True)

    def test_a_full_log_refuses_for_now_and_takes_more_when_it_is_stored(
        self, server: Server, stall: Path
    ) -> None:
        project = create_project(server)
        stall.touch()

        accepted, refused = fill_up(project)

        assert refused.status_code == 503
        assert refused.json() == {"error": "Failed to enqueue trace"}
        assert int(refused.headers["Retry-After"]) >= 1
        spans = project.post("/v1/spans/async", [span(metadata={"x": "y" * 100_000})])
        assert (spans.status_code, spans.json()) == (503, {"error": "Failed to enqueue span"})
        stall.unlink()
        late = trace()
        wait_for(
            lambda: project.post("/v1/traces/async", [late]).status_code == 202, "room in the log"
        )
        wait_for(lambda: has_all(project, [*accepted, late]), "everything accepted")

    def test_what_a_full_log_refused_is_counted_when_it_can_be(
        self, server: Server, stall: Path
    ) -> None:
        project = create_project(server)
        stall.touch()
        accepted, refused = fill_up(project)
        assert refused.status_code == 503

        stall.unlink()

        expected = {"received": len(accepted) + 100, "accepted": len(accepted), "overloaded": 100}
        wait_for(lambda: project.outcomes() == expected, f"{expected}", timeout_s=15)

    def test_a_batch_that_cannot_be_read_yet_is_durable_all_the_same(
        self, server: Server, stall: Path
    ) -> None:
        project = create_project(server)
        stall.touch()
        item = trace()

        answer = project.post("/v1/traces/batch", [item])

        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        stall.unlink()
        wait_for(lambda: has_all(project, [item]), "the trace")
        again = project.post("/v1/traces/batch", [item])
        assert (again.status_code, again.json()["count"]) == (202, 1)
        assert project.outcomes() == {"received": 2, "accepted": 1, "duplicate": 1}


def fill_up(project: Project) -> tuple[list[dict[str, Any]], httpx.Response]:
    """Sends 100 traces at a time until they are refused; returns those that were accepted."""
    chance = random.Random(1)
    accepted: list[dict[str, Any]] = []
    for _ in range(30):
        items = [make_trace(chance) for _ in range(100)]
        answer = project.post("/v1/traces/async", items)
        if answer.status_code != 202:
            return accepted, answer
        accepted += items
    raise AssertionError("the log took 3,000 traces within 100,000 bytes")


def has_all(project: Project, items: list[dict[str, Any]]) -> bool:
    stored = {row["traceId"] for row in list_all(project, "traces")}
    return stored == {item["trace_id"] for item in items}
