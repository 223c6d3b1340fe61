"""Targets of notifications: whether they could be sent to, and tests that are sent at once."""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from alerts.children import run_child
from alerts.deliver import Deliverer
from alerts.uptime.wording import trial
from controlplane.aims import Sight
from controlplane.failures import Unavailable
from schemas.aims import read_aim
from schemas.messages import Sent

CHECK_S = 20.0


async def unknown_targets(texts: Sequence[str]) -> list[int]:
    """Returns which notifications, by their place, Apprise would have to send and does not know.

    Raises `Unavailable` where that cannot be found out now.
    """
    aims = [read_aim(text) for text in texts]
    asked = {n: aim.config.url for n, aim in enumerate(aims) if aim and aim.kind == "apprise"}
    asked = {n: url for n, url in asked.items() if url}
    if not asked:
        return []
    try:
        async with asyncio.timeout(CHECK_S):
            said = await run_child(
                "alerts.apprise_check", msgspec.json.encode(list(asked.values()))
            )
        known = msgspec.json.decode(said, type=list[bool])
    except (TimeoutError, OSError, msgspec.MsgspecError) as error:
        raise Unavailable("Notifications cannot be checked now", retry_after_s=5) from error
    return [n for n, is_known in zip(asked, known, strict=True) if not is_known]


async def try_targets(deliverer: Deliverer, name: str, sights: Sequence[Sight]) -> list[Sent]:
    """Sends a test to targets at once, and returns what each came to, in their order."""
    now_us = time.time_ns() // 1000
    message = trial(name, now_us)
    return await asyncio.gather(
        *(
            deliverer.send_now(one.kind, one.config, message, f"test/{number}/{now_us}")
            for number, one in enumerate(sights)
        )
    )
