"""Whatever is sent: an answer in JSON within a second, memory flat, the server alive.

Each test sends to one server of its own; the last word is had by the fixture, which measures over
the whole run how much the process has grown, at most and in the end, and how long another client
had to wait.
"""

import functools
import gzip
import json
import random
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import brotli
import httpx
import psutil
import pytest
import zstandard

from tests.e2e.payloads import full_span, full_trace, new_id, trace
from tests.e2e.seeds import SEED, seed_of
from tests.e2e.server import Project, Server, begin_request, create_project, wait_for

pytestmark = pytest.mark.alone

MIB = 1 << 20
GROWTH_BYTES = 64 * MIB
PEAK_BYTES = 512 * MIB
"""What the largest bodies may take for a moment: they are inflated, joined, packed and stored."""
REPLY_S = 1.0
OTHERS_REPLY_S = 3.0
TRIES = 3
MUTATIONS = 400
PATHS = ("/v1/traces/async", "/v1/spans/async", "/v1/traces/batch", "/v1/spans/batch")
ERRORS = (400, 413, 415)
MANY_KEYS = {f"key{n}": n for n in range(100_000)}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project on a warm server that must not have grown by the end of the module."""
    with Server(tmp_path_factory.mktemp("hostile") / "data") as server:
        project = create_project(server)
        warm_up(project)
        before = psutil.Process(server.pid).memory_info().rss
        forget_peak(server.pid)
        with asking_for_health(server) as waits:
            yield project
        assert server.is_running()
        assert max(waits) < OTHERS_REPLY_S, f"/health took {max(waits):.1f} s"
        peak = peak_bytes(server.pid)
        assert peak - before < PEAK_BYTES, f"{peak / MIB:.0f} MiB, {before / MIB:.0f} at first"
        assert project.post("/v1/traces/batch", [trace()]).status_code == 202
        # What large bodies leave in the allocator is given back every 10 s.
        wait_for(
            lambda: psutil.Process(server.pid).memory_info().rss - before < GROWTH_BYTES,
            f"less than {GROWTH_BYTES / MIB:.0f} MiB more than {before / MIB:.0f}",
            timeout_s=25,
        )


def warm_up(project: Project) -> None:
    """Lets the allocators and the engine take what they need for large, but honest work."""
    for _ in range(2):
        big = [full_trace(output_text="x" * 100_000) for _ in range(100)]
        assert project.post("/v1/traces/batch", big).status_code == 202
        assert project.post("/v1/traces/batch", [full_trace(metadata=MANY_KEYS)]).status_code == 202
        assert project.post("/v1/spans/batch", [full_span() for _ in range(100)]).status_code == 202
        assert project.get("/v1/traces").status_code == 200


def forget_peak(pid: int) -> None:
    """Lets `peak_bytes` begin anew, where the system can."""
    reset = Path(f"/proc/{pid}/clear_refs")
    if reset.exists():
        reset.write_text("5")


def peak_bytes(pid: int) -> int:
    """Returns the most memory that the process has had since `forget_peak`; 0 without Linux."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@contextmanager
def asking_for_health(server: Server) -> Iterator[list[float]]:
    """Asks on a connection of its own, again and again; yields how long each answer took."""
    waits = [0.0]
    done = threading.Event()

    def ask() -> None:
        with server.client(None) as client:
            while not done.wait(0.02):
                started = time.monotonic()
                assert client.get("/health").status_code == 200
                waits.append(time.monotonic() - started)

    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(ask)
        try:
            yield waits
        finally:
            done.set()
            asking.result()


def find_ids(project: Project, filters: dict[str, str]) -> list[str]:
    """Returns the ids of the traces that pass a filter."""
    rows = project.get("/v1/traces", **filters, limit=1).json()["traces"]
    return [row["traceId"] for row in rows]


def attack(
    project: Project, body: bytes, encoding: str = "identity", path: str = PATHS[0]
) -> httpx.Response:
    """Sends a body; asserts what is promised of every answer."""
    # A busy machine may delay one answer; what a body costs the server delays each of them.
    for _ in range(TRIES):
        started = time.monotonic()
        answer = project.http.post(path, content=body, headers={"Content-Encoding": encoding})
        seconds = time.monotonic() - started
        if seconds < REPLY_S:
            break
    assert seconds < REPLY_S, f"{answer.status_code} after {seconds:.2f} s: {answer.text[:200]}"
    assert answer.status_code in (202, *ERRORS, 503), answer.text[:200]
    assert isinstance(answer.json(), dict)
    assert answer.status_code == 202 or "error" in answer.json()
    return answer


class TestBombs:
    @pytest.mark.parametrize(
        ("encoding", "pack"),
        [
            ("gzip", lambda data: gzip.compress(data, 9)),
            ("deflate", lambda data: zlib.compress(data, 9)),
            ("br", lambda data: brotli.compress(data, quality=5)),
            ("zstd", lambda data: zstandard.compress(data, 19)),
        ],
        ids=["gzip", "deflate", "br", "zstd"],
    )
    def test_a_bomb_is_stopped_at_its_bound(
        self, target: Project, encoding: str, pack: Callable[[bytes], bytes]
    ) -> None:
        bomb = pack(b"[" + b" " * (200 * MIB))
        assert len(bomb) < MIB

        answer = attack(target, bomb, encoding)

        assert answer.status_code == 413

    def test_a_bomb_of_many_gzip_members_is_stopped(self, target: Project) -> None:
        member = gzip.compress(b" " * 1000, 9)

        answer = attack(target, member * 100_000, "gzip")

        assert answer.status_code in ERRORS


DEEP = 100_000


def filled(start: bytes, unit: bytes, end: bytes, size: int = 64 * MIB) -> bytes:
    """Returns as many units as fit into the size, between a start and an end."""
    return start + unit * ((size - len(start) - len(end)) // len(unit)) + end


class TestShapes:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"[" * DEEP, id="open-arrays"),
            pytest.param(b"[" * DEEP + b"]" * DEEP, id="arrays"),
            pytest.param(b'{"a":' * DEEP + b"1" + b"}" * DEEP, id="objects"),
            pytest.param(b"[" + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"]", id="objects-in-array"),
        ],
    )
    @pytest.mark.parametrize("path", PATHS[:2])
    def test_deep_json_is_refused(self, target: Project, path: str, body: bytes) -> None:
        assert attack(target, body, path=path).status_code == 400

    @pytest.mark.parametrize("field", ["request_body", "metadata", "error"])
    def test_deep_json_within_a_field_is_refused(self, target: Project, field: str) -> None:
        item = json.dumps(full_trace(**{field: "DEEP"})).encode()
        deep = b'{"a":' * DEEP + b"1" + b"}" * DEEP

        assert attack(target, b"[" + item.replace(b'"DEEP"', deep) + b"]").status_code == 400

    def test_json_of_usual_depth_is_stored(self, target: Project) -> None:
        deep: Any = 1
        for _ in range(100):
            deep = {"a": [deep]}
        item = full_trace(request_body=deep)

        answer = attack(target, json.dumps([item]).encode(), path="/v1/traces/batch")

        assert answer.json()["traces"][0]["requestBody"] == deep

    def test_a_hundred_thousand_keys_are_stored(self, target: Project) -> None:
        for field in ("metadata", "request_body"):
            body = json.dumps([full_trace(**{field: MANY_KEYS})]).encode()
            assert attack(target, body).status_code == 202
        unknown = json.dumps([trace() | MANY_KEYS]).encode()
        assert attack(target, unknown).status_code == 202

    @pytest.mark.parametrize("unit", [b"1,", b"{},", b"[[]],"])
    def test_an_array_that_fills_the_largest_body_is_refused(
        self, target: Project, unit: bytes
    ) -> None:
        answer = attack(target, gzip.compress(filled(b"[", unit, b"1]"), 6), "gzip")

        assert answer.status_code == 400
        assert "at most 100 items" in answer.json()["details"][0]["message"]

    @pytest.mark.parametrize(
        ("start", "unit", "end", "status"),
        [
            pytest.param(b'{"a":[', b"{},", b"1]}", 400, id="no-array"),
            pytest.param(b'[{"request_body":[', b"{},", b"1]}]", 413, id="one-item"),
            pytest.param(b'["', rb"\ud83d", b'"]', 400, id="surrogates"),
        ],
    )
    def test_whatever_fills_the_largest_body_is_refused(
        self, target: Project, start: bytes, unit: bytes, end: bytes, status: int
    ) -> None:
        answer = attack(target, gzip.compress(filled(start, unit, end), 6), "gzip")

        assert answer.status_code == status

    @pytest.mark.parametrize("field", ["request_body", "metadata", "status", "session_id"])
    def test_a_bad_item_of_the_largest_size_is_explained(self, target: Project, field: str) -> None:
        item = json.dumps(full_trace(latency_ms=-1) | {field: "HERE"}).encode()
        start, end = item.split(b'"HERE"')
        start, end = b"[" + start + b'{"a":[', b"1]}" + end + b"]"
        body = filled(start, b"{},", end, 16 * MIB)

        answer = attack(target, gzip.compress(body, 6), "gzip")

        assert answer.status_code == 400
        (issue,) = answer.json()["details"]
        assert issue["path"] in ([0, "latency_ms"], [0, field])

    def test_the_largest_metadata_is_stored_and_its_scalars_are_read(self, target: Project) -> None:
        known = {"userId": "u-large", "environment": "e-large", "team": "t", "deep": "HERE"}
        start, end = json.dumps([full_trace(metadata=known)]).encode().split(b'"HERE"')
        body = filled(start + b'{"a":[', b"{},", b"1]}" + end, 15 * MIB)

        answer = attack(target, gzip.compress(body, 6), "gzip")

        assert answer.status_code == 202
        for filters in ({"user": "u-large"}, {"environment": "e-large"}):
            wait_for(functools.partial(find_ids, target, filters), f"the trace by {filters}")

    def test_a_hundred_items_with_every_field_wrong_are_answered_briefly(
        self, target: Project
    ) -> None:
        item = dict.fromkeys(full_trace(), "wrong")

        answer = attack(target, json.dumps([item] * 100).encode())

        assert answer.status_code == 400
        assert len(answer.content) < 100_000

    @pytest.mark.parametrize(
        "number",
        ["1e400", "-1e400", "1" * 5000, "0." + "1" * 5000, "1e-400", "1E+999999999", "-0", "00"],
    )
    @pytest.mark.parametrize("field", ["cost_cents", "latency_ms", "input_tokens", "session_id"])
    def test_huge_numbers_are_refused_or_stored(
        self, target: Project, field: str, number: str
    ) -> None:
        item = json.dumps(full_trace(**{field: "NUMBER"})).replace('"NUMBER"', number)

        answer = attack(target, f"[{item}]".encode(), path="/v1/traces/batch")

        assert answer.status_code in (202, 400)

    @pytest.mark.parametrize("number", ["1e400", "1" * 4000, "-1E-999999999"])
    def test_huge_numbers_within_an_object_come_back_as_they_were(
        self, target: Project, number: str
    ) -> None:
        item = json.dumps(full_trace(metadata={"userId": "NUMBER"})).replace('"NUMBER"', number)

        answer = attack(target, f"[{item}]".encode(), path="/v1/traces/batch")

        assert answer.status_code in (202, 400)
        if answer.status_code == 202:
            assert number in answer.text


class TestTexts:
    @pytest.mark.parametrize(
        "garbage", [b"\xff\xfe\x00", b"\xc3\x28", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\x80"]
    )
    @pytest.mark.parametrize("field", ["output_text", "session_id", "model_requested"])
    def test_invalid_utf8_is_refused(self, target: Project, field: str, garbage: bytes) -> None:
        body = json.dumps([full_trace(**{field: "HERE"})]).encode().replace(b"HERE", garbage)

        answer = attack(target, body)

        assert (answer.status_code, answer.json()["error"]) == (400, "Invalid JSON body")

    @pytest.mark.parametrize(
        ("sent", "stored"),
        [
            (r"\ud83d", "\ufffd"),
            (r"\udE42!", "\ufffd!"),
            (r"\ud83d\ude42", "🙂"),
            (r"\ud83d\ud83d\ude42", "\ufffd🙂"),
            (r"a\\ud83d", r"a\ud83d"),
            (r"\ud83d\\ude42", "\ufffd\\ude42"),
        ],
    )
    def test_lone_surrogates_are_replaced(self, target: Project, sent: str, stored: str) -> None:
        item = full_trace(output_text="HERE", request_body={"HERE": ["HERE"]}, session_id="HERE")
        body = json.dumps([item]).replace("HERE", sent).encode()

        answer = attack(target, body, path="/v1/traces/batch")

        assert answer.status_code == 202, answer.text
        row = answer.json()["traces"][0]
        assert (row["outputText"], row["sessionId"]) == (stored, stored)
        assert row["requestBody"] == {stored: [stored]}

    def test_nul_and_control_characters_come_back(self, target: Project) -> None:
        text = "".join(map(chr, range(32))) + "\x7f\u2028\ufeff\uffff"
        fields = ("output_text", "model_used", "finish_reason", "session_id")
        item = full_trace(**dict.fromkeys(fields, text), metadata={text: text, "userId": text})

        row = attack(target, json.dumps([item]).encode(), path="/v1/traces/batch").json()

        (stored,) = row["traces"]
        assert {stored["outputText"], stored["modelUsed"], stored["sessionId"]} == {text}
        assert stored["metadata"] == {text: text, "userId": text}
        assert target.get("/v1/traces", session_id=text).json()["total"] == 1

    def test_long_texts_are_stored(self, target: Project) -> None:
        item = full_trace(output_text="é" * 500_000, metadata={"note": "é" * 500_000})

        answer = target.post("/v1/traces/batch", [item])

        assert answer.status_code == 202
        (row,) = answer.json()["traces"]
        assert row["outputText"] == row["metadata"]["note"] == "é" * 500_000

    @pytest.mark.parametrize("field", ["model_requested", "session_id", "finish_reason"])
    def test_a_name_without_end_is_rejected_with_its_field(
        self, target: Project, field: str
    ) -> None:
        answer = target.post("/v1/traces/batch", [full_trace(**{field: "é" * 500_000})])

        assert answer.status_code == 400
        assert answer.json()["details"][0]["path"] == [0, field]


class TestQueries:
    @pytest.mark.parametrize(
        "path",
        [
            f"/v1/traces/{'x' * 5000}",
            "/v1/traces/%00",
            "/v1/traces/%ff%fe",
            "/v1/sessions/' OR 1=1 --",
            "/v1/spans?session_id=%00&limit=1",
            "/v1/traces?metadata.%27)=1",
            "/v1/traces?offset=99999999999999999999",
            f"/v1/traces?model={'x' * 50_000}",
            "/v1/traces?date_from=9999999999999999999999999",
            "/v1/analytics?date_from=0000-01-01T00:00:00Z&date_to=9999-12-31T23:59:59Z",
            "/v1/analytics?date_from=2026-01-01T00:00:00Z&date_to=2026-02-01T00:00:00Z"
            "&group_by=metadata.%27%00%7B",
        ],
    )
    def test_a_hostile_query_is_answered_or_refused(self, target: Project, path: str) -> None:
        answer = target.http.get(path)

        assert answer.status_code in (200, 400, 404), answer.text[:300]


def test_mutations_of_a_valid_body_are_stored_or_refused(target: Project) -> None:
    seed = seed_of("mutations")
    chance = random.Random(seed)
    for number in range(MUTATIONS):
        path = chance.choice(PATHS[:2])
        make = full_trace if "traces" in path else full_span
        body = mutate(json.dumps([make() for _ in range(3)]).encode(), chance)
        encoding = chance.choice(("identity", "identity", "gzip"))
        if encoding == "gzip":
            body = gzip.compress(body)
            body = mutate(body, chance) if chance.random() < 0.5 else body

        try:
            answer = attack(target, body, encoding, path)
            assert answer.status_code in (202, *ERRORS), answer.text
        except BaseException as error:
            error.add_note(f"E2E_SEED={SEED}, mutation {number}: {encoding} {body[:2000]!r}")
            raise


def mutate(body: bytes, chance: random.Random) -> bytes:
    """Changes a body in one to three places."""
    data = bytearray(body)
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(max(len(data), 1))
        end = min(len(data), start + chance.choice((1, 1, 2, 8, 100)))
        kind = chance.randrange(5)
        if kind == 0:
            data[start:end] = b""
        elif kind == 1:
            data[start:end] = bytes(chance.randrange(256) for _ in range(end - start))
        elif kind == 2:
            data[start:start] = data[start:end] * chance.choice((1, 10))
        elif kind == 3:
            data[start:end] = chance.choice(
                (b"null", b'"', b"{}", b"[]", b"\\u0000", b"\\ud800", b"1e999", b"-", b"\x00")
            )
        else:
            del data[start:]
    return bytes(data)


class TestHeads:
    def test_headers_of_the_largest_size_are_read(self, target: Project) -> None:
        for _ in range(5):
            answer = target.http.get("/v1/traces", headers={"X-Large": "x" * (60 << 10)})

            assert answer.status_code == 200

    @pytest.mark.parametrize(
        "head",
        [
            pytest.param(["GET / HTTP/1.1\r\n", "X: " + "x" * (65 << 10) + "\r\n\r\n"], id="one"),
            pytest.param(["GET / HTTP/1.1\r\n", "A: b\r\n" * 20_000, "\r\n"], id="many"),
            pytest.param(["GET /" + "x" * (65 << 10), " HTTP/1.1\r\n\r\n"], id="url"),
        ],
    )
    def test_a_head_beyond_its_bound_is_refused(self, target: Project, head: list[str]) -> None:
        with socket.create_connection(("127.0.0.1", target.server.port), timeout=15) as sender:
            sender.sendall("".join(head).encode())

            assert sender.recv(1000).startswith(b"HTTP/1.1 431 ")

    @pytest.mark.parametrize(
        ("start", "unit"),
        [
            pytest.param("GET / HTTP/1.1\r\n", "A: b\r\n", id="headers"),
            pytest.param("GET / HTTP/1.1\r\nA: ", "b", id="header"),
            pytest.param("GET /", "x", id="url"),
            pytest.param(
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                "A: b\r\n",
                id="trailers",
            ),
            pytest.param(
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", "b", id="trailer"
            ),
            pytest.param(
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a=", "b", id="extension"
            ),
        ],
    )
    def test_a_head_that_never_ends_is_cut_off(
        self, target: Project, start: str, unit: str
    ) -> None:
        piece = (unit * (8192 // len(unit))).encode()
        with socket.create_connection(("127.0.0.1", target.server.port), timeout=15) as sender:
            sender.sendall(start.encode())
            with pytest.raises(ConnectionError):
                send_again_and_again(sender, piece, 16 * MIB)

    def test_a_large_body_and_the_next_request_are_not_counted_as_a_head(
        self, target: Project
    ) -> None:
        item = json.dumps([trace(trace_id=new_id(), output_text="x" * MIB)]).encode()
        with closing(begin_request(target, PATHS[0], f"Content-Length: {len(item)}")) as sender:
            for last in (False, False, True):
                sender.sendall(item)
                head = f"POST {PATHS[0]} HTTP/1.1\r\nAuthorization: Bearer {target.key}\r\nX: "
                if not last:
                    sender.sendall(f"{head}{'x' * 40_000}\r\nHost: x\r\n".encode())
                    sender.sendall(f"Content-Length: {len(item)}\r\n\r\n".encode())
                answer = HTTPResponse(sender)
                answer.begin()
                assert (answer.status, answer.read()) == (202, b'{"status":"queued","count":1}')


class TestRejections:
    """Clients that send all before they read, on connections that are not kept: as nginx does."""

    @pytest.mark.parametrize("kept", ["HTTP/1.1", "HTTP/1.1\r\nConnection: close", "HTTP/1.0"])
    @pytest.mark.parametrize(
        ("key", "size", "status"), [("", 17_000_000, 413), ("pulse_sk_no", 15_000_000, 401)]
    )
    def test_a_rejection_reaches_who_is_still_sending(
        self, target: Project, key: str, size: int, status: int, kept: str
    ) -> None:
        head = f"POST {PATHS[0]} {kept}\r\nHost: x\r\nAuthorization: Bearer {key or target.key}\r\n"
        with socket.create_connection(("127.0.0.1", target.server.port), timeout=15) as sender:
            sender.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode())
            sender.sendall(b"A" * size)
            answer = HTTPResponse(sender)
            answer.begin()

            assert answer.status == status
            assert "error" in json.loads(answer.read())


def send_again_and_again(sender: socket.socket, piece: bytes, most: int) -> None:
    for _ in range(most // len(piece)):
        sender.sendall(piece)
