"""Made-up sessions of the demo's shop, as the browser's SDK sends them: few crash, more of late."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ingest.errors.demo import LONGEST_DAYS, Event
from ingest.errors.demo_around import ENVIRONMENTS, Release, person, release_at

STATUSES = ("exited", "ok", "unhandled", "abnormal", "crashed")
USUAL = (80, 15, 2, 2, 1)
OF_LAST = (78, 14, 2, 2, 4)
"""The last release crashes more."""
WITH_ERRORS = 0.04


class Sessions:
    """Makes sessions for the days up to `until`."""

    def __init__(self, seed: int, until: datetime, days: int) -> None:
        self._seed = seed
        self._until = until
        self._days = min(days, LONGEST_DAYS)
        # Of its own: how often it is drawn from depends on the clock, and ids must not.
        self._moments = random.Random(f"session moments {seed}")

    def events(self, count: int) -> Iterator[Event]:
        """Yields two updates of each of `count` sessions: how it began, and how it ended."""
        for number in range(count):
            yield from self._session(number, self._moment())

    def _moment(self) -> datetime:
        while True:
            at = self._until - timedelta(days=self._days) * self._moments.random() * 0.999
            at = min(at, self._until - timedelta(minutes=20))
            if self._moments.random() < (1.0 if 8 <= at.hour < 20 else 0.3):
                return at

    def _session(self, number: int, at: datetime) -> Iterator[Event]:
        rnd = random.Random(f"session {self._seed} {number}")
        # First: what follows draws as often as the release has it.
        sid = str(UUID(int=rnd.getrandbits(128)))
        release = release_at(at, self._until, self._days)
        weights = OF_LAST if release is Release.LAST else USUAL
        status = rnd.choices(STATUSES, weights)[0]
        lasted_s = rnd.uniform(5, 900)
        errors = 1 if status in STATUSES[2:] or rnd.random() < WITH_ERRORS else 0
        shared = {
            "type": "session",
            "sid": sid,
            "did": person(rnd)["id"],
            "started": at.astimezone(UTC).isoformat(),
            "attrs": {"release": release.named, "environment": rnd.choice(ENVIRONMENTS)},
        }
        yield shared | {"init": True, "seq": 0, "status": "ok", "errors": 0}
        yield shared | {"seq": 1, "status": status, "errors": errors, "duration": lasted_s}
