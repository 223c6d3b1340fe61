"""How long a request is held back while the stream lags, so that what is accepted stays fresh."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from schemas.projects import ProjectId

PACE_SHARE = 0.5
"""Of the lag beyond its bound, by which each request is held back."""
LONGEST_PACE_S = 2.0
"""Senders give up after 5 s and more; 80 of them with 100 items each then bring 4,000 a second."""
OUTAGE_FACTOR = 10
"""A partition that lags by more than so many times the bound is not slow but stuck: holding senders
back would not help it, and the log is there to take what they send."""
WINDOW_S = 5.0


class Pacer:
    """Knows what each project has sent of late, and holds back who sends more than its part.

    Senders that wait for their answers then send as fast as the stream stores, instead of filling
    the log with what nobody can read yet. The lag is everybody's; the flood is one project's.
    It is the greatest of those of the partitions that are not stuck.
    """

    def __init__(
        self,
        from_lag_s: float,
        lags_s: Callable[[], Sequence[float]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._from_lag_s = from_lag_s
        self._lags_s = lags_s
        self._clock = clock
        self._began = clock()
        self._now: Counter[ProjectId] = Counter()
        self._before: Counter[ProjectId] = Counter()

    def delay_s(self, project_id: ProjectId, size: int) -> float:
        """Returns for how long to hold back a request of so many bytes, and counts it.

        A project that sends as much as others, or more, waits the whole time; one that sends less
        waits in proportion.
        """
        self._turn()
        self._now[project_id] += size
        bound = self._from_lag_s
        lag = max((lag for lag in self._lags_s() if lag < OUTAGE_FACTOR * bound), default=0.0)
        if lag <= bound:
            return 0.0
        return self._part(project_id) * min(LONGEST_PACE_S, PACE_SHARE * (lag - bound))

    def _part(self, project_id: ProjectId) -> float:
        own = self._now[project_id] + self._before[project_id]
        whole = self._now.total() + self._before.total()
        projects = len(self._now.keys() | self._before.keys())
        return min(1.0, own * projects / whole) if whole else 0.0

    def _turn(self) -> None:
        now = self._clock()
        if now - self._began >= WINDOW_S:
            recent = now - self._began < 2 * WINDOW_S
            self._before = self._now if recent else Counter()
            self._now = Counter()
            self._began = now
