"""Followers of a view: what they are sent, how often it is made, and that nobody is forgotten."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from api.pages.live.hub import Follower, Hub, Part, TooManyStreams, View
from api.reads import TooManyQueries

SOON_S = 5.0


class Source:
    """A project's events, and how often it was asked about them."""

    def __init__(self) -> None:
        self.events = 3
        self.counted = self.made = 0
        self.fails = False

    async def count(self) -> int:
        self.counted += 1
        return self.events

    async def make(self) -> str:
        self.made += 1
        if self.fails:
            raise TooManyQueries
        return f"{self.events} events"

    def view(self, key: str = "view", rest_s: float = 0.0) -> View:
        return View(key, "project", self.count, [Part("list", rest_s, self.make)])


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not holds():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.001)


async def followed(
    hub: Hub, source: Source, ask: Callable[[list[Follower]], Awaitable[None]], viewers: int = 5
) -> None:
    async with AsyncExitStack() as stack:
        view = source.view()
        await ask([await stack.enter_async_context(hub.follow(view, n, 3)) for n in range(viewers)])


async def test_a_part_is_made_once_for_five_viewers_of_the_same_view() -> None:
    source, hub = Source(), Hub(every_s=0.001)

    async def ask(followers: list[Follower]) -> None:
        source.events = 4
        all_made = await asyncio.gather(*(one.next(SOON_S) for one in followers))
        assert [made[0].text for made in all_made] == ["4 events"] * 5

    await followed(hub, source, ask)

    assert source.made == 1


async def test_nothing_is_made_while_nothing_is_new() -> None:
    source, hub = Source(), Hub(every_s=0.001)

    async def ask(followers: list[Follower]) -> None:
        await until(lambda: source.counted > 3)
        assert await followers[0].next(0.01) == []

    await followed(hub, source, ask)

    assert source.made == 0


async def test_nothing_is_asked_when_nobody_is_there_any_more() -> None:
    source, hub = Source(), Hub(every_s=0.001)

    async def ask(_: list[Follower]) -> None:
        await until(lambda: source.counted > 0)

    await followed(hub, source, ask)
    counted, source.events = source.counted, 9
    await asyncio.sleep(0.02)

    assert (source.counted, source.made) == (counted, 0)


async def test_what_came_between_the_page_and_its_stream_is_sent() -> None:
    source, hub = Source(), Hub(every_s=0.001)

    async with hub.follow(source.view(), "viewer", 2) as follower:
        made = await follower.next(SOON_S)

    assert made[0].text == "3 events"


async def test_who_comes_later_gets_what_was_made_already() -> None:
    source, hub = Source(), Hub(every_s=0.001)

    async with hub.follow(source.view(), "first", 2) as first:
        await first.next(SOON_S)
        async with hub.follow(source.view(), "second", 2) as second:
            assert (await second.next(SOON_S))[0].text == "3 events"
        async with hub.follow(source.view(), "third", 3) as third:
            assert await third.next(0.01) == []

    assert source.made == 1


async def test_a_part_rests_between_two_times_that_it_is_made() -> None:
    source, hub = Source(), Hub(every_s=0.001)

    async with hub.follow(source.view(rest_s=60.0), "viewer", 2) as follower:
        await follower.next(SOON_S)
        source.events = 4
        counted = source.counted
        await until(lambda: source.counted > counted + 2)

    assert source.made == 1


async def test_what_fails_for_now_is_made_the_next_time() -> None:
    source, hub = Source(), Hub(every_s=0.001)
    source.fails = True

    async with hub.follow(source.view(), "viewer", 2) as follower:
        await until(lambda: source.made > 0)
        source.fails = False
        made = await follower.next(SOON_S)

    assert made[0].text == "3 events"


async def test_streams_are_bounded_in_all_and_for_each_viewer() -> None:
    source, hub = Source(), Hub(most_streams=2, most_of_one=1)

    async with hub.follow(source.view(), "ann", 3):
        with pytest.raises(TooManyStreams):
            async with hub.follow(source.view("another"), "ann", 3):
                pass
        async with hub.follow(source.view(), "bob", 3):
            with pytest.raises(TooManyStreams):
                async with hub.follow(source.view(), "cid", 3):
                    pass
    async with hub.follow(source.view(), "ann", 3):
        pass


async def test_the_end_of_the_process_lets_all_go_at_once() -> None:
    source, hub = Source(), Hub()

    async with hub.follow(source.view(), "viewer", 3) as follower:
        waiting = asyncio.create_task(follower.next(60.0))
        await asyncio.sleep(0)
        hub.close()

        assert await asyncio.wait_for(waiting, SOON_S) == []
