"""How long each part of one check took, and who answered."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from schemas.uptime.checks import Certificate, Phases

Phase = Literal["dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "transfer_ms"]


class Marks:
    """The times of one check. A part that takes place twice, as after a redirect, is summed."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._begun = clock()
        self._ms: dict[Phase, float] = {}
        self.peer = ""
        self.certificate: Certificate | None = None
        """Of the last connection, also where it was not trusted."""
        self.sent_at = self._begun
        """When the last byte of the last request was sent."""
        self.waiting_for: Phase | None = None
        """The part that began last."""

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Measures what is done within, also when it fails."""
        begun = self._clock()
        self.waiting_for = name
        try:
            yield
        finally:
            self.add(name, begun)

    def add(self, name: Phase, begun: float) -> None:
        """Adds the time since `begun` to a phase."""
        self._ms[name] = self._ms.get(name, 0.0) + (self._clock() - begun) * 1000

    def note_sent(self) -> None:
        """Says that a request is sent by now."""
        self.sent_at = self._clock()
        self.waiting_for = "first_byte_ms"

    def note_first_byte(self) -> None:
        """Says that the answer to the last request begins now."""
        self.add("first_byte_ms", self.sent_at)

    @property
    def total_ms(self) -> float:
        """How long the check has taken until now."""
        return (self._clock() - self._begun) * 1000

    def phases(self) -> Phases:
        """Returns all that was measured, in milliseconds with three digits."""
        rounded = {name: round(ms, 3) for name, ms in self._ms.items()}
        return Phases(**rounded, total_ms=round(self.total_ms, 3))
