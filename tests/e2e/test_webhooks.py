"""Webhooks from a check to the receiver: each event once, also over a kill."""

import hashlib
import hmac
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import Server, create_project, wait_for
from tests.e2e.test_uptime import Keyed, ago

pytestmark = pytest.mark.slow


class Receiver(ThreadingHTTPServer):
    """Where events are posted; answers with the status that it is told."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rejected = 0
        self.taken: list[dict[str, Any]] = []
        self.signed: list[tuple[bytes, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    def types(self) -> Counter[str]:
        return Counter(one["event_type"] for one in self.taken)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.status
        if status == 200:
            self.server.signed.append((body, self.headers["X-StatusPulse-Signature"]))
            self.server.taken.append(json.loads(body))
        else:
            self.server.rejected += 1
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running
        running.shutdown()


def test_each_event_arrives_once_also_over_a_kill(tmp_path: Path, receiver: Receiver) -> None:
    with Server(tmp_path / "data", settings={"PRIVATE_TARGETS": "allow"}) as server:
        keyed = Keyed(server, create_project(server, "Shop"), "write")
        made = keyed.ask("POST", "webhooks", 201, {"url": receiver.url})
        path = f"webhooks/{made['webhook_id']}"
        assert "secret" not in keyed.ask("GET", path, 200)
        tried = keyed.ask("POST", f"{path}/test", 200)
        assert tried["delivered"]
        assert receiver.types() == {"ping": 1}

        receiver.status = 503
        monitor_id = keyed.monitor()
        keyed.send(monitor_id, ago(120), "off")
        keyed.send(
            monitor_id,
            ago(20),
            "o",
            outcome="degraded",
            reason="ending_soon",
            expires_us=ago(-86_400),
            certificate={
                "subject": "shop.example",
                "issuer": "an authority",
                "not_before_us": ago(86_400),
                "not_after_us": ago(-86_400),
                "sha256": "0" * 64,
            },
        )
        wait_for(lambda: receiver.rejected, "an attempt")
        server.kill()
        receiver.status = 200
        server.start()

        expected = {
            "ping": 1,
            "monitor.up": 1,
            "monitor.down": 1,
            "incident.triggered": 1,
            "certificate.expiring": 1,
        }
        wait_for(lambda: receiver.types() == expected, "every event", timeout_s=120)
        found = wait_for(lambda: all_delivered(keyed, path), "no delivery that waits", timeout_s=60)
        keyed.ask("POST", f"{path}/replay", 202, delivery_id=found[0]["delivery_id"])
        wait_for(lambda: len(receiver.taken) == 6, "the one that is sent again", timeout_s=60)
        keyed.http.close()

    assert len({one["event_id"] for one in receiver.taken}) == 5
    down = next(one for one in receiver.taken if one["event_type"] == "monitor.down")
    assert (down["monitor_id"], down["monitor_name"]) == (monitor_id, "Checkout Service Gateway")
    for body, signature in receiver.signed:
        by_secret = hmac.new(made["secret"].encode(), body, hashlib.sha256)
        assert signature == by_secret.hexdigest()


def all_delivered(keyed: Keyed, path: str) -> list[dict[str, Any]]:
    """Returns the deliveries, once none of them waits."""
    found: list[dict[str, Any]] = keyed.ask("GET", f"{path}/deliveries", 200)["deliveries"]
    return found if {one["state"] for one in found} == {"delivered"} else []
