"""One look at a target because somebody asks for it: what "Test now" of the pages does."""

from collections import Counter

from controlplane.failures import TooManyRequests
from probes.settings import ProberSettings
from schemas.projects import ProjectId
from schemas.settings import Settings
from schemas.uptime.checks import Check
from schemas.uptime.targets import Target

OF_ONE_PROJECT = 3
OF_ALL = 24
"""Looks under way at a time, in a process: each holds a connection until its timeout."""
RETRY_AFTER_S = 5


class Looking:
    """Looks at targets, some at a time. One for each process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = ProberSettings(
            region=settings.prober_region,
            private_allowed=settings.private_targets == "allow",
        )
        self._under_way: Counter[ProjectId] = Counter()

    async def look(self, target: Target) -> Check:
        """Looks once. Raises `TooManyRequests` where others look already."""
        from probes.prober import look_once  # 0.12 s, for who asks for it

        mine = self._under_way[target.project_id]
        if mine >= OF_ONE_PROJECT or self._under_way.total() >= OF_ALL:
            raise TooManyRequests(
                "Other tests are under way. Try again in some seconds.", retry_after_s=RETRY_AFTER_S
            )
        self._under_way[target.project_id] += 1
        try:
            return await look_once(target, self._settings)
        finally:
            self._under_way[target.project_id] -= 1
            self._under_way += Counter()
