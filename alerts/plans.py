"""After which pauses a message is tried again, by whose it is."""

import random
from collections.abc import Mapping
from typing import NamedTuple

from schemas.messages import DeliveryState, Source


class Plan(NamedTuple):
    """How often a message is tried."""

    pauses_s: tuple[float, ...]
    """After each attempt that failed; when there is none left, it was the last attempt."""
    jitter: float
    """So that what failed at one moment is not tried again at one moment."""
    ends: DeliveryState
    """What a message is that nobody took."""

    def pause_s(self, attempt: int) -> float | None:
        """Returns how long to wait after an attempt, from 1 on; `None` after the last one."""
        if attempt > len(self.pauses_s):
            return None
        return self.pauses_s[attempt - 1] * random.uniform(1 - self.jitter, 1 + self.jitter)


PLANS: Mapping[Source, Plan] = {
    "errors": Plan((10, 40, 160, 640, 2560, 3600, 3600), 0.2, "failed"),
    # Somebody waits to be woken.
    "uptime": Plan((1, 5, 30, 120, 600), 0.0, "dead"),
    # Somebody of outside who follows a status page: no load that comes back for long.
    "status": Plan((30, 300, 1800), 0.2, "failed"),
    "deploys": Plan((10, 40, 160, 640, 2560, 3600, 3600), 0.2, "failed"),
    "exports": Plan((10, 40, 160, 640, 2560, 3600, 3600), 0.2, "failed"),
    "budgets": Plan((10, 40, 160, 640, 2560, 3600, 3600), 0.2, "failed"),
    "judges": Plan((10, 40, 160, 640, 2560, 3600, 3600), 0.2, "failed"),
    "webhook": Plan((1, 5, 30, 120, 600), 0.0, "dead"),
}
