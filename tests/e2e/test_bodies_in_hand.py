"""Bodies that never end: together they have a bound, and no project takes another's share."""

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

import httpx
import pytest

from tests.e2e.payloads import new_id, trace
from tests.e2e.server import Project, Server, begin_request, create_project, wait_for

pytestmark = pytest.mark.alone

MIB = 1 << 20
PATH = "/v1/traces/async"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"MAX_INFLATED_BYTES": str(8 * MIB), "MAX_INFLIGHT_BYTES": str(16 * MIB)}
    with Server(tmp_path_factory.mktemp("small") / "data", settings=settings) as server:
        yield server


@contextmanager
def half_sent(project: Project, size: int) -> Iterator[None]:
    """Sends a packed body of that size but for its end, and keeps the connection open."""
    codec = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    packed = codec.compress(b"[" + b" " * (size - 1)) + codec.flush(zlib.Z_SYNC_FLUSH)
    with closing(
        begin_request(project, PATH, f"Content-Encoding: gzip\r\nContent-Length: {MIB}")
    ) as slow:
        slow.sendall(packed)
        yield


def send_large(project: Project, size: int) -> httpx.Response:
    body = gzip.compress(json.dumps([trace(trace_id=new_id(), output_text="x" * size)]).encode())
    headers = {"Content-Encoding": "gzip"}
    return project.http.post(PATH, content=body, headers=headers)


def fill(held: ExitStack, senders: Sequence[Project], *, of: Project) -> bool:
    """Half-sends one more body for each sender; tells whether a project has no room left then.

    What is inflated first takes the room, and that may be the body that asks: so again and again.
    """
    for sender in senders:
        held.enter_context(half_sent(sender, 7 * MIB))
    return send_large(of, 3 * MIB).status_code == 503


class TestBodiesInHand:
    def test_bodies_that_never_end_are_bounded_together(self, small: Server) -> None:
        one, two, other = (create_project(small) for _ in range(3))
        with ExitStack() as held:
            wait_for(lambda: fill(held, [one, two], of=other), "a full budget")
            refused = send_large(other, 3 * MIB)

        assert int(refused.headers["Retry-After"]) >= 1
        assert not any(character.isdigit() for character in refused.json()["error"])
        wait_for(lambda: send_large(other, 3 * MIB).status_code == 202, "a budget given back")
        wait_for(lambda: other.outcomes().get("overloaded", 0) >= 1, "the refusal in the ledger")
        reasons = {row["reason"] for row in other.get("/v1/outcomes").json()["outcomes"]}
        assert "bodies_in_hand" in reasons
        assert "log_full" not in reasons

    def test_a_project_whose_bodies_never_end_holds_up_nobody_else(self, small: Server) -> None:
        hostile, other = create_project(small), create_project(small)
        with ExitStack() as held:
            wait_for(lambda: fill(held, [hostile], of=hostile), "a full share")

            answers = [send_large(other, 3 * MIB).status_code for _ in range(3)]

        assert answers == [202] * 3
        wait_for(lambda: send_large(hostile, 3 * MIB).status_code == 202, "a share given back")
