"""Prompts that are kept, in the memory of the process that answers: programs fetch them often.

An answer is given for five seconds before it is read anew, so a label that is moved counts within
five seconds in every process, and at once in the one that moves it. While the control plane does
not answer, an older answer is given on.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from controlplane.failures import NotFound, Unavailable
from schemas.llm.prompts import KeptPrompt, LangfusePrompt
from schemas.projects import ProjectId

FRESH_S = 5.0
MOST_BYTES = 32 << 20
"""Of all projects together."""
ENTRY_BYTES = 1_000
"""What an answer takes beside its bytes."""


class Fetch(NamedTuple):
    """Which version is asked for, and in which form."""

    project_id: ProjectId
    name: str
    version: int | None = None
    label: str | None = None
    is_langfuse: bool = False


class Fetched(NamedTuple):
    """An answer as it is sent."""

    body: bytes
    etag: str
    read_at: float


class PromptStates:
    """What this process was asked for; one per process."""

    def __init__(
        self, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._held: OrderedDict[Fetch, Fetched] = OrderedDict()
        self._bytes = 0
        self._changes = 0
        """How often something was forgotten: what was read before may be older than a change."""

    async def of(self, fetch: Fetch, read: Callable[[], Awaitable[KeptPrompt]]) -> Fetched:
        """Returns the answer; raises what `read` raises."""
        held = self._held.get(fetch)
        if held is not None and self._clock() - held.read_at < FRESH_S:
            self._held.move_to_end(fetch)
            return held
        read_at, changes = self._clock(), self._changes
        try:
            found = await read()
        except Unavailable:
            if held is None:
                raise
            return held
        except NotFound:
            self._drop(fetch)
            raise
        body = msgspec.json.encode(_langfuse(found) if fetch.is_langfuse else found)
        etag = f'"{blake2b(body, digest_size=16).hexdigest()}"'
        fetched = Fetched(body, etag, read_at)
        return self._keep(fetch, fetched) if changes == self._changes else fetched

    def forget(self, project_id: ProjectId) -> None:
        """Has who asks next read anew; call it after changing a prompt."""
        self._changes += 1
        for fetch in [one for one in self._held if one.project_id == project_id]:
            self._drop(fetch)

    def _keep(self, fetch: Fetch, fetched: Fetched) -> Fetched:
        self._drop(fetch)
        self._held[fetch] = fetched
        self._bytes += len(fetched.body) + ENTRY_BYTES
        while self._bytes > self._most_bytes and len(self._held) > 1:
            self._drop(next(iter(self._held)))
        return fetched

    def _drop(self, fetch: Fetch) -> None:
        held = self._held.pop(fetch, None)
        if held is not None:
            self._bytes -= len(held.body) + ENTRY_BYTES


def _langfuse(prompt: KeptPrompt) -> LangfusePrompt:
    return LangfusePrompt(
        name=prompt.name,
        version=prompt.version,
        type=prompt.type,
        prompt=prompt.prompt,
        config=prompt.config,
        labels=prompt.labels,
        commit_message=prompt.message or None,
    )
