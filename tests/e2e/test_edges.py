"""Edge processes of `sluice up`: they share a port with the owner, and nobody can tell.

Kills at random are in `test_kill.py`.
"""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.components.processes import freeze
from tests.e2e.payloads import trace
from tests.e2e.server import Project, Server, create_project, wait_for

TWO = {"EDGE_PROCESSES": "2", "DEDUP_FILTER_BITS": "20"}
MOST_REQUESTS = 30


@pytest.fixture(scope="module")
def edged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two edges; no test may stop it."""
    with Server(tmp_path_factory.mktemp("edged") / "data", settings=TWO) as server:
        yield server


def wait_well(server: Server) -> list[int]:
    """Returns the process ids of both edges, once both take connections."""
    wait_for(lambda: server.metric("sluice_edge_processes") == 2, "both edges", timeout_s=30)
    return server.edges()


def connections_of(pid: int) -> int:
    """Returns how many sockets a process has open."""
    files = Path(f"/proc/{pid}/fd")
    return sum(os.readlink(file).startswith("socket:") for file in files.iterdir())


def exchange(server: Server, *requests: bytes) -> list[int]:
    """Sends requests over one connection, each after the answer before; returns the statuses."""
    statuses = []
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as connection:
        reader = connection.makefile("rb")
        for request in requests:
            connection.sendall(request)
            statuses.append(read_answer(reader)[0])
    return statuses


def read_answer(reader: "socket.SocketIO") -> tuple[int, dict[bytes, bytes], bytes]:
    """Returns status, headers and body."""
    status = int(reader.readline().split()[1])
    headers = {}
    while (line := reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    return status, headers, reader.read(int(headers[b"content-length"]))


def post(project: Project, path: str = "/v1/traces/async", items: object = ()) -> bytes:
    body = json.dumps(list(items) or [trace()]).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {project.key}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def get(path: str, host: str = "x") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def test_one_connection_serves_requests_of_both_processes(edged: Server) -> None:
    project = create_project(edged)

    statuses = exchange(
        edged,
        post(project),
        get("/health"),
        post(project),
        post(project, "/v1/traces/batch"),
        get("/ready"),
        post(project),
    )

    assert statuses == [202, 200, 202, 202, 200, 202]
    wait_for(lambda: project.outcomes() == {"received": 4, "accepted": 4}, "all to be stored")


def test_a_call_says_which_key_it_came_with_and_with_another_key_it_is_no_other_call(
    edged: Server,
) -> None:
    project = create_project(edged)
    headers = {"X-Project-Id": project.project_id}
    keys = "/dashboard/api/api-keys"
    made = edged.admin.post(keys, json={"name": "other"}, headers=headers).json()["apiKey"]
    ids = {one["name"]: one["id"] for one in edged.admin.get(keys, headers=headers).json()["keys"]}
    call = trace()
    assert exchange(edged, post(project, items=[call])) == [202]
    wait_for(lambda: project.outcomes().get("accepted") == 1, "it to be stored")

    again = [edged.client(made).post("/v1/traces/async", json=[one]) for one in (call, trace())]

    assert [one.status_code for one in again] == [202, 202]
    stored = {"received": 3, "accepted": 2, "duplicate": 1}
    wait_for(lambda: project.outcomes() == stored, "all to be counted")
    rows = {one["traceId"]: one["apiKey"] for one in project.get("/v1/traces").json()["traces"]}
    assert rows.pop(call["trace_id"]) == ids["Default Key"]
    assert list(rows.values()) == [ids["other"]]


def test_a_request_that_comes_byte_by_byte_is_answered(edged: Server) -> None:
    project = create_project(edged)
    with socket.create_connection(("127.0.0.1", edged.port), timeout=15) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = connection.makefile("rb")
        for request, status in ((get("/health"), 200), (post(project), 202), (get("/health"), 200)):
            for at in range(0, len(request), 7):
                connection.sendall(request[at : at + 7])
            assert read_answer(reader)[0] == status


def test_the_owners_request_right_behind_an_edges_is_left_to_be_sent_again(edged: Server) -> None:
    project = create_project(edged)
    with socket.create_connection(("127.0.0.1", edged.port), timeout=15) as connection:
        connection.sendall(post(project) + post(project) + get("/health"))
        reader = connection.makefile("rb")

        assert [read_answer(reader)[0] for _ in range(2)] == [202, 202]
        assert reader.read() == b""


def test_a_host_of_an_app_is_never_an_edges(edged: Server) -> None:
    project = create_project(edged)
    own = post(project)
    apps = own.replace(b"Host: x", f"Host: {project.project_id}.localhost".encode())

    statuses = exchange(edged, own, apps)

    # Who passes requests on to apps says that nobody serves it.
    assert statuses == [202, 503]


def test_a_large_request_that_begins_elsewhere_is_whole(edged: Server) -> None:
    project = create_project(edged)
    items = [trace(request_body={"messages": ["x" * 40_000]}) for _ in range(20)]

    assert exchange(edged, post(project, "/v1/traces/batch", items)) == [202]
    wait_for(lambda: project.outcomes() == {"received": 20, "accepted": 20}, "all to be stored")


def test_metrics_are_those_of_all_processes(edged: Server) -> None:
    project = create_project(edged)
    before = edged.metric("sluice_items_accepted_total", kind="trace")
    for _ in range(8):
        exchange(edged, post(project), post(project, "/v1/traces/batch"))

    assert edged.metric("sluice_items_accepted_total", kind="trace") == before + 16


def test_a_revoked_key_is_unknown_to_every_edge_at_once(edged: Server) -> None:
    project = create_project(edged)
    headers = {"X-Project-Id": project.project_id}
    keys = "/dashboard/api/api-keys"
    made = edged.admin.post(keys, json={"name": "other"}, headers=headers).json()["apiKey"]
    (key_id,) = (
        one["id"]
        for one in edged.admin.get(keys, headers=headers).json()["keys"]
        if one["name"] == "other"
    )
    clients = [edged.client(made) for _ in range(6)]
    for client in clients:
        assert client.post("/v1/traces/async", json=[trace()]).status_code == 202

    edged.admin.delete(f"{keys}/{key_id}", headers=headers).raise_for_status()

    statuses = {client.post("/v1/traces/async", json=[trace()]).status_code for client in clients}
    assert statuses == {401}


def test_connections_are_spread_over_edges(edged: Server) -> None:
    project = create_project(edged)
    edges = wait_well(edged)
    before = [connections_of(pid) for pid in edges]

    with ExitStack() as held:
        address = ("127.0.0.1", edged.port)
        # All of them at once: whoever is awake could take them all.
        many = [held.enter_context(socket.create_connection(address, 15)) for _ in range(32)]
        for one in many:
            one.sendall(post(project))
        assert {read_answer(one.makefile("rb"))[0] for one in many} == {202}
        counts = [connections_of(pid) - so_far for pid, so_far in zip(edges, before, strict=True)]

    assert sum(counts) == 32
    assert min(counts) >= 8


def test_an_edge_may_have_as_many_files_open_as_its_owner(edged: Server) -> None:
    def bound(pid: int) -> str:
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
        return next(line for line in lines if line.startswith("Max open files"))

    assert {bound(pid) for pid in wait_well(edged)} == {bound(edged.pid)}


def test_a_port_without_edges_is_their_owners(edged: Server) -> None:
    project = create_project(edged)
    before = edged.metric("sluice_items_accepted_total", kind="trace")
    died = edged.metric("sluice_edge_processes_ended_total", reason="died")
    for pid in wait_well(edged):
        os.kill(pid, signal.SIGKILL)

    # A connection that an edge had accepted may end with it; the next one is the owner's.
    wait_for(lambda: project.post("/v1/traces/async", [trace()]).status_code == 202, "an answer")

    wait_well(edged)
    assert edged.metric("sluice_items_accepted_total", kind="trace") == before + 1
    assert edged.metric("sluice_edge_processes_ended_total", reason="died") == died + 2


def spend_a_minutes_requests(server: Server) -> list[int] | None:
    """Sends more than a key may in a minute, to all processes; `None` when another began."""
    project, minute = create_project(server), time.time() // 60
    paths = ("/v1/traces/async", "/v1/traces/async", "/v1/traces/batch")
    statuses = [
        # Each connection is some edge's, or the owner's.
        exchange(server, post(project, paths[number % 3]))[0]
        for number in range(MOST_REQUESTS + 12)
    ]
    return statuses if time.time() // 60 == minute else None


@pytest.mark.slow
def test_edges_that_hang_are_replaced_and_their_owner_answers_meanwhile(edged: Server) -> None:
    project = create_project(edged)
    hung = wait_well(edged)
    for pid in hung:
        os.kill(pid, signal.SIGSTOP)

    assert exchange(edged, post(project), get("/ready")) == [202, 200]

    wait_for(lambda: not set(hung) & set(edged.edges()), "others in their place", timeout_s=60)
    wait_well(edged)
    assert exchange(edged, post(project), get("/ready")) == [202, 200]
    assert edged.metric("sluice_edge_processes_ended_total", reason="hung") == 2


def test_limits_are_of_the_whole_and_an_owner_that_dies_is_said(tmp_path: Path) -> None:
    limits = {"RATE_LIMIT": str(MOST_REQUESTS)}
    with Server(tmp_path / "data", settings=TWO | limits) as server:
        other = create_project(server)
        wait_well(server)

        statuses = wait_for(lambda: spend_a_minutes_requests(server), "a minute that lasts")

        assert statuses == [202] * MOST_REQUESTS + [429] * 12

        os.kill(server.pid, signal.SIGSTOP)
        with socket.create_connection(("127.0.0.1", server.port), timeout=15) as connection:
            connection.sendall(post(other))
            server.kill()
            status, headers, _ = read_answer(connection.makefile("rb"))
        assert (status, headers[b"retry-after"]) == (503, b"1")

        server.start()
        assert exchange(server, post(other)) == [202]


def test_a_start_takes_the_port_over_from_an_edge_that_hangs(tmp_path: Path) -> None:
    with Server(tmp_path / "data", settings=TWO) as server:
        project = create_project(server)
        hung, _ = wait_well(server)
        freeze(hung)

        server.kill()
        server.start()

        assert exchange(server, post(project), get("/ready")) == [202, 200]
        wait_for(lambda: not Path(f"/proc/{hung}").exists(), "its end")


def test_a_server_with_edges_stops_as_one_without(tmp_path: Path) -> None:
    with Server(tmp_path / "data", settings=TWO) as server:
        edges = wait_well(server)

        code, seconds = server.stop(signal.SIGINT)

        assert (code, seconds < 5) == (0, True)
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in edges), "their end")


def test_a_port_that_is_another_programs_is_said_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = Server(tmp_path / "data", settings=TWO)
        server.port = taken.getsockname()[1]

        server.start(wait=False)

        assert server.wait_exit() == 1
        assert f"cannot listen on 127.0.0.1, port {server.port}" in server.tail()
