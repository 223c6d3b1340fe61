"""What bodies may hold, in bytes and in time."""

import asyncio
from typing import Any

import pytest

from clickhouse.served.bodies import Bodies
from clickhouse.served.errors import EngineError


def test_one_user_does_not_hold_what_all_have() -> None:
    bodies = Bodies(100)

    with (
        bodies.reserve("ann") as first,
        bodies.reserve("ann") as second,
        bodies.reserve("bob") as other,
    ):
        first(100)
        second(100)
        with pytest.raises(EngineError, match="TOO_MANY_SIMULTANEOUS_QUERIES"):
            second(1)
        other(100)
        with pytest.raises(EngineError, match="TOO_MANY_SIMULTANEOUS_QUERIES"):
            other(1)


def test_what_a_body_held_is_free_behind_it() -> None:
    bodies = Bodies(100)

    for _ in range(10):
        with bodies.reserve("ann") as take:
            take(200)

    with bodies.reserve("ann") as take:
        take(200)


def test_a_body_that_never_ends_is_left_in_time() -> None:
    async def trickle() -> Any:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def read() -> None:
        bodies = Bodies(1 << 30, body_s=0.05)
        with bodies.reserve("ann") as take:
            await bodies.receive(take, trickle)

    with pytest.raises(EngineError, match="SOCKET_TIMEOUT"):
        asyncio.run(read())
