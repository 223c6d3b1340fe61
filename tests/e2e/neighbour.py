"""A well-behaved project beside an attacker: small posts, reads and `/health`, by turns."""

import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

import httpx

from tests.e2e.payloads import trace
from tests.e2e.server import Project

PAUSE_S = 0.05


class Neighbour:
    """Asks from a thread of its own for as long as the context lasts, and keeps the times."""

    def __init__(self, project: Project) -> None:
        self.seconds: list[float] = []
        self.answers: Counter[str] = Counter()
        """By what was asked and the status; `none` where there was no answer."""
        self._project = project
        self._http = project.server.client(project.key, timeout_s=30.0)
        self._first = trace()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, daemon=True)

    def __enter__(self) -> Self:
        assert self._project.post("/v1/traces/batch", [self._first]).status_code == 202
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def accepted(self) -> int:
        """How many of its traces were accepted."""
        return 1 + self.answers["post 202"]

    @property
    def refused(self) -> list[str]:
        """What was not answered as it should be."""
        right = {"post 202", "trace 200", "health 200"}
        return sorted(answer for answer in self.answers if answer not in right)

    def slowest_s(self, share: float) -> float:
        """Returns within how many seconds such a share of the answers came."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def _ask_on(self) -> None:
        first = f"/v1/traces/{self._first['trace_id']}"
        while not self._stop.wait(PAUSE_S):
            self._ask("post", "POST", "/v1/traces/async", [trace()])
            self._ask("trace", "GET", first)
            self._ask("health", "GET", "/health")

    def _ask(self, name: str, method: str, path: str, body: object = None) -> None:
        started = time.monotonic()
        try:
            status = str(self._http.request(method, path, json=body).status_code)
        except httpx.TransportError:
            status = "none"
        self.seconds.append(time.monotonic() - started)
        self.answers[f"{name} {status}"] += 1
