"""What a coroutine gets from a log's thread."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import pytest

from eventlog.answers import Answers, Awaited
from eventlog.log import LogFull


async def test_answers_that_come_together_wake_a_loop_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, answers = asyncio.get_running_loop(), Answers()
    waiting = [Awaited(answers) for _ in range(5)]
    wakes = []
    wake = loop.call_soon_threadsafe

    def counted(*args: object) -> asyncio.Handle:
        wakes.append(args)
        return wake(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)

    # The loop cannot run meanwhile: all of them come together.
    _in_thread(*(partial(one.set_result, number) for number, one in enumerate(waiting)))

    assert await asyncio.gather(*(one.future for one in waiting)) == [0, 1, 2, 3, 4]
    assert len(wakes) == 1


async def test_a_reason_is_raised_where_there_is_no_answer() -> None:
    awaited = Awaited(Answers())

    _in_thread(lambda: awaited.set_exception(LogFull("full")))

    with pytest.raises(LogFull, match="full"):
        await awaited.future


async def test_who_has_given_up_is_known_and_gets_nothing() -> None:
    answers = Answers()
    left, stays = Awaited(answers), Awaited(answers)
    left.future.cancel()

    assert not left.set_running_or_notify_cancel()
    assert stays.set_running_or_notify_cancel()
    _in_thread(partial(left.set_result, 1), partial(stays.set_result, 2))

    assert await stays.future == 2
    assert left.future.cancelled()


def test_a_loop_that_has_ended_takes_nobody_along() -> None:
    answers = Answers()
    loop = asyncio.new_event_loop()
    loop.close()

    answers.give(loop, lambda: None)

    assert asyncio.run(_answered(answers)) == "here"


async def _answered(answers: Answers) -> object:
    awaited = Awaited(answers)
    _in_thread(lambda: awaited.set_result("here"))
    return await awaited.future


def _in_thread(*work: Callable[[], object]) -> None:
    def run() -> None:
        for one in work:
            one()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
