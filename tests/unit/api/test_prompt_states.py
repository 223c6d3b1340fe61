"""Prompts in memory: how old an answer may be, how much is held, and what a fault changes."""

from collections.abc import Awaitable, Callable

import pytest

from api.llm.prompt_states import ENTRY_BYTES, FRESH_S, Fetch, PromptStates
from controlplane.failures import NotFound, Unavailable
from schemas.llm.prompts import KeptPrompt
from schemas.projects import ProjectId

PROJECT = ProjectId("one")


def prompt(version: int, text: str = "Be kind.") -> KeptPrompt:
    return KeptPrompt(
        name="support",
        version=version,
        type="text",
        prompt=text,
        config={},
        labels=(),
        variables=(),
        message="",
        author="",
        created_at="2026-01-05T00:00:00.000Z",
    )


class Source:
    """The control plane: the newest version, or why there is none."""

    def __init__(self) -> None:
        self.found: KeptPrompt | Exception = prompt(1)
        self.asked = 0

    @property
    def read(self) -> Callable[[], Awaitable[KeptPrompt]]:
        async def read() -> KeptPrompt:
            self.asked += 1
            if isinstance(self.found, Exception):
                raise self.found
            return self.found

        return read


async def test_an_answer_is_read_anew_after_a_while_and_kept_while_nobody_answers() -> None:
    now, source = [0.0], Source()
    states = PromptStates(clock=lambda: now[0])
    fetch = Fetch(PROJECT, "support")
    first = await states.of(fetch, source.read)

    now[0] = FRESH_S - 0.1
    assert await states.of(fetch, source.read) is first
    now[0] = FRESH_S
    source.found = Unavailable("away", retry_after_s=1)
    assert await states.of(fetch, source.read) is first
    source.found = prompt(2)
    second = await states.of(fetch, source.read)

    assert second.etag != first.etag
    assert source.asked == 3
    now[0] *= 3
    source.found = NotFound("gone")
    with pytest.raises(NotFound):
        await states.of(fetch, source.read)


async def test_a_prompt_that_is_gone_is_not_answered_while_nobody_answers() -> None:
    now, source = [0.0], Source()
    states = PromptStates(clock=lambda: now[0])
    fetch = Fetch(PROJECT, "support")
    await states.of(fetch, source.read)
    now[0] = FRESH_S
    source.found = NotFound("gone")
    with pytest.raises(NotFound):
        await states.of(fetch, source.read)

    source.found = Unavailable("away", retry_after_s=1)
    with pytest.raises(Unavailable):
        await states.of(fetch, source.read)


async def test_what_was_read_before_a_change_is_not_kept_after_it() -> None:
    source = Source()
    states = PromptStates(clock=lambda: 0.0)
    fetch = Fetch(PROJECT, "support")

    async def read_slowly() -> KeptPrompt:
        found = await source.read()
        source.found = prompt(2)
        states.forget(PROJECT)
        return found

    await states.of(fetch, read_slowly)

    assert b'"version":2' in (await states.of(fetch, source.read)).body


async def test_what_is_held_is_bounded_by_its_bytes() -> None:
    source = Source()
    states = PromptStates(most_bytes=3 * (ENTRY_BYTES + 500), clock=lambda: 0.0)
    fetches = [Fetch(PROJECT, "support", version=number) for number in range(50)]
    for fetch in fetches:
        await states.of(fetch, source.read)

    asked = source.asked
    await states.of(fetches[-1], source.read)
    await states.of(fetches[0], source.read)
    assert source.asked == asked + 1


async def test_projects_and_forms_have_answers_of_their_own_and_a_change_is_seen_at_once() -> None:
    source = Source()
    states = PromptStates(clock=lambda: 0.0)
    mine, theirs = Fetch(PROJECT, "support"), Fetch(ProjectId("two"), "support")
    plain = await states.of(mine, source.read)
    assert (await states.of(mine._replace(is_langfuse=True), source.read)).etag != plain.etag
    source.found = prompt(2, "Theirs")
    assert b"Theirs" in (await states.of(theirs, source.read)).body
    assert (await states.of(mine, source.read)) is plain

    states.forget(PROJECT)

    assert b"Theirs" in (await states.of(mine, source.read)).body
